// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"errors"
	"testing"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/cloudwatch/cloudwatchwire"
	"github.com/hivecloud/hive/apigw/wire"
)

// FuzzDocument feeds documents that nobody's SDK would send: nothing panics, every refusal is an AWS error, and what is
// read decodes as a form does.
func FuzzDocument(f *testing.F) {
	f.Add(false, "GetMetricData", []byte(`{"StartTime":1.5e9,"MetricDataQueries":[{"Id":"a","MetricStat":{"Period":60}}]}`))
	f.Add(false, "PutMetricData", []byte(`{"MetricData":[{"Values":[1e999,null],"Timestamp":-1e300}]}`))
	f.Add(false, "TagResource", []byte(`{"Tags":[]}`))
	f.Add(true, "GetMetricData", []byte("\xa1\x69StartTime\xc1\x1a\x65\x00\x00\x00"))
	f.Add(true, "ListMetrics", []byte("\xbf\x69Namespace\x7f\x61a\x61b\xff\xff"))
	codec := cloudwatchwire.Codec()
	f.Fuzz(func(t *testing.T, binary bool, action string, body []byte) {
		input, ok := codec.InputType(action)
		if !ok {
			return
		}
		format := wire.JSON
		if binary {
			format = wire.CBOR
		}
		form, err := codec.ReadDocument(format, action, body)
		if err == nil {
			_, err = codec.Decode(form, newValue(input))
		}
		if err != nil && !errors.As(err, new(*awserr.Error)) {
			t.Fatalf("not an AWS error: %v", err)
		}
	})
}
