// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/apigw/principals"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/apigw/sts/stswire"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/tenant"
)

const (
	acme  = "111111111111"
	rival = "222222222222"
)

// world is a region of two accounts behind a gateway: acme has root, admin and bob (who has no policies), rival has admin.
type world struct {
	t      *testing.T
	store  *state.Store
	ring   *seal.Ring
	server *httptest.Server
	svc    *Service
	keys   map[string]seal.AccessKey // by "account/user"
}

// View is the region's view.
func (w *world) View(context.Context) (*state.View, error) { return w.store.View(), nil }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: state.NewStore(), ring: seal.Generate(), keys: map[string]seal.AccessKey{}}
	w.change(func(tx *state.Txn) {
		for _, id := range []string{acme, rival} {
			state.Accounts.Put(tx, &state.Account{ID: id, Name: "a" + id, Status: state.AccountActive})
		}
	})
	w.addUser(acme, tenant.RootUser)
	w.addUser(acme, "admin")
	w.addUser(acme, "bob")
	w.addUser(rival, "admin")
	store, err := principals.New(w, w.ring)
	w.must(err)
	policies, err := authz.NewStatePolicies(w)
	w.must(err)
	messages, err := authz.NewMessages([]byte("0123456789abcdef"))
	w.must(err)
	authorizer, err := authz.New(authz.Config{Policies: policies, Messages: messages})
	w.must(err)
	w.svc, err = New(Config{Region: w, Keys: w.ring, Messages: messages})
	w.must(err)
	g, err := apigw.New(apigw.Config{Region: "hive-1", Principals: store, Authorizer: authorizer, TokenKey: []byte("0123456789abcdef"),
		Services: []apigw.Service{{Name: "sts", Codec: stswire.Codec(), Handlers: w.svc, Members: Members, Unsigned: Unsigned}}})
	w.must(err)
	w.server = httptest.NewTLSServer(g.Handler())
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// change writes rows as commands would.
func (w *world) change(edit func(tx *state.Txn)) {
	tx := w.store.Begin()
	edit(tx)
	tx.Commit()
}

func (w *world) addUser(account, name string) {
	w.t.Helper()
	u := &state.User{AccountID: account, Name: name, Path: "/", ID: "AIDA" + account + name, Admin: name == "admin"}
	if name == tenant.RootUser {
		u.Root, u.ID = true, account
	}
	key, row, err := tenant.NewAccessKey(w.ring, account, name, state.At(time.Now()))
	w.must(err)
	row.Status = state.KeyActive
	w.keys[account+"/"+name] = key
	w.change(func(tx *state.Txn) {
		state.Users.Put(tx, u)
		state.AccessKeys.Put(tx, &row)
	})
}

// addRole makes a role of acme whose trust policy has one statement; it returns its ARN.
func (w *world) addRole(name, statement string, edit func(*state.Role)) string {
	r := &state.Role{AccountID: acme, Name: name, ID: "AROA" + name, Path: "/", MaxSession: hour, Trust: `{"Version":"2012-10-17","Statement":[` + statement + `]}`}
	if edit != nil {
		edit(r)
	}
	w.change(func(tx *state.Txn) { state.Roles.Put(tx, r) })
	return r.ARN()
}

// editRole changes a role.
func (w *world) editRole(name string, edit func(*state.Role)) {
	w.t.Helper()
	old, ok := state.Roles.Get(w.store.View(), acme, state.RoleKey(acme, name))
	if !ok {
		w.t.Fatalf("no role %s", name)
	}
	r := *old
	edit(&r)
	w.change(func(tx *state.Txn) { state.Roles.Put(tx, &r) })
}

// as is a client with a user's long-term key.
func (w *world) as(account, user string) *sdk.Client {
	key := w.keys[account+"/"+user]
	return w.client(static(key.ID, key.Secret.Reveal(), ""))
}

// with is a client with temporary credentials.
func (w *world) with(c *types.Credentials) *sdk.Client {
	return w.client(static(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken))
}

func static(id, secret, token string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
	})
}

func (w *world) client(p aws.CredentialsProvider) *sdk.Client {
	return sdk.New(sdk.Options{Region: "hive-1", HTTPClient: w.server.Client(), BaseEndpoint: &w.server.URL, Credentials: p, RetryMaxAttempts: 1})
}

// made are credentials of a session that nobody asked for, with whatever claims.
func (w *world) made(c session.Claims) *types.Credentials {
	w.t.Helper()
	creds, err := w.svc.keeper.Issue(c)
	w.must(err)
	return &types.Credentials{AccessKeyId: &creds.AccessKeyID, SecretAccessKey: aws.String(creds.Secret.Reveal()), SessionToken: aws.String(creds.Token.Reveal())}
}

// arn is who a client is, or the code of the refusal.
func (w *world) arn(c *sdk.Client) string {
	w.t.Helper()
	out, err := c.GetCallerIdentity(w.t.Context(), &sdk.GetCallerIdentityInput{})
	if err != nil {
		code, _ := refusal(err)
		return code
	}
	return *out.Arn
}

func refusal(err error) (code, message string) {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode(), e.ErrorMessage()
	}
	return "", ""
}

// wantRefusal checks code and message of an error.
func wantRefusal(t *testing.T, err error, code, message string) {
	t.Helper()
	gotCode, gotMessage := refusal(err)
	if gotCode != code || gotMessage != message {
		t.Errorf("got %v, want %s %q", err, code, message)
	}
}
