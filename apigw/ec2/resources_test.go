// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ec2/ec2wire"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
)

// The accounts of these tests.
const (
	alice = "111111111111"
	bob   = "222222222222"
	owner = "333333333333" // the system account
)

// silent is a console of guests that show nothing.
type silent struct{}

func (silent) Output(context.Context, string, string) ([]byte, time.Time, error) {
	return nil, time.Time{}, nil
}
func (silent) Screenshot(context.Context, string, string) ([]byte, error) { return nil, nil }

// resourceWorld is a region with two accounts and the system account, and the service over it.
type resourceWorld struct {
	t      *testing.T
	region *fsmtest.Region
	svc    *Service
	tokens *page.Tokens
	now    time.Time
}

func newResourceWorld(t *testing.T) *resourceWorld {
	t.Helper()
	w := &resourceWorld{t: t, region: fsmtest.NewRegion(t), now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	for _, account := range []string{alice, bob, owner} {
		w.region.AddAccount(t, account)
	}
	var err error
	if w.svc, err = New(Config{Region: w.region, Console: silent{}}); err != nil {
		t.Fatal(err)
	}
	if w.tokens, err = page.NewTokens([]byte("0123456789abcdef")); err != nil {
		t.Fatal(err)
	}
	return w
}

// ctx is the context of a call by an account.
func (w *resourceWorld) ctx(account, action string, change ...func(*apigw.Call)) context.Context {
	call := &apigw.Call{Account: account, Service: "ec2", Action: action, Region: fsmtest.Name, RequestID: "req-1", Time: w.now,
		Principal: apigw.Principal{AccountID: account, ARN: "arn:aws:iam::" + account + ":user/admin", UserName: "admin"}}
	for _, c := range change {
		c(call)
	}
	return apigw.WithCall(w.t.Context(), call, apigw.CallConfig{Tokens: w.tokens})
}

// in is the same world for a subtest.
func (w *resourceWorld) in(t *testing.T) *resourceWorld {
	sub := *w
	sub.t = t
	return &sub
}

func dryRun(c *apigw.Call) { c.DryRun = true }

// do calls a handler for an account and wants an answer.
func do[In, Out any](w *resourceWorld, account string, handler func(context.Context, *In) (*Out, error), in *In) *Out {
	w.t.Helper()
	ctx := w.ctx(account, "Test")
	out, err := handler(ctx, in)
	if err != nil {
		w.t.Fatalf("%T by %s: %v", in, account, err)
	}
	if !apigw.CallFrom(ctx).Authorized() {
		w.t.Fatalf("%T: answered without Authorize", in)
	}
	return out
}

// refused calls a handler for an account and wants an error of a code; it returns the message.
func refused[In, Out any](w *resourceWorld, account, code string, handler func(context.Context, *In) (*Out, error), in *In) string {
	w.t.Helper()
	out, err := handler(w.ctx(account, "Test"), in)
	got, message := codeOf(err)
	if got != code {
		w.t.Errorf("%T by %s: got %q (%v, answer %+v), want %s", in, account, got, err, out, code)
	}
	return message
}

// codeOf is the AWS code of an error, wherever it comes from.
func codeOf(err error) (code, message string) {
	var a *awserr.Error
	var c *command.Error
	switch {
	case errors.As(err, &a):
		return a.Code, a.Message
	case errors.As(err, &c):
		return c.Code, c.Message
	}
	return "", ""
}

func TestMembers_NameWhatTheInputsHave(t *testing.T) {
	t.Parallel()
	codec := ec2wire.Codec()
	for action, members := range resourceMembers {
		if _, ok := codec.InputType(action); !ok {
			t.Errorf("no action %s", action)
		}
		for _, m := range members {
			path, _, _ := strings.Cut(m, "=")
			path, subtree := strings.CutSuffix(path, ".*")
			if !codec.HasPath(action, path, subtree) {
				t.Errorf("%s has no member %s", action, m)
			}
		}
	}
}
