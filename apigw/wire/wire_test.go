// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/iam/iamwire"
	"github.com/hivecloud/hive/apigw/sts/stswire"
	"github.com/hivecloud/hive/apigw/wire"
)

func parse(t *testing.T, raw string) wire.Form {
	t.Helper()
	form, err := wire.ParseForm(raw)
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func code(err error) string {
	var e *awserr.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestParseForm(t *testing.T) {
	t.Parallel()
	cases := []struct {
		raw  string
		want wire.Form
		code string
	}{
		{"", nil, ""},
		{"a=b", wire.Form{{Name: "a", Value: "b"}}, ""},
		{"a=b&&c", wire.Form{{Name: "a", Value: "b"}, {Name: "c"}}, ""},
		{"a=b=c&%41=+%2B%c3%A9", wire.Form{{Name: "a", Value: "b=c"}, {Name: "A", Value: " +é"}}, ""},
		{"a;b=c", wire.Form{{Name: "a;b", Value: "c"}}, ""},
		{"a=%", nil, "MalformedQueryString"},
		{"a=%4", nil, "MalformedQueryString"},
		{"%g0=1", nil, "MalformedQueryString"},
		{strings.Repeat("n", 513) + "=1", nil, "MalformedQueryString"},
		{strings.Repeat("&", wire.MaxParams), nil, "RequestEntityTooLarge"},
	}
	for _, c := range cases {
		got, err := wire.ParseForm(c.raw)
		if err != nil != (c.code != "") || err != nil && code(err) != c.code {
			t.Errorf("%.40q: got %v, want %s", c.raw, err, c.code)
		}
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%.40q: %s", c.raw, diff)
		}
	}
}

func TestDecodeAWSQuery(t *testing.T) {
	t.Parallel()
	form := parse(t, "UserName=u&Path=&Tags.member.2.Key=b&Tags.member.2.Value=&Tags.member.1.Value=1&Tags.member.1.Key=a")
	var in iam.CreateUserInput
	params, err := iamwire.Codec().Decode(form, &in)
	if err != nil {
		t.Fatal(err)
	}
	want := iam.CreateUserInput{UserName: aws.String("u"), Path: aws.String(""),
		Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("")}}}
	if diff := cmp.Diff(want, in, cmpopts.IgnoreUnexported(iam.CreateUserInput{}, types.Tag{})); diff != "" {
		t.Error(diff)
	}
	if len(params) != 6 || params[3] != (wire.Param{Name: "Tags.member.2.Value", Path: "Tags.Value"}) {
		t.Errorf("parameters %v", params)
	}
}

// TestDecodeMap covers the protocol's maps (NAME.entry.N.key and .value), which SimulateCustomPolicy has not got.
func TestDecodeMap(t *testing.T) {
	t.Parallel()
	var action, path, name string
	for _, a := range iamwire.Codec().Actions() {
		members, err := iamwire.Codec().Members(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			if strings.HasSuffix(m.Wire, ".entry.N.value") {
				action, path, name = a, m.Path, strings.TrimSuffix(m.Wire, ".N.value")
			}
		}
	}
	if action == "" {
		t.Skip("this SDK has no action with a map of strings")
	}
	decode := func(raw string) error {
		input, _ := iamwire.Codec().InputType(action)
		params, err := iamwire.Codec().Decode(parse(t, strings.ReplaceAll(raw, "NAME", name)), newValue(input))
		if err == nil && (len(params) != 4 || params[1].Path != path) {
			return fmt.Errorf("parameters %v", params)
		}
		return err
	}
	if err := decode("NAME.2.key=b&NAME.2.value=2&NAME.1.value=1&NAME.1.key=a"); err != nil {
		t.Error(err)
	}
	for raw, want := range map[string]string{
		"NAME.1.value=1":              "ValidationError",
		"NAME.2.key=a&NAME.2.value=1": "ValidationError",
		"NAME.1.key=a&NAME.1.value=1&NAME.2.key=a&NAME.2.value=2": "InvalidParameterCombination",
		"NAME.1=a":                  "UnknownParameter",
		"NAME.1.key.x=a":            "UnknownParameter",
		"NAME.1.name=a":             "UnknownParameter",
		"NAME.0.key=a":              "UnknownParameter",
		"NAME.99999.key=a":          "ValidationError",
		"NAME.1.key=a&NAME.1.key=b": "InvalidParameterCombination",
		strings.ReplaceAll("NAME.1.key=a", ".entry", "") + "&entry=1": "UnknownParameter",
	} {
		if got := code(decode(raw)); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}

func TestDecodeRefusals(t *testing.T) {
	t.Parallel()
	cases := []struct{ raw, code, name string }{
		{"Nothing=1", "UnknownParameter", "Nothing"},
		{"userName=u", "UnknownParameter", "userName"},
		{"UserName.1=u", "UnknownParameter", "UserName.1"},
		{"UserName.member.1=u", "UnknownParameter", "UserName.member.1"},
		{"Tags=x", "UnknownParameter", "Tags"},
		{"Tags.1.Key=a", "UnknownParameter", "Tags.1.Key"},
		{"Tags.member=a", "UnknownParameter", "Tags.member"},
		{"Tags.member.1=a", "UnknownParameter", "Tags.member.1"},
		{"Tags.member.1.Key.=a", "UnknownParameter", "Tags.member.1.Key."},
		{"Tags.member.0.Key=a", "UnknownParameter", "Tags.member.0.Key"},
		{"Tags.member.01.Key=a", "UnknownParameter", "Tags.member.01.Key"},
		{"Tags.member.-1.Key=a", "UnknownParameter", "Tags.member.-1.Key"},
		{"Tags.member.2.Key=a", "ValidationError", "Tags.1"},
		{"Tags.member.1.Key=a&Tags.member.3.Key=a", "ValidationError", "Tags.2"},
		{"Tags.member.10001.Key=a", "ValidationError", "10000"},
		{"Tags.member.99999999999999999999999999.Key=a", "ValidationError", "10000"},
		{"UserName=a&UserName=b", "InvalidParameterCombination", "UserName"},
		{strings.Repeat("a.", 200) + "b=1", "UnknownParameter", "a.a"},
	}
	for _, c := range cases {
		var in iam.CreateUserInput
		_, err := iamwire.Codec().Decode(parse(t, c.raw), &in)
		if code(err) != c.code || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%.60s: got %v, want %s naming %s", c.raw, err, c.code, c.name)
		}
	}
}

