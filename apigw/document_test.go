// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/fxamacker/cbor/v2"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/cloudwatch/cloudwatchwire"
)

// watchHandlers answers one action of a service that speaks every protocol.
type watchHandlers struct{}

func (watchHandlers) GetMetricStatistics(ctx context.Context, in *cloudwatch.GetMetricStatisticsInput) (*cloudwatch.GetMetricStatisticsOutput, error) {
	call := CallFrom(ctx)
	if call.Service != "cloudwatch" || call.ARN("x") != "arn:aws:cloudwatch:hive-1:111122223333:x" {
		return nil, awserr.InvalidParameterValue("the service is %s", call.Service)
	}
	if in.StartTime == nil {
		return nil, awserr.InvalidParameterCombination("no <start>")
	}
	if aws.ToInt32(in.Period) == 7 {
		return nil, awserr.New("InternalServiceError", "seven")
	}
	return &cloudwatch.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{
		{Timestamp: in.StartTime, Sum: aws.Float64(float64(*in.Period)), Unit: types.StandardUnitCount, ExtendedStatistics: map[string]float64{"p50": 0.5}}}}, call.Authorize()
}

// documents are a gateway and the ways to call it: each takes and returns a document as JSON values.
func documents(t *testing.T) map[string]func(action string, in map[string]any) (answer, map[string]any) {
	t.Helper()
	g := newGate(t, func(c *Config) {
		c.Services = append(c.Services, Service{Name: "cloudwatch", Scope: "monitoring", Codec: cloudwatchwire.Codec(), Handlers: watchHandlers{},
			Members: Members{"GetMetricStatistics": {"Namespace", "MetricName", "StartTime", "Period", "Statistics", "Dimensions.*"}}})
	})
	send := func(path, body string, headers map[string]string) answer {
		return g.do(t, request{path: path, form: body, service: "monitoring", header: headers})
	}
	return map[string]func(string, map[string]any) (answer, map[string]any){
		"json": func(action string, in map[string]any) (answer, map[string]any) {
			body, err := json.Marshal(in)
			if err != nil {
				t.Fatal(err)
			}
			a := send("/", string(body), map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": cloudwatchwire.Target + "." + action})
			var out map[string]any
			if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.header.Get("Content-Type") != "application/x-amz-json-1.0" {
				t.Fatalf("%s: %v: %s", action, err, a.body)
			}
			return a, out
		},
		"cbor": func(action string, in map[string]any) (answer, map[string]any) {
			if seconds, ok := in["StartTime"].(int); ok {
				in["StartTime"] = cbor.Tag{Number: 1, Content: seconds}
			}
			body, err := cbor.Marshal(in)
			if err != nil {
				t.Fatal(err)
			}
			a := send("/service/"+cloudwatchwire.Target+"/operation/"+action, string(body), map[string]string{"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"})
			var out map[string]any
			if err := cbor.Unmarshal([]byte(a.body), &out); err != nil || a.header.Get("Content-Type") != "application/cbor" || a.header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
				t.Fatalf("%s: %v: %q %v", action, err, a.body, a.header)
			}
			return a, out
		},
	}
}

func TestDocuments_SayWhatFormsSay(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for name, call := range documents(t) {
		a, out := call("GetMetricStatistics", map[string]any{"Namespace": "AWS/EC2", "MetricName": "CPU", "StartTime": int(at.Unix()), "Period": 300,
			"Statistics": []string{"Sum"}, "Dimensions": []any{map[string]any{"Name": "a", "Value": "b"}}})
		if a.status != 200 || out["Label"] != "CPU" {
			t.Fatalf("%s: %d %v", name, a.status, out)
		}
		point := plainMap(out["Datapoints"].([]any)[0])
		when, ok := point["Timestamp"].(time.Time)
		if !ok {
			when = time.Unix(int64(point["Timestamp"].(float64)), 0)
		}
		if !when.Equal(at) || point["Sum"] != 300.0 || point["Unit"] != "Count" || plainMap(point["ExtendedStatistics"])["p50"] != 0.5 || point["Average"] != nil {
			t.Errorf("%s: %v", name, point)
		}
		if len(out) != 2 || len(point) != 4 {
			t.Errorf("%s: members that nobody set: %v", name, out)
		}
	}
}

func plainMap(v any) map[string]any {
	out := map[string]any{}
	switch m := v.(type) {
	case map[string]any:
		return m
	case map[any]any:
		for k, v := range m {
			out[k.(string)] = v
		}
	}
	return out
}

