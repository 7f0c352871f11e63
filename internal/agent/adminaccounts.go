// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/tenant"
)

// adminUser is the name of the first administrator of an account.
const adminUser = "admin"

func (s *adminServer) accounts(ctx context.Context, _ *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	out := []admin.Account{}
	for a := range state.Accounts.All(v) {
		if !a.System {
			out = append(out, accountRow(v, a))
		}
	}
	return out, nil
}

func (s *adminServer) accountCreate(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.AccountCreateRequest](r)
	if err != nil {
		return nil, err
	}
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	region, _ := v.Region()
	t, err := tenant.New(tenant.Spec{Name: in.Name, Email: in.Email, Admin: adminUser, AdminKey: true, Zones: region.Zones, Now: state.At(time.Now())}, s.a.ring)
	if err != nil {
		return nil, admin.Errorf(admin.KindUsage, "hive account create --help shows the form", "%w", err)
	}
	if err := s.a.region.Propose(ctx, t.Command, nil); err != nil {
		return nil, err
	}
	v, err = s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	made, err := account(v, t.Command.Account.ID)
	if err != nil {
		return nil, err
	}
	return admin.NewAccount{Account: accountRow(v, made), Credentials: admin.Credentials{
		AccessKeyID: t.AdminKey.ID, SecretAccessKey: t.AdminKey.Secret.Reveal(), Account: made.ID, User: adminUser}}, nil
}

func (s *adminServer) accessKeys(ctx context.Context, r *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	of, err := accountAsked(v, r)
	if err != nil {
		return nil, err
	}
	out := []admin.AccessKey{}
	for k := range state.AccessKeys.Of(v, of) {
		out = append(out, admin.AccessKey{ID: k.ID, Account: k.AccountID, User: k.UserName, Status: k.Status, CreatedAt: k.Created.Std()})
	}
	return out, nil
}

func (s *adminServer) accessKeyCreate(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.AccessKeyCreateRequest](r)
	if err != nil {
		return nil, err
	}
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	a, err := account(v, in.Account)
	if err != nil {
		return nil, err
	}
	if in.User == "" {
		in.User = adminUser
	}
	key, row, err := tenant.NewAccessKey(s.a.ring, a.ID, in.User, state.At(time.Now()))
	if err != nil {
		return nil, err
	}
	if err := s.a.region.Propose(ctx, command.CreateAccessKey{Key: row}, nil); err != nil {
		return nil, err
	}
	return admin.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret.Reveal(), Account: a.ID, User: in.User}, nil
}

func (s *adminServer) accessKeyDelete(ctx context.Context, r *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	k, ok := state.AccessKeys.Get(v, state.AnyAccount, r.PathValue("id"))
	if !ok {
		return nil, admin.Errorf(admin.KindNotFound, "hive access-key list shows the keys", "no access key has the id %s", r.PathValue("id"))
	}
	return struct{}{}, s.a.region.Propose(ctx, command.DeleteAccessKey{AccountID: k.AccountID, UserName: k.UserName, KeyID: k.ID}, nil)
}

// administers tells whether a key's owner may do everything: the root user, or one with AdministratorAccess.
func administers(v *state.View, k *state.AccessKey) bool {
	u, ok := state.Users.Get(v, k.AccountID, state.UserKey(k.AccountID, k.UserName))
	return ok && u.Boundary == "" && (u.Root || slices.Contains(u.AttachedTo(), state.AdministratorAccess))
}

// env hands an active key of an administrator of an account out to whoever may open the admin socket, the operator.
func (s *adminServer) env(ctx context.Context, r *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	a, err := account(v, r.URL.Query().Get("account"))
	if err != nil {
		return nil, err
	}
	region, _ := v.Region()
	for k := range state.AccessKeys.Of(v, a.ID) {
		if k.Status != state.KeyActive || !administers(v, k) {
			continue
		}
		secret, err := s.a.ring.Open(a.ID, k.ID, k.KeyVersion, k.Secret)
		if err != nil {
			return nil, admin.Errorf(admin.KindFailure, "the node's cluster.key must be the one of its region", "read access key %s: %w", k.ID, err)
		}
		return admin.Environment{Endpoint: s.a.endpoint(), CABundle: s.a.caBundle(), Region: region.Name, Account: a.ID,
			AccessKeyID: k.ID, SecretAccessKey: secret.Reveal()}, nil
	}
	return nil, admin.Errorf(admin.KindNotFound, "hive user create NAME --admin --account "+a.ID+" makes one", "no administrator of the account %s has an active access key", a.ID)
}