func TestDecodeEmptyListAndNumbers(t *testing.T) {
	t.Parallel()
	var in sts.AssumeRoleInput
	if _, err := stswire.Codec().Decode(parse(t, "RoleArn=r&PolicyArns=&DurationSeconds=900"), &in); err != nil {
		t.Fatal(err)
	}
	if in.PolicyArns == nil || len(in.PolicyArns) != 0 || *in.DurationSeconds != 900 {
		t.Errorf("got %+v", in)
	}
	for _, bad := range []string{"", "x", "+1", "1.0", "0x10", "2147483648", "-2147483649", " 1", "1e3", "999999999999999999999999"} {
		_, err := stswire.Codec().Decode(wire.Form{{Name: "DurationSeconds", Value: bad}}, new(sts.AssumeRoleInput))
		if bad != "" && code(err) != "ValidationError" {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestAppendResponseAWSQuery(t *testing.T) {
	t.Parallel()
	out := &iam.SimulateCustomPolicyOutput{IsTruncated: true, EvaluationResults: []types.EvaluationResult{{
		EvalActionName: aws.String("a<b>&\"c\"\r\n\x01\xff\u2028"), EvalDecision: types.PolicyEvaluationDecisionTypeAllowed,
		EvalDecisionDetails: map[string]types.PolicyEvaluationDecisionType{"z": "allowed", "a": "explicitDeny"},
	}}}
	got, err := iamwire.Codec().AppendResponse(nil, "SimulateCustomPolicy", out, "id&")
	if err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<SimulateCustomPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulateCustomPolicyResult>` +
		`<EvaluationResults><member><EvalActionName>a&lt;b&gt;&amp;&#34;c&#34;&#xD;` + "\n\uFFFD\uFFFD\u2028" + `</EvalActionName><EvalDecision>allowed</EvalDecision>` +
		`<EvalDecisionDetails><entry><key>a</key><value>explicitDeny</value></entry><entry><key>z</key><value>allowed</value></entry></EvalDecisionDetails>` +
		`</member></EvaluationResults><IsTruncated>true</IsTruncated></SimulateCustomPolicyResult>` +
		`<ResponseMetadata><RequestId>id&amp;</RequestId></ResponseMetadata></SimulateCustomPolicyResponse>`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestAppendResponseTimes(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 1, 31, 23, 59, 59, 987654321, time.FixedZone("x", 3600))
	out := &iam.GetUserOutput{User: &types.User{CreateDate: &when}}
	got, err := iamwire.Codec().AppendResponse(nil, "GetUser", out, "id")
	if err != nil || !strings.Contains(string(got), "<CreateDate>2026-01-31T22:59:59Z</CreateDate>") {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAppendResponseRefusesOtherTypes(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]any{"another type": &iam.GetRoleOutput{}, "a value": iam.GetUserOutput{}, "nil": (*iam.GetUserOutput)(nil), "nothing": nil} {
		if got, err := iamwire.Codec().AppendResponse(nil, "GetUser", out, "id"); err == nil {
			t.Errorf("%s: got %s", name, got)
		}
	}
	if _, err := iamwire.Codec().AppendResponse(nil, "Fly", &iam.GetUserOutput{}, "id"); err == nil {
		t.Error("an action that does not exist was answered")
	}
}

func TestParseTableRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\tA b", "request", "request A\nB c", "request A\n\tB", "request A\n\tB c d e"} {
		if _, err := wire.ParseTable(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestHasPath(t *testing.T) {
	t.Parallel()
	c := iamwire.Codec()
	for path, want := range map[string][2]bool{
		"UserName": {true, false}, "Tags": {false, true}, "Tags.Key": {true, false}, "Tags.Key.X": {false, false},
		"": {false, false}, "Nothing": {false, false}, "Tags.": {false, false},
	} {
		if got := [2]bool{c.HasPath("CreateUser", path, false), c.HasPath("CreateUser", path, true)}; got != want {
			t.Errorf("%q: got %v, want %v", path, got, want)
		}
	}
}
