// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/hivecloud/hive/apigw/policy/managed"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/tenant"
)

func (s *adminServer) users(ctx context.Context, r *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	of, err := accountAsked(v, r)
	if err != nil {
		return nil, err
	}
	out := []admin.User{}
	for u := range state.Users.Of(v, of) {
		if a, ok := state.Accounts.Get(v, u.AccountID, u.AccountID); ok && !a.System && !u.Root {
			out = append(out, userRow(v, u))
		}
	}
	return out, nil
}

// userRow is a user as an operator sees it.
func userRow(v *state.View, u *state.User) admin.User {
	out := admin.User{Name: u.Name, Account: u.AccountID, ARN: u.ARN(), Policies: slices.Clone(u.AttachedTo()), Groups: slices.Clone(u.Groups), CreatedAt: u.Created.Std()}
	for _, p := range u.Inline {
		out.Policies = append(out.Policies, p.Name)
	}
	for range state.AccessKeys.List(v, state.ByOwner, state.UserKey(u.AccountID, u.Name)) {
		out.Keys++
	}
	return out
}

func (s *adminServer) userCreate(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.UserCreateRequest](r)
	if err != nil {
		return nil, err
	}
	if err := tenant.CheckUserName(in.Name); err != nil {
		return nil, admin.Errorf(admin.KindUsage, "choose another name", "%w", err)
	}
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	a, err := account(v, in.Account)
	if err != nil {
		return nil, err
	}
	if in.Admin {
		in.Policies = append(in.Policies, state.AdministratorAccess)
	}
	u := state.User{AccountID: a.ID, Name: in.Name, Path: "/", ID: tenant.NewUserID()}
	for _, name := range in.Policies {
		arn, err := policyNamed(v, a.ID, name)
		if err != nil {
			return nil, err
		}
		u.Attached = append(u.Attached, arn)
	}
	if err := s.a.region.Propose(ctx, command.CreateUser{User: u}, nil); err != nil {
		return nil, err
	}
	out := admin.NewUser{Endpoint: s.a.endpoint(), CABundle: s.a.caBundle()}
	if !in.NoKey {
		key, row, err := tenant.NewAccessKey(s.a.ring, a.ID, u.Name, state.At(time.Now()))
		if err != nil {
			return nil, err
		}
		if err := s.a.region.Propose(ctx, command.CreateAccessKey{Key: row}, nil); err != nil {
			return nil, err
		}
		out.Credentials = &admin.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret.Reveal(), Account: a.ID, User: u.Name}
	}
	if v, err = s.a.region.View(ctx); err != nil {
		return nil, err
	}
	region, _ := v.Region()
	out.Region = region.Name
	made, ok := state.Users.Get(v, a.ID, state.UserKey(a.ID, u.Name))
	if !ok {
		return nil, admin.Errorf(admin.KindConflict, "hive user list shows the users", "the user %s was removed meanwhile", u.Name)
	}
	out.User = userRow(v, made)
	return out, nil
}

// policyNamed finds a policy by its ARN, or by its name: the account's before AWS's.
func policyNamed(v *state.View, account, name string) (string, error) {
	for p := range state.ManagedPolicies.Of(v, account) {
		if p.Name == name || p.ARN() == name {
			return p.ARN(), nil
		}
	}
	for _, p := range managed.All() {
		if p.Name == name || p.ARN == name {
			return p.ARN, nil
		}
	}
	return "", admin.Errorf(admin.KindNotFound, "aws iam list-policies shows the policies", "no policy of the account or of AWS is called %s", name)
}

// userDelete removes what a user has and then the user. When it stops in between, it can be repeated.
func (s *adminServer) userDelete(ctx context.Context, r *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	a, err := account(v, r.URL.Query().Get("account"))
	if err != nil {
		return nil, err
	}
	u, ok := state.Users.Get(v, a.ID, state.UserKey(a.ID, r.PathValue("name")))
	if !ok || u.Root {
		return nil, admin.Errorf(admin.KindNotFound, "hive user list shows the users", "the account %s has no user %s", a.Name, r.PathValue("name"))
	}
	for _, c := range withoutUser(v, u) {
		if err := s.a.region.Propose(ctx, c, nil); err != nil {
			return nil, err
		}
	}
	return userRow(v, u), nil
}

// withoutUser are the commands that remove a user and what hangs on it.
func withoutUser(v *state.View, u *state.User) []command.Command {
	var out []command.Command
	for k := range state.AccessKeys.List(v, state.ByOwner, state.UserKey(u.AccountID, u.Name)) {
		out = append(out, command.DeleteAccessKey{AccountID: u.AccountID, UserName: u.Name, KeyID: k.ID})
	}
	if _, ok := state.LoginProfiles.Get(v, u.AccountID, state.UserKey(u.AccountID, u.Name)); ok {
		out = append(out, command.SetLoginProfile{AccountID: u.AccountID, User: u.Name, Remove: true})
	}
	for _, arn := range u.AttachedTo() {
		out = append(out, command.AttachPolicy{AccountID: u.AccountID, Kind: command.KindUser, Name: u.Name, ARN: arn, Detach: true})
	}
	for _, p := range u.Inline {
		out = append(out, command.PutInlinePolicy{AccountID: u.AccountID, Kind: command.KindUser, Name: u.Name, Policy: p.Name, Remove: true})
	}
	for _, g := range u.Groups {
		out = append(out, command.ChangeMembership{AccountID: u.AccountID, Group: g, User: u.Name, Leave: true})
	}
	return append(out, command.DeleteUser{AccountID: u.AccountID, Name: u.Name})
}
