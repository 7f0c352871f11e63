// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"net/http"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// policySimulate evaluates policies as the gateway does, without a call.
func (s *adminServer) policySimulate(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.PolicySimulateRequest](r)
	if err != nil {
		return nil, err
	}
	for _, action := range in.Actions {
		if !authz.KnownAction(action) {
			return nil, admin.Errorf(admin.KindUsage, "actions are written as service:Action, ec2:RunInstances", "there is no action %q of a service that Hive serves", action)
		}
	}
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	owner, err := account(v, in.Account)
	if err != nil {
		return nil, err
	}
	caller := apigw.Principal{AccountID: owner.ID, Type: apigw.PrincipalUser, ARN: "arn:aws:iam::" + owner.ID + ":user/simulated", UserID: "simulated"}
	var held authz.Holdings
	if in.User != "" {
		if caller, held, err = s.userHoldings(v, owner.ID, in.User); err != nil {
			return nil, err
		}
	}
	var boundary []string
	if in.Boundary != "" {
		boundary = []string{in.Boundary}
	}
	if held, err = authz.Custom(held, in.Policies, boundary); err != nil {
		return nil, admin.Errorf(admin.KindUsage, "correct the policy; hive policy simulate --help has an example", "the policy is refused: %w", err)
	}
	return decisions(authz.Simulation{Caller: caller, Held: held, Actions: in.Actions, Resources: in.Resources, Context: in.Context}), nil
}

// userHoldings finds a user and what applies to it.
func (s *adminServer) userHoldings(v *state.View, accountID, name string) (apigw.Principal, authz.Holdings, error) {
	user, ok := state.Users.Get(v, accountID, state.UserKey(accountID, name))
	if !ok {
		return apigw.Principal{}, authz.Holdings{}, admin.Errorf(admin.KindNotFound, "hive access-key list shows users that have keys", "the account %s has no user %s", accountID, name)
	}
	p := apigw.Principal{AccountID: accountID, ARN: user.ARN(), UserID: user.ID, UserName: user.Name, Type: apigw.PrincipalUser}
	if user.Root {
		p.Type, p.Root, p.UserName = apigw.PrincipalRoot, true, ""
	}
	policies, err := authz.NewStatePolicies(s.a.region)
	if err != nil {
		return apigw.Principal{}, authz.Holdings{}, err
	}
	held, err := policies.InView(v, p)
	return p, held, err
}

// decisions runs a simulation.
func decisions(sim authz.Simulation) []admin.PolicyDecision {
	out := []admin.PolicyDecision{}
	for _, d := range sim.Run() {
		row := admin.PolicyDecision{Action: d.Action, Resource: d.Resource, Decision: string(d.Outcome), Missing: d.Missing}
		if !d.Decision.Allowed {
			row.Reason = d.Decision.Reason(d.Action)
		}
		for _, m := range d.Matched {
			row.Statements = append(row.Statements, fmt.Sprintf("%s %d:%d", m.SourceID, m.Start.Line, m.Start.Column))
		}
		out = append(out, row)
	}
	return out
}
