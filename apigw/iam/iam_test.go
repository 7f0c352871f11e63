// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/iam/iamwire"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

const (
	alice = "111111111111"
	bob   = "222222222222"
)

type world struct {
	t      *testing.T
	region *fsmtest.Region
	ring   *seal.Ring
	svc    *Service
	tokens *page.Tokens
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, region: fsmtest.NewRegion(t), ring: seal.Generate()}
	w.region.AddAccount(t, alice)
	w.region.AddAccount(t, bob)
	var err error
	if w.svc, err = New(Config{Region: w.region, Sealer: w.ring}); err != nil {
		t.Fatal(err)
	}
	if w.tokens, err = page.NewTokens([]byte("0123456789abcdef")); err != nil {
		t.Fatal(err)
	}
	return w
}

// ctx is the context of a call by an account's admin, or by its root user when name is "".
func (w *world) ctx(account, name string) context.Context {
	p := apigw.Principal{AccountID: account, UserName: name, Type: apigw.PrincipalUser, ARN: "arn:aws:iam::" + account + ":user/" + name}
	if name == "" {
		p.Root, p.Type, p.ARN = true, apigw.PrincipalRoot, "arn:aws:iam::"+account+":root"
	}
	call := &apigw.Call{Account: account, Service: "iam", Action: "Test", RequestID: "req-1", Time: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Principal: p}
	return apigw.WithCall(w.t.Context(), call, apigw.CallConfig{Tokens: w.tokens})
}

func do[In, Out any](w *world, ctx context.Context, handler func(context.Context, *In) (*Out, error), in *In) *Out {
	w.t.Helper()
	out, err := handler(ctx, in)
	if err != nil {
		w.t.Fatalf("%T: %v", in, err)
	}
	if !apigw.CallFrom(ctx).Authorized() {
		w.t.Fatalf("%T: answered without Authorize", in)
	}
	return out
}

func refused[In, Out any](w *world, ctx context.Context, code string, handler func(context.Context, *In) (*Out, error), in *In) string {
	w.t.Helper()
	_, err := handler(ctx, in)
	var a *awserr.Error
	var c *command.Error
	switch {
	case errors.As(err, &a):
		c = &command.Error{Code: a.Code, Message: a.Message}
	case errors.As(err, &c):
	default:
		w.t.Errorf("%T: got %v, want %s", in, err, code)
		return ""
	}
	if c.Code != code {
		w.t.Errorf("%T: got %s, want %s", in, c.Code, code)
	}
	return c.Message
}

