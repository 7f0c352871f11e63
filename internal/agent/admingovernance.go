// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"strings"

	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// governance are the routes of what an operator decides about accounts.
func (s *adminServer) governance() map[string]route {
	return map[string]route{
		admin.RouteAccountStatus: s.accountStatus, admin.RouteAccountHoldings: s.accountHoldings, admin.RouteAccountDelete: s.accountDelete,
		admin.RouteQuotas: s.quotas, admin.RouteQuotaSet: s.quotaSet,
		admin.RoutePolicies: s.policies, admin.RoutePolicyPut: s.policyPut, admin.RoutePolicyDelete: s.policyDelete, admin.RoutePolicyAttach: s.policyAttach,
	}
}

// joined adds routes to routes.
func joined(all ...map[string]route) map[string]route {
	out := map[string]route{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

// namedAccount is the account that a request's path names.
func (s *adminServer) namedAccount(ctx context.Context, r *http.Request) (*state.View, *state.Account, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, nil, err
	}
	a, err := account(v, r.PathValue("id"))
	return v, a, err
}

func (s *adminServer) accountStatus(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.AccountStatusRequest](r)
	if err != nil {
		return nil, err
	}
	_, a, err := s.namedAccount(ctx, r)
	if err != nil {
		return nil, err
	}
	status := state.AccountActive
	if in.Suspend {
		status = state.AccountSuspended
	}
	if err := s.a.region.Propose(ctx, command.SetAccountStatus{AccountID: a.ID, Status: status}, nil); err != nil {
		return nil, err
	}
	v, a, err := s.namedAccount(ctx, r)
	if err != nil {
		return nil, err
	}
	return accountRow(v, a), nil
}

// maxListed is how many ids of a kind are told.
const maxListed = 100

// holdings are what an account has. Instances that are terminated are history, and go with the account.
func holdings(v *state.View, a *state.Account) admin.Holdings {
	out := admin.Holdings{Account: a.ID, Status: a.Status, Things: []admin.Holding{}}
	ids := map[string][]string{}
	for i := range state.Instances.Of(v, a.ID) {
		if i.State != state.Terminated {
			ids["instances"] = append(ids["instances"], i.ID)
		}
	}
	for x := range state.Volumes.Of(v, a.ID) {
		ids["volumes"] = append(ids["volumes"], x.ID)
	}
	for x := range state.Snapshots.Of(v, a.ID) {
		ids["snapshots"] = append(ids["snapshots"], x.ID)
	}
	for x := range state.Images.Of(v, a.ID) {
		ids["images"] = append(ids["images"], x.ID)
	}
	for _, t := range state.Tables() {
		n, kind := t.Owned(v, a.ID), strings.ReplaceAll(t.Name(), "_", " ")
		if t.Name() == "instances" {
			n = len(ids["instances"])
		}
		if n == 0 || t.Name() == "accounts" {
			continue
		}
		listed := ids[t.Name()]
		out.Things = append(out.Things, admin.Holding{Kind: kind, Count: n, IDs: listed[:min(len(listed), maxListed)]})
	}
	return out
}

func (s *adminServer) accountHoldings(ctx context.Context, r *http.Request) (any, error) {
	v, a, err := s.namedAccount(ctx, r)
	if err != nil {
		return nil, err
	}
	return holdings(v, a), nil
}

// accountDelete takes the next step: mark the account, terminate its instances, remove what is left when they and their
// volumes are gone. It is repeated until the account is.
func (s *adminServer) accountDelete(ctx context.Context, r *http.Request) (any, error) {
	v, a, err := s.namedAccount(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := s.a.region.Propose(ctx, command.SetAccountStatus{AccountID: a.ID, Status: state.AccountClosing}, nil); err != nil {
		return nil, err
	}
	busy := false
	for i := range state.Instances.Of(v, a.ID) {
		if i.State == state.Terminated {
			continue
		}
		busy = true
		if i.State == state.ShuttingDown {
			continue
		}
		off := false
		if i.DisableAPITermination {
			if err := s.a.region.Propose(ctx, command.ModifyInstance{AccountID: a.ID, InstanceID: i.ID, DisableAPITermination: &off}, nil); err != nil {
				return nil, err
			}
		}
		if err := s.a.region.Propose(ctx, command.TerminateInstances{AccountID: a.ID, InstanceIDs: []string{i.ID}}, nil); err != nil {
			return nil, err
		}
	}
	if v, err = s.a.region.View(ctx); err != nil {
		return nil, err
	}
	if a, err = account(v, a.ID); err != nil {
		return nil, err
	}
	left := holdings(v, a)
	if busy || state.Volumes.Owned(v, a.ID) > 0 {
		return left, nil
	}
	if err := s.a.region.Propose(ctx, command.RemoveAccount{AccountID: a.ID}, nil); err != nil {
		return nil, err
	}
	return admin.Holdings{Account: a.ID, Status: a.Status, Gone: true, Things: []admin.Holding{}}, nil
}

// quotaRow is a quota as an operator sees it.
func quotaRow(v *state.View, account string, d state.QuotaDef) admin.Quota {
	shown := func(n int64) int64 {
		if n >= state.Unlimited {
			return -1
		}
		return n
	}
	q := admin.Quota{Name: d.Name, Code: d.Code, Service: d.Service, Title: d.Title, Value: shown(v.Quota(account, d.Code)), Default: shown(v.QuotaDefault(d))}
	if row, ok := state.AccountQuotas.Get(v, account, state.QuotaKey(account, d.Code)); ok {
		q.ChangedAt = row.Changed.Std()
	}
	return q
}

func (s *adminServer) quotas(ctx context.Context, r *http.Request) (any, error) {
	v, a, err := s.namedAccount(ctx, r)
	if err != nil {
		return nil, err
	}
	out := []admin.Quota{}
	for _, d := range state.QuotaDefs() {
		out = append(out, quotaRow(v, a.ID, d))
	}
	return out, nil
}

func (s *adminServer) quotaSet(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.QuotaSetRequest](r)
	if err != nil {
		return nil, err
	}
	_, a, err := s.namedAccount(ctx, r)
	if err != nil {
		return nil, err
	}
	d, ok := state.FindQuota(in.Quota)
	if !ok {
		return nil, admin.Errorf(admin.KindNotFound, "hive account quota list shows the quotas", "there is no quota %s", in.Quota)
	}
	if err := s.a.region.Propose(ctx, command.SetQuota{AccountID: a.ID, Code: d.Code, Value: in.Value, Reset: in.Reset}, nil); err != nil {
		return nil, err
	}
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	return quotaRow(v, a.ID, d), nil
}

