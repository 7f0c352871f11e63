// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/iam/iamwire"
	"github.com/hivecloud/hive/apigw/wire"
)

func testCall() *Call {
	return &Call{Account: "111122223333", Principal: Principal{AccountID: "111122223333"}, Service: "ec2", Action: "RunInstances", Region: "hive-1"}
}

func TestCallAuthorize(t *testing.T) {
	t.Parallel()
	call := testCall()
	WithCall(t.Context(), call, CallConfig{})
	if call.Authorized() {
		t.Error("authorized before it was asked")
	}
	if err := call.Authorize(call.Resource("instance", "i-1", nil)); err != nil || !call.Authorized() {
		t.Errorf("got %v", err)
	}
	call.DryRun = true
	if err := call.Authorize(); !errors.Is(err, &awserr.Error{Code: "DryRunOperation"}) {
		t.Errorf("dry run: got %v", err)
	}
	nobody := testCall()
	nobody.Principal, nobody.DryRun = Principal{}, true
	WithCall(t.Context(), nobody, CallConfig{})
	if err := nobody.Authorize(); !errors.Is(err, &awserr.Error{Code: "UnauthorizedOperation"}) || nobody.Authorized() {
		t.Errorf("a dry run that may not: got %v", err)
	}
}

func TestCallFromPanicsOutsideACall(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	CallFrom(context.Background())
}

func TestARN(t *testing.T) {
	t.Parallel()
	call := testCall()
	arn := call.ARN("instance/i-1")
	if arn != "arn:aws:ec2:hive-1:111122223333:instance/i-1" {
		t.Errorf("got %s", arn)
	}
	service, region, account, resource, ok := ParseARN("arn:aws:iam::1:role/a:b")
	if !ok || service != "iam" || region != "" || account != "1" || resource != "role/a:b" {
		t.Errorf("got %q %q %q %q %v", service, region, account, resource, ok)
	}
	for _, bad := range []string{"", "x", "arn:aws:ec2:r:a", "arn:aws:ec2:r:a:", "arn:aws-cn:ec2:r:a:x", "arn:aws::r:a:x"} {
		if _, _, _, _, ok := ParseARN(bad); ok {
			t.Errorf("%q is an ARN", bad)
		}
	}
}

func TestSent(t *testing.T) {
	t.Parallel()
	call := &Call{Params: []wire.Param{{Path: "A.B"}, {Path: "C"}}}
	for path, want := range map[string]bool{"A": true, "A.B": true, "A.B.C": false, "C": true, "B": false, "": false} {
		if got := call.Sent(path); got != want {
			t.Errorf("%q: got %v", path, got)
		}
	}
}

func TestRulesContradict(t *testing.T) {
	t.Parallel()
	for _, members := range [][]string{{"Path", "Path=/"}, {"Path=/", "Path"}, {"Path", "Path"}, {"Tags"}, {"Path.*"}, {"Tags.*=x"}, {""}, {"=x"}} {
		if _, err := compileRules(iamwire.Codec(), "CreateUser", members); err == nil {
			t.Errorf("%q was accepted", members)
		}
	}
	r, err := compileRules(iamwire.Codec(), "CreateUser", []string{"Path=/", "Path=/a/", "Tags.Key"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		p    wire.Param
		want string
	}{
		{wire.Param{Path: "Path", Value: "/"}, ""},
		{wire.Param{Path: "Path", Value: "/a/"}, ""},
		{wire.Param{Path: "Path", Value: "/A/"}, "only '/' or '/a/' is"},
		{wire.Param{Name: "Path", Path: "Path", Value: "/b/"}, "only '/' or '/a/' is"},
		{wire.Param{Path: "Tags.Key"}, ""},
		{wire.Param{Name: "Tags.member.1.Value", Path: "Tags.Value"}, "Tags.member.1.Value"},
	} {
		err := r.check([]wire.Param{c.p})
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v", c.p, err)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	in := []wire.Param{{Path: "UserData", Value: "s"}, {Path: "LaunchTemplateData.UserData", Value: "s"}, {Path: "UserDataX", Value: "kept"}, {Path: "UserData.Value", Value: "s"}}
	for _, p := range redact(in) {
		if strings.Contains(p.Value, "s") && p.Value != Redacted || p.Path == "UserDataX" && p.Value != "kept" {
			t.Errorf("%s: %q", p.Path, p.Value)
		}
	}
	if in[0].Value != "s" {
		t.Error("redact changed its argument")
	}
}

func TestDeclared(t *testing.T) {
	t.Parallel()
	m := Members{"CreateUser": {"UserName", "Path=/", "Tags.*"}}
	got, err := m.Declared(iamwire.Codec(), "CreateUser")
	var paths []string
	for _, w := range got {
		paths = append(paths, w.Path)
	}
	slices.Sort(paths)
	if err != nil || !slices.Equal(paths, []string{"Tags.Key", "Tags.Value", "UserName"}) {
		t.Errorf("got %v, %v", paths, err)
	}
}
