// SPDX-License-Identifier: Apache-2.0

package admin

import "context"

// RoutePolicySimulate asks what policies say.
const RoutePolicySimulate = "POST /v1/policy/simulate" // PolicySimulateRequest -> []PolicyDecision

// PolicySimulateRequest asks which actions a user, or a holder of given policies, may do with which resources.
type PolicySimulateRequest struct {
	Account   string              `json:"account,omitempty"`   // id or name; empty is the first account
	User      string              `json:"user,omitempty"`      // of the account; empty asks about Policies alone
	Policies  []string            `json:"policies,omitempty"`  // texts, besides what the user has
	Boundary  string              `json:"boundary,omitempty"`  // text of a permissions boundary; empty is the user's own
	Actions   []string            `json:"actions"`             // "ec2:RunInstances"
	Resources []string            `json:"resources,omitempty"` // ARNs; none is "*"
	Context   map[string][]string `json:"context,omitempty"`   // condition keys of the request
}

// PolicyDecision is the answer for one action and one resource.
type PolicyDecision struct {
	Action     string   `json:"action"`
	Resource   string   `json:"resource"`
	Decision   string   `json:"decision"`             // allowed, explicitDeny or implicitDeny
	Reason     string   `json:"reason,omitempty"`     // of a refusal, in AWS's words
	Statements []string `json:"statements,omitempty"` // what made the decision: "policy line:column"
	Missing    []string `json:"missing,omitempty"`    // condition keys that the policies ask about and the request lacks
}

// PolicySimulate asks what policies say.
func (c *Client) PolicySimulate(ctx context.Context, req PolicySimulateRequest) ([]PolicyDecision, error) {
	return call[[]PolicyDecision](ctx, c, RoutePolicySimulate, nil, req)
}