func TestAccessKeys_OfTheCallerAndOfANamedUser(t *testing.T) {
	t.Parallel()
	for caller, user := range map[string]*string{"admin": nil, "": nil, "root names admin": aws.String("admin")} {
		w := newWorld(t)
		ctx, owner := w.ctx(alice, caller), caller
		if user != nil {
			ctx, owner = w.ctx(alice, ""), *user
		}
		made := do(w, ctx, w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{UserName: user}).AccessKey
		if aws.ToString(made.UserName) != owner || made.Status != "Active" || made.CreateDate == nil {
			t.Errorf("%s: %v of %v", caller, made.Status, aws.ToString(made.UserName))
		}
		if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(*made.AccessKeyId) || len(*made.SecretAccessKey) != 40 {
			t.Errorf("%s: id %s, secret of %d characters", caller, *made.AccessKeyId, len(*made.SecretAccessKey))
		}
		row, _ := state.AccessKeys.Get(w.region.FSM.View(), alice, *made.AccessKeyId)
		if secret, err := w.ring.Open(alice, row.ID, row.KeyVersion, row.Secret); err != nil || secret.Reveal() != *made.SecretAccessKey {
			t.Errorf("%s: the sealed secret is another: %v", caller, err)
		}
		listed := do(w, ctx, w.svc.ListAccessKeys, &sdk.ListAccessKeysInput{UserName: user})
		if len(listed.AccessKeyMetadata) != 1 || *listed.AccessKeyMetadata[0].AccessKeyId != *made.AccessKeyId || listed.IsTruncated {
			t.Errorf("%s: listed %v", caller, listed.AccessKeyMetadata)
		}
		do(w, ctx, w.svc.UpdateAccessKey, &sdk.UpdateAccessKeyInput{UserName: user, AccessKeyId: made.AccessKeyId, Status: "Inactive"})
		if got := do(w, ctx, w.svc.ListAccessKeys, &sdk.ListAccessKeysInput{UserName: user}).AccessKeyMetadata[0].Status; got != "Inactive" {
			t.Errorf("%s: status %s after the update", caller, got)
		}
		do(w, ctx, w.svc.DeleteAccessKey, &sdk.DeleteAccessKeyInput{UserName: user, AccessKeyId: made.AccessKeyId})
		if got := do(w, ctx, w.svc.ListAccessKeys, &sdk.ListAccessKeysInput{UserName: user}); got.AccessKeyMetadata == nil || len(got.AccessKeyMetadata) != 0 {
			t.Errorf("%s: left %v", caller, got.AccessKeyMetadata)
		}
		msg := refused(w, ctx, "NoSuchEntity", w.svc.DeleteAccessKey, &sdk.DeleteAccessKeyInput{UserName: user, AccessKeyId: made.AccessKeyId})
		if msg != "The Access Key with id "+*made.AccessKeyId+" cannot be found." {
			t.Error(msg)
		}
	}
}

func TestSecret_IsNotInTheReplicatedState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := do(w, w.ctx(alice, "admin"), w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{}).AccessKey
	var all bytes.Buffer
	if err := w.region.FSM.Snapshot().Persist(&all); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(all.Bytes(), []byte(*made.AccessKeyId)) || bytes.Contains(all.Bytes(), []byte(*made.SecretAccessKey)) {
		t.Error("the snapshot holds the secret, or not even the key's id")
	}
}

func TestAccessKeys_QuotaIsTwoAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.ctx(alice, "admin")
	for range 2 {
		do(w, ctx, w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{})
	}
	if msg := refused(w, ctx, "LimitExceeded", w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{}); msg != "Cannot exceed quota for AccessKeysPerUser: 2" {
		t.Error(msg)
	}
	first := do(w, ctx, w.svc.ListAccessKeys, &sdk.ListAccessKeysInput{MaxItems: aws.Int32(1)})
	if len(first.AccessKeyMetadata) != 1 || !first.IsTruncated || first.Marker == nil {
		t.Fatalf("first page: %+v", first)
	}
	second := do(w, ctx, w.svc.ListAccessKeys, &sdk.ListAccessKeysInput{MaxItems: aws.Int32(1), Marker: first.Marker})
	if len(second.AccessKeyMetadata) != 1 || second.IsTruncated || *second.AccessKeyMetadata[0].AccessKeyId == *first.AccessKeyMetadata[0].AccessKeyId {
		t.Errorf("second page: %+v", second)
	}
	refused(w, w.ctx(alice, ""), "ValidationError", w.svc.ListAccessKeys, &sdk.ListAccessKeysInput{Marker: first.Marker, UserName: aws.String("bad name")})
	refused(w, w.ctx(bob, "admin"), "ValidationError", w.svc.ListAccessKeys, &sdk.ListAccessKeysInput{Marker: first.Marker})
}