func policyRow(p *state.ServiceControlPolicy) admin.ControlPolicy {
	return admin.ControlPolicy{ID: p.ID, Name: p.Name, Description: p.Description, Document: p.Document, Accounts: append([]string{}, p.Targets...)}
}

func (s *adminServer) policies(ctx context.Context, _ *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	full := admin.ControlPolicy{ID: state.FullAccess, Name: "FullAWSAccess", Description: "Allows access to every operation", Accounts: []string{},
		Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`}
	for a := range state.Accounts.All(v) {
		if _, all := v.ControlPolicies(a.ID); all && !a.System {
			full.Accounts = append(full.Accounts, a.ID)
		}
	}
	out := []admin.ControlPolicy{full}
	for p := range state.ServiceControlPolicies.All(v) {
		out = append(out, policyRow(p))
	}
	return out, nil
}

// controlPolicy finds a policy by id or name.
func controlPolicy(v *state.View, name string) (*state.ServiceControlPolicy, error) {
	if p, ok := state.ServiceControlPolicies.Get(v, state.AnyAccount, name); ok {
		return p, nil
	}
	if p, ok := state.ServiceControlPolicies.First(v, state.ByName, name); ok {
		return p, nil
	}
	return nil, admin.Errorf(admin.KindNotFound, "hive account scp list shows the policies", "no service control policy has the id or the name %s", name)
}

func (s *adminServer) policyPut(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.ControlPolicy](r)
	if err != nil {
		return nil, err
	}
	_, err = policy.Parse(policy.SCP, in.Document)
	var malformed *policy.Error
	switch {
	case errors.As(err, &malformed):
		return nil, admin.Errorf(admin.KindUsage, "correct the policy document", "MalformedPolicyDocument: %s", malformed.Message)
	case err != nil:
		return nil, err
	case policy.Size(in.Document) > policy.MaxSCP:
		return nil, admin.Errorf(admin.KindUsage, "split the policy; an account may have five", "the policy has %d characters, at most %d are allowed", policy.Size(in.Document), policy.MaxSCP)
	case in.Name == "" || len(in.Name) > 128:
		return nil, admin.Errorf(admin.KindUsage, "choose another name", "the name of a policy has 1 to 128 characters")
	}
	p := state.ServiceControlPolicy{ID: "p-" + strings.ToLower(rand.Text()[:8]), Name: in.Name, Description: in.Description, Document: in.Document}
	if err := s.a.region.Propose(ctx, command.PutServiceControlPolicy{Policy: p}, nil); err != nil {
		return nil, err
	}
	return s.policyNow(ctx, in.Name)
}

func (s *adminServer) policyNow(ctx context.Context, name string) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	p, err := controlPolicy(v, name)
	if err != nil {
		return nil, err
	}
	return policyRow(p), nil
}

func (s *adminServer) policyDelete(ctx context.Context, r *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	p, err := controlPolicy(v, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.a.region.Propose(ctx, command.DeleteServiceControlPolicy{PolicyID: p.ID}, nil)
}

func (s *adminServer) policyAttach(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.AttachRequest](r)
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
	if name := r.PathValue("id"); name == state.FullAccess || name == "FullAWSAccess" {
		err := s.a.region.Propose(ctx, command.AttachServiceControlPolicy{PolicyID: state.FullAccess, AccountID: a.ID, Detach: in.Detach}, nil)
		return admin.ControlPolicy{ID: state.FullAccess, Name: "FullAWSAccess", Accounts: []string{}}, err
	}
	p, err := controlPolicy(v, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if err := s.a.region.Propose(ctx, command.AttachServiceControlPolicy{PolicyID: p.ID, AccountID: a.ID, Detach: in.Detach}, nil); err != nil {
		return nil, err
	}
	return s.policyNow(ctx, p.ID)
}
