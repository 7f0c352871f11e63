// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/hivecloud/hive/fsm/state"
)

func TestGetSessionToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for user, want := range map[string]struct {
		arn  string
		life time.Duration
	}{"bob": {"arn:aws:iam::111111111111:user/bob", 12 * time.Hour}, "root": {"arn:aws:iam::111111111111:root", time.Hour}} {
		out, err := w.as(acme, user).GetSessionToken(t.Context(), &sdk.GetSessionTokenInput{})
		if err != nil {
			t.Fatal(err)
		}
		if life := time.Until(*out.Credentials.Expiration); life > want.life || life < want.life-time.Minute {
			t.Errorf("%s: a session of %s", user, life)
		}
		if got := w.arn(w.with(out.Credentials)); got != want.arn {
			t.Errorf("got %s, want %s", got, want.arn)
		}
		_, err = w.with(out.Credentials).GetSessionToken(t.Context(), &sdk.GetSessionTokenInput{})
		wantRefusal(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
		_, err = w.with(out.Credentials).GetFederationToken(t.Context(), &sdk.GetFederationTokenInput{Name: aws.String("me")})
		wantRefusal(t, err, "AccessDenied", "Cannot call GetFederationToken with session credentials")
	}
	_, err := w.as(acme, "bob").GetSessionToken(t.Context(), &sdk.GetSessionTokenInput{SerialNumber: aws.String("arn:aws:iam::111111111111:mfa/bob")})
	wantRefusal(t, err, "UnsupportedOperation", "The parameter SerialNumber is not supported by Hive")
}

// TestUserSessionsEndWithTheirKey: a session of a user is worth no more than the key that it was made with.
func TestUserSessionsEndWithTheirKey(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*state.Txn, state.User, state.AccessKey){
		"key deactivated": func(tx *state.Txn, _ state.User, k state.AccessKey) {
			k.Status = state.KeyInactive
			state.AccessKeys.Put(tx, &k)
		},
		"key deleted": func(tx *state.Txn, _ state.User, k state.AccessKey) { state.AccessKeys.Delete(tx, k.ID) },
		"user deleted": func(tx *state.Txn, u state.User, _ state.AccessKey) {
			state.Users.Delete(tx, state.UserKey(acme, u.Name))
		},
		"user made anew": func(tx *state.Txn, u state.User, _ state.AccessKey) { u.ID = "AIDAother"; state.Users.Put(tx, &u) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			own, err := w.as(acme, "admin").GetSessionToken(t.Context(), &sdk.GetSessionTokenInput{})
			w.must(err)
			fed, err := w.as(acme, "admin").GetFederationToken(t.Context(), &sdk.GetFederationTokenInput{Name: aws.String("guest")})
			w.must(err)
			v := w.store.View()
			user, _ := state.Users.Get(v, acme, state.UserKey(acme, "admin"))
			key, _ := state.AccessKeys.Get(v, acme, w.keys[acme+"/admin"].ID)
			w.change(func(tx *state.Txn) { end(tx, *user, *key) })
			for _, c := range []*sdk.Client{w.with(own.Credentials), w.with(fed.Credentials)} {
				if got := w.arn(c); got != "InvalidClientTokenId" {
					t.Errorf("got %s", got)
				}
			}
		})
	}
}

func TestGetFederationToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.addRole("r", trustAcme, nil)
	out, err := w.as(acme, "admin").GetFederationToken(t.Context(), &sdk.GetFederationTokenInput{Name: aws.String("guest"), Policy: document("Allow", "sts:GetAccessKeyInfo")})
	if err != nil {
		t.Fatal(err)
	}
	if *out.FederatedUser.Arn != "arn:aws:sts::111111111111:federated-user/guest" || *out.FederatedUser.FederatedUserId != acme+":guest" || *out.PackedPolicySize < 1 {
		t.Errorf("got %+v", out)
	}
	guest := w.with(out.Credentials)
	if who, err := guest.GetCallerIdentity(t.Context(), &sdk.GetCallerIdentityInput{}); err != nil || *who.Arn != *out.FederatedUser.Arn || *who.UserId != acme+":guest" {
		t.Errorf("got %v, %v", who, err)
	}
	key := &sdk.GetAccessKeyInfoInput{AccessKeyId: aws.String(w.keys[rival+"/admin"].ID)}
	if info, err := guest.GetAccessKeyInfo(t.Context(), key); err != nil || *info.Account != rival {
		t.Errorf("what the session policy allows: %v, %v", info, err)
	}
	if _, err := guest.DecodeAuthorizationMessage(t.Context(), &sdk.DecodeAuthorizationMessageInput{EncodedMessage: aws.String("x")}); err == nil || !strings.Contains(err.Error(), "because no session policy allows") {
		t.Errorf("what it does not: %v", err)
	}
	_, err = guest.AssumeRole(t.Context(), assume(role))
	if code, _ := refusal(err); code != "AccessDenied" {
		t.Errorf("a federated user assumed a role: %v", err)
	}
	bare, err := w.as(acme, "admin").GetFederationToken(t.Context(), &sdk.GetFederationTokenInput{Name: aws.String("guest")})
	w.must(err)
	if _, err := w.with(bare.Credentials).GetAccessKeyInfo(t.Context(), key); err == nil {
		t.Error("without a session policy a federated user may nothing")
	}
	_, err = w.as(acme, "bob").GetFederationToken(t.Context(), &sdk.GetFederationTokenInput{Name: aws.String("guest")})
	wantRefusal(t, err, "AccessDenied", "User: arn:aws:iam::111111111111:user/bob is not authorized to perform: sts:GetFederationToken on resource: arn:aws:sts::111111111111:federated-user/guest because no identity-based policy allows the sts:GetFederationToken action")
}

func TestDecodeAuthorizationMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sealed, err := w.svc.messages.(interface {
		Seal(account, text string) (string, error)
	}).Seal(acme, `{"allowed":false}`)
	w.must(err)
	in := &sdk.DecodeAuthorizationMessageInput{EncodedMessage: &sealed}
	if out, err := w.as(acme, "admin").DecodeAuthorizationMessage(t.Context(), in); err != nil || *out.DecodedMessage != `{"allowed":false}` {
		t.Errorf("got %v, %v", out, err)
	}
	_, err = w.as(rival, "admin").DecodeAuthorizationMessage(t.Context(), in)
	wantRefusal(t, err, "InvalidAuthorizationMessageException", "The encoded authorization message is invalid.")
	_, err = w.as(acme, "bob").DecodeAuthorizationMessage(t.Context(), in)
	if code, _ := refusal(err); code != "AccessDenied" {
		t.Errorf("got %v", err)
	}
}