func TestAccessKeys_Refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.ctx(alice, "admin")
	mine := do(w, ctx, w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{}).AccessKey.AccessKeyId
	refused(w, ctx, "NoSuchEntity", w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{UserName: aws.String("nobody")})
	refused(w, ctx, "NoSuchEntity", w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{UserName: aws.String("root")})
	refused(w, ctx, "ValidationError", w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{UserName: aws.String("no spaces")})
	refused(w, ctx, "ValidationError", w.svc.DeleteAccessKey, &sdk.DeleteAccessKeyInput{})
	refused(w, ctx, "ValidationError", w.svc.DeleteAccessKey, &sdk.DeleteAccessKeyInput{AccessKeyId: aws.String("short")})
	refused(w, ctx, "ValidationError", w.svc.UpdateAccessKey, &sdk.UpdateAccessKeyInput{AccessKeyId: mine, Status: "Expired"})
	refused(w, ctx, "ValidationError", w.svc.UpdateAccessKey, &sdk.UpdateAccessKeyInput{AccessKeyId: mine})
	// The key belongs to admin, so root must name the user, and another account finds nothing.
	refused(w, w.ctx(alice, ""), "NoSuchEntity", w.svc.DeleteAccessKey, &sdk.DeleteAccessKeyInput{AccessKeyId: mine})
	refused(w, w.ctx(bob, "admin"), "NoSuchEntity", w.svc.DeleteAccessKey, &sdk.DeleteAccessKeyInput{AccessKeyId: mine})
	refused(w, w.ctx(bob, "admin"), "NoSuchEntity", w.svc.UpdateAccessKey, &sdk.UpdateAccessKeyInput{AccessKeyId: mine, Status: "Inactive"})
	if got := do(w, w.ctx(bob, "admin"), w.svc.ListAccessKeys, &sdk.ListAccessKeysInput{}).AccessKeyMetadata; len(got) != 0 {
		t.Errorf("another account sees %v", got)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := do(w, w.ctx(alice, ""), w.svc.GetUser, &sdk.GetUserInput{}).User
	if root.UserName != nil || *root.Arn != "arn:aws:iam::"+alice+":root" || *root.UserId != alice || root.CreateDate == nil {
		t.Errorf("root: %+v", root)
	}
	own := do(w, w.ctx(alice, "admin"), w.svc.GetUser, &sdk.GetUserInput{}).User
	named := do(w, w.ctx(alice, ""), w.svc.GetUser, &sdk.GetUserInput{UserName: aws.String("admin")}).User
	if *own.Arn != "arn:aws:iam::"+alice+":user/admin" || *own.Arn != *named.Arn || *own.Path != "/" || *own.UserName != "admin" {
		t.Errorf("admin: %+v, %+v", own, named)
	}
	if msg := refused(w, w.ctx(alice, ""), "NoSuchEntity", w.svc.GetUser, &sdk.GetUserInput{UserName: aws.String("bob")}); msg != "The user with name bob cannot be found." {
		t.Error(msg)
	}
	users := do(w, w.ctx(alice, ""), w.svc.ListUsers, &sdk.ListUsersInput{PathPrefix: aws.String("/")})
	if len(users.Users) != 1 || *users.Users[0].Arn != *own.Arn || users.IsTruncated {
		t.Errorf("users: %+v", users)
	}
	if got := do(w, w.ctx(alice, ""), w.svc.ListUsers, &sdk.ListUsersInput{PathPrefix: aws.String("/sales/")}); got.Users == nil || len(got.Users) != 0 {
		t.Errorf("users of another path: %+v", got.Users)
	}
	refused(w, w.ctx(alice, ""), "ValidationError", w.svc.ListUsers, &sdk.ListUsersInput{PathPrefix: aws.String("sales")})
	if got := do(w, w.ctx(alice, ""), w.svc.ListAccountAliases, &sdk.ListAccountAliasesInput{}); got.AccountAliases == nil || len(got.AccountAliases) != 0 {
		t.Errorf("aliases: %v", got.AccountAliases)
	}
}

func TestMembers_NameWhatTheInputsHave(t *testing.T) {
	t.Parallel()
	codec := iamwire.Codec()
	for action := range Members {
		if _, err := Members.Declared(codec, action); err != nil {
			t.Errorf("%s: %v", action, err)
		}
	}
}
