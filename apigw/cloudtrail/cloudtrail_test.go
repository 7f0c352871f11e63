// SPDX-License-Identifier: Apache-2.0

package cloudtrail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/apigw/wire"
	"github.com/hivecloud/hive/internal/auditlog"
)

const (
	alice = "111111111111"
	bob   = "222222222222"
)

// nodes are the logs of a region's nodes.
type nodes []*auditlog.Log

func (n nodes) Lookup(_ context.Context, q Query) ([][]byte, error) {
	var found [][][]byte
	for _, l := range n {
		lines, err := Find(l.Scan, q)
		if err != nil {
			return nil, err
		}
		found = append(found, lines)
	}
	return Merge(q.Limit, found...), nil
}

func newNodes(t *testing.T, n int) nodes {
	t.Helper()
	var out nodes
	for range n {
		l, err := auditlog.New(auditlog.Config{Dir: t.TempDir()})
		if err == nil {
			err = l.Open()
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		out = append(out, l)
	}
	return out
}

func event1(account, action string, change func(*apigw.AuditEvent)) apigw.AuditEvent {
	e := apigw.AuditEvent{Time: time.Now(), RequestID: "r-1", Service: "ec2", Scope: "ec2", Action: action, Region: "hive-1", SourceIP: "10.0.0.1", UserAgent: "aws-cli/2", Status: 200,
		ReadOnly:  strings.HasPrefix(action, "Describe"),
		Principal: apigw.Principal{AccountID: account, AccessKeyID: "AKIA" + account, ARN: "arn:aws:iam::" + account + ":user/ann", UserID: "AIDAANN", UserName: "ann", Type: apigw.PrincipalUser}}
	if change != nil {
		change(&e)
	}
	return e
}

func lookup(t *testing.T, n nodes, account string, change func(*sdk.LookupEventsInput)) (*sdk.LookupEventsOutput, error) {
	t.Helper()
	s, err := New(n)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := page.NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	in := &sdk.LookupEventsInput{}
	if change != nil {
		change(in)
	}
	call := &apigw.Call{Account: account, Service: "cloudtrail", Action: "LookupEvents", Time: time.Now(), Principal: apigw.Principal{AccountID: account}}
	return s.LookupEvents(apigw.WithCall(t.Context(), call, apigw.CallConfig{Tokens: tokens}), in)
}

func TestLookupEvents_AllNodes_OwnAccountOnly_EveryPage(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 3)
	var want []string
	for i := range 20 {
		account := alice
		if i%4 == 3 {
			account = bob
		}
		name := fmt.Sprintf("StopInstances%02d", i)
		NewRecorder(n[i%3], nil).Record(t.Context(), event1(account, name, nil))
		if account == alice {
			want = append([]string{name}, want...)
		}
	}
	for _, size := range []int32{1, 4, 50} {
		var got []string
		var token *string
		for pages := 0; pages < 30; pages++ {
			out, err := lookup(t, n, alice, func(in *sdk.LookupEventsInput) { in.MaxResults, in.NextToken = &size, token })
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range out.Events {
				got = append(got, *e.EventName)
			}
			if token = out.NextToken; token == nil {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %v, want %v", size, got, want)
		}
	}
}

func TestLookupEvents_Attributes(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 1)
	r := NewRecorder(n[0], nil)
	r.Record(t.Context(), event1(alice, "RunInstances", func(e *apigw.AuditEvent) {
		e.Resources = []apigw.Resource{{ARN: "arn:aws:ec2:hive-1:111111111111:instance/i-0123456789abcdef0"}, {ARN: "arn:aws:ec2:hive-1:111111111111:volume/*"}}
	}))
	r.Record(t.Context(), event1(alice, "DescribeInstances", nil))
	r.Record(t.Context(), event1(alice, "CreateUser", func(e *apigw.AuditEvent) {
		e.Service, e.Scope, e.Principal.UserName, e.Code, e.Status = "iam", "iam", "", "AccessDenied", 403
		e.Principal.Type, e.Principal.ARN = apigw.PrincipalAssumedRole, "arn:aws:sts::111111111111:assumed-role/r/session"
		e.Principal.Session = &apigw.Session{RoleARN: "arn:aws:iam::111111111111:role/r", RoleID: "AROAR"}
	}))
	for key, c := range map[types.LookupAttributeKey][2]string{
		"EventName": {"RunInstances", "RunInstances"}, "ReadOnly": {"true", "DescribeInstances"}, "EventSource": {"iam.amazonaws.com", "CreateUser"},
		"Username": {"session", "CreateUser"}, "ResourceName": {"i-0123456789abcdef0", "RunInstances"}, "ResourceType": {"AWS::EC2::Instance", "RunInstances"},
		"AccessKeyId": {"AKIA111111111111", "CreateUser DescribeInstances RunInstances"}, "EventId": {"none", ""},
	} {
		out, err := lookup(t, n, alice, func(in *sdk.LookupEventsInput) {
			in.LookupAttributes = []types.LookupAttribute{{AttributeKey: key, AttributeValue: aws.String(c[0])}}
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range out.Events {
			got = append(got, *e.EventName)
		}
		if strings.Join(got, " ") != c[1] {
			t.Errorf("%s=%s: got %v, want %s", key, c[0], got, c[1])
		}
	}
}

func TestLookupEvents_BadInput(t *testing.T) {
	t.Parallel()
	n := newNodes(t, 1)
	attribute := types.LookupAttribute{AttributeKey: "EventName", AttributeValue: aws.String("x")}
	for code, change := range map[string]func(*sdk.LookupEventsInput){
		"InvalidMaxResultsException":       func(in *sdk.LookupEventsInput) { in.MaxResults = aws.Int32(51) },
		"InvalidNextTokenException":        func(in *sdk.LookupEventsInput) { in.NextToken = aws.String("x") },
		"InvalidLookupAttributesException": func(in *sdk.LookupEventsInput) { in.LookupAttributes = []types.LookupAttribute{attribute, attribute} },
		"InvalidTimeRangeException": func(in *sdk.LookupEventsInput) {
			in.StartTime, in.EndTime = aws.Time(time.Now()), aws.Time(time.Now().Add(-time.Hour))
		},
	} {
		var got *awserr.Error
		if _, err := lookup(t, n, alice, change); !errors.As(err, &got) || got.Code != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
}

func TestRecord_HasCloudTrailsShape_AndNoSecrets(t *testing.T) {
	t.Parallel()
	const canary = "canary-secret-value"
	e := event1(alice, "CreateAccessKey", func(e *apigw.AuditEvent) {
		e.Service, e.Scope = "iam", "iam"
		e.Params = []wire.Param{{Name: "UserName", Path: "UserName", Value: "ann"}, {Name: "Filters.member.1.Values.member.2", Path: "Filters.Values", Value: "x"},
			{Name: "EncryptionContext.entry.1.key", Path: "EncryptionContext", Value: "k"}, {Name: "EncryptionContext.entry.1.value", Path: "EncryptionContext", Value: "v"}}
		e.Response = &iam.CreateAccessKeyOutput{AccessKey: &iamtypes.AccessKey{AccessKeyId: aws.String("AKIANEW"), SecretAccessKey: aws.String(canary), Status: "Active", CreateDate: aws.Time(time.Unix(0, 0))}}
	})
	line, err := NewRecord(e, "0193-id").Encode()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(line), canary) {
		t.Errorf("the secret is in %s", line)
	}
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"eventVersion", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "userIdentity", "requestParameters", "responseElements",
		"requestID", "eventID", "readOnly", "eventType", "recipientAccountId"} {
		if _, ok := got[name]; !ok {
			t.Errorf("no %s in %s", name, line)
		}
	}
	parameters, _ := json.Marshal(got["requestParameters"])
	if want := `{"encryptionContext":{"k":"v"},"filters":[{"values":["x"]}],"userName":"ann"}`; string(parameters) != strings.Replace(want, `[{"values":["x"]}]`, `[{"values":["x"]}]`, 1) {
		t.Errorf("parameters %s, want %s", parameters, want)
	}
	response, _ := json.Marshal(got["responseElements"])
	if want := `{"accessKey":{"accessKeyId":"AKIANEW","createDate":"1970-01-01T00:00:00Z","secretAccessKey":"HIDDEN_DUE_TO_SECURITY_REASONS","status":"Active"}}`; string(response) != want {
		t.Errorf("response %s, want %s", response, want)
	}
}

func TestRecord_TooLong_IsShortened(t *testing.T) {
	t.Parallel()
	line, err := NewRecord(event1(alice, "RunInstances", func(e *apigw.AuditEvent) {
		e.Params = []wire.Param{{Name: "X", Path: "X", Value: strings.Repeat("x", 2*auditlog.MaxRecord)}}
		e.UserAgent = strings.Repeat("u", 2*auditlog.MaxRecord)
	}), "id").Encode()
	if err != nil || len(line) > auditlog.MaxRecord || !strings.Contains(string(line), `"requestParameters":{"omitted":true`) {
		t.Errorf("%d bytes, %v", len(line), err)
	}
}

func TestErrorCodes_OfEC2NameWhoseFaultItWas(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{400: "Client.X", 503: "Server.X"} {
		if r := NewRecord(event1(alice, "RunInstances", func(e *apigw.AuditEvent) { e.Code, e.Status = "X", status }), ""); r.ErrorCode != want {
			t.Errorf("%d: %s, want %s", status, r.ErrorCode, want)
		}
	}
}
