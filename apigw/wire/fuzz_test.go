// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"errors"
	"testing"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/iam/iamwire"
	"github.com/hivecloud/hive/apigw/wire"
)

// FuzzDecode feeds forms that nobody's SDK would send: nothing panics, every refusal is an AWS error.
func FuzzDecode(f *testing.F) {
	f.Add("CreateUser", "UserName=u&Tags.member.1.Key=a&Tags.member.1.Value=b")
	f.Add("CreateUser", "Tags.member.2.Key=a&Tags=")
	f.Add("SimulateCustomPolicy", "ContextEntries.member.1.ContextKeyValues.member.1=x&MaxItems=1")
	f.Add("CreateSAMLProvider", "SAMLMetadataDocument=%00%ff&a=%zz")
	f.Add("CreateDelegationRequest", "Permissions.Parameters.member.1.Values.member.1=x")
	codec := iamwire.Codec()
	f.Fuzz(func(t *testing.T, action, raw string) {
		input, ok := codec.InputType(action)
		if !ok {
			return
		}
		form, err := wire.ParseForm(raw)
		if err == nil {
			var params []wire.Param
			params, err = codec.Decode(form, newValue(input))
			if err == nil && len(params) > len(form) {
				t.Fatalf("%d parameters took effect out of %d", len(params), len(form))
			}
		}
		if err != nil && !errors.As(err, new(*awserr.Error)) {
			t.Fatalf("not an AWS error: %v", err)
		}
	})
}