func TestDocuments_Refusals(t *testing.T) {
	t.Parallel()
	good := func(more ...any) map[string]any {
		m := map[string]any{"Namespace": "n", "MetricName": "m", "StartTime": 1700000000, "Period": 60}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	for name, call := range documents(t) {
		for _, c := range []struct {
			what, action string
			in           map[string]any
			status       int
			shape, code  string
			message      string
		}{
			{"a code with a name of its own", "GetMetricStatistics", good("StartTime", nil), 400, "InvalidParameterCombinationException", "InvalidParameterCombination;Sender", "no <start>"},
			{"a fault of the server", "GetMetricStatistics", good("Period", 7), 500, "InternalServiceFault", "InternalServiceError;Receiver", "seven"},
			{"an action without a method", "PutMetricData", good(), 400, "UnknownOperationException", "InvalidAction;Sender", "PutMetricData"},
			{"no action", "Nonsense", good(), 400, "UnknownOperationException", "InvalidAction;Sender", "Nonsense"},
			{"a member that is not declared", "GetMetricStatistics", good("Unit", "Count"), 400, "UnsupportedOperation", "UnsupportedOperation;Sender", "Unit"},
			{"an unknown member", "GetMetricStatistics", good("Wrong", 1), 400, "UnknownParameter", "UnknownParameter;Sender", "Wrong"},
			{"an unknown member below", "GetMetricStatistics", good("Dimensions", []any{map[string]any{"Nome": "a"}}), 400, "UnknownParameter", "UnknownParameter;Sender", "Dimensions.member.1.Nome"},
			{"a text for a number", "GetMetricStatistics", good("Period", "60"), 400, "SerializationException", "SerializationException;Sender", "Period"},
			{"a number for a text", "GetMetricStatistics", good("MetricName", 1), 400, "SerializationException", "SerializationException;Sender", "MetricName"},
			{"a number for a list", "GetMetricStatistics", good("Statistics", 1), 400, "SerializationException", "SerializationException;Sender", "Statistics"},
			{"a list for a structure", "GetMetricStatistics", good("Dimensions", []any{[]any{}}), 400, "SerializationException", "SerializationException;Sender", "Dimensions.member.1"},
			{"nothing in a list", "GetMetricStatistics", good("Dimensions", []any{nil}), 400, "SerializationException", "SerializationException;Sender", "Dimensions.member.1"},
			{"a number with a fraction", "GetMetricStatistics", good("Period", 1.5), 400, "ValidationError", "ValidationError;Sender", "Period"},
		} {
			a, out := call(c.action, c.in)
			shape, _ := out["__type"].(string)
			message, _ := out["message"].(string)
			if a.status != c.status || !strings.HasSuffix(shape, "#"+c.shape) || a.header.Get("X-Amzn-Query-Error") != c.code || !strings.Contains(message, c.message) {
				t.Errorf("%s, %s: %d %v %q", name, c.what, a.status, out, a.header.Get("X-Amzn-Query-Error"))
			}
		}
	}
}

// What is no document, or goes to a service that takes none, is refused in the format it came in.
func TestDocuments_ThatAreNone(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(c *Config) {
		c.Services = append(c.Services, Service{Name: "cloudwatch", Scope: "monitoring", Codec: cloudwatchwire.Codec(), Handlers: watchHandlers{}, Members: Members{"GetMetricStatistics": nil}})
	})
	const action = "GetMetricStatistics"
	target := cloudwatchwire.Target + "." + action
	path := "/service/" + cloudwatchwire.Target + "/operation/" + action
	for _, c := range []struct {
		name, path, body, service string
		headers                   map[string]string
		status                    int
		shape                     string
	}{
		{"json that ends early", "/", `{"a":`, "monitoring", map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}, 400, "SerializationException"},
		{"json twice", "/", `{}{}`, "monitoring", map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}, 400, "SerializationException"},
		{"json that is a list", "/", `[]`, "monitoring", map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}, 400, "SerializationException"},
		{"a form with a target", "/", "a=b", "monitoring", map[string]string{"X-Amz-Target": target}, 415, "UnsupportedMediaType"},
		{"another target", "/", `{}`, "monitoring", map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "Logs." + action}, 400, "UnknownOperationException"},
		{"a service without documents", "/", `{}`, "iam", map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}, 400, "InvalidAction"},
		{"an unknown service", "/", `{}`, "logs", map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}, 403, "SignatureDoesNotMatch"},
		{"cbor that ends early", path, "\xa1", "monitoring", map[string]string{"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}, 400, "SerializationException"},
		{"cbor with a key twice", path, "\xa2\x61a\x01\x61a\x01", "monitoring", map[string]string{"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}, 400, "SerializationException"},
		{"cbor of another protocol", path, "\xa0", "monitoring", map[string]string{"Content-Type": "application/cbor"}, 400, "UnknownOperationException"},
	} {
		a := g.do(t, request{path: c.path, form: c.body, service: c.service, header: c.headers})
		if a.status != c.status || !strings.Contains(a.body, c.shape) || strings.Contains(a.body, "<") {
			t.Errorf("%s: %d %q", c.name, a.status, a.body)
		}
	}
}
