// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"time"
)

// Routes of what an operator decides about accounts.
const (
	RouteAccountStatus   = "PUT /v1/accounts/{id}/status"   // AccountStatusRequest -> Account
	RouteAccountHoldings = "GET /v1/accounts/{id}/holdings" // -> Holdings
	RouteAccountDelete   = "DELETE /v1/accounts/{id}"       // -> Holdings: what is left; nothing means it is gone
	RouteQuotas          = "GET /v1/accounts/{id}/quotas"   // -> []Quota
	RouteQuotaSet        = "PUT /v1/accounts/{id}/quotas"   // QuotaSetRequest -> Quota
	RoutePolicies        = "GET /v1/scps"                   // -> []ControlPolicy
	RoutePolicyPut       = "PUT /v1/scps"                   // ControlPolicy -> ControlPolicy
	RoutePolicyDelete    = "DELETE /v1/scps/{id}"           // -> {}
	RoutePolicyAttach    = "PUT /v1/scps/{id}/attachment"   // AttachRequest -> ControlPolicy
)

// AccountStatusRequest suspends an account or resumes it.
type AccountStatusRequest struct {
	Suspend bool `json:"suspend"`
}

// Holdings are what an account has, by kind of thing.
type Holdings struct {
	Account string    `json:"account"`
	Status  string    `json:"status"`
	Gone    bool      `json:"gone"` // the account was removed
	Things  []Holding `json:"things"`
}

// Holding is how many an account has of a kind.
type Holding struct {
	Kind  string   `json:"kind"`
	Count int      `json:"count"`
	IDs   []string `json:"ids,omitempty"` // of instances, volumes, snapshots and images
}

// Quota is a limit of an account.
type Quota struct {
	Name      string    `json:"name"`
	Code      string    `json:"code"`
	Service   string    `json:"service"`
	Title     string    `json:"title"`
	Value     int64     `json:"value"`   // -1: unlimited
	Default   int64     `json:"default"` // -1: unlimited
	ChangedAt time.Time `json:"changedAt,omitzero"`
}

// QuotaSetRequest changes a quota, by name or code.
type QuotaSetRequest struct {
	Quota string `json:"quota"`
	Value int64  `json:"value"`
	Reset bool   `json:"reset"` // back to the default
}

// ControlPolicy is a service control policy.
type ControlPolicy struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Document    string   `json:"document"`
	Accounts    []string `json:"accounts"` // that it is attached to
}

// AttachRequest attaches a policy to an account, or detaches it.
type AttachRequest struct {
	Account string `json:"account"`
	Detach  bool   `json:"detach"`
}

// AccountStatus suspends or resumes an account.
func (c *Client) AccountStatus(ctx context.Context, account string, req AccountStatusRequest) (Account, error) {
	return call[Account](ctx, c, withID(RouteAccountStatus, account), nil, req)
}

// AccountHoldings lists what an account has.
func (c *Client) AccountHoldings(ctx context.Context, account string) (Holdings, error) {
	return call[Holdings](ctx, c, withID(RouteAccountHoldings, account), nil, nil)
}

// AccountDelete takes the next step of a deletion and says what is left.
func (c *Client) AccountDelete(ctx context.Context, account string) (Holdings, error) {
	return call[Holdings](ctx, c, withID(RouteAccountDelete, account), nil, nil)
}

// Quotas lists an account's quotas.
func (c *Client) Quotas(ctx context.Context, account string) ([]Quota, error) {
	return call[[]Quota](ctx, c, withID(RouteQuotas, account), nil, nil)
}

// QuotaSet changes a quota of an account.
func (c *Client) QuotaSet(ctx context.Context, account string, req QuotaSetRequest) (Quota, error) {
	return call[Quota](ctx, c, withID(RouteQuotaSet, account), nil, req)
}

// ControlPolicies lists the service control policies.
func (c *Client) ControlPolicies(ctx context.Context) ([]ControlPolicy, error) {
	return call[[]ControlPolicy](ctx, c, RoutePolicies, nil, nil)
}

// ControlPolicyPut makes a policy, or replaces the one of its name.
func (c *Client) ControlPolicyPut(ctx context.Context, p ControlPolicy) (ControlPolicy, error) {
	return call[ControlPolicy](ctx, c, RoutePolicyPut, nil, p)
}

// ControlPolicyDelete deletes a policy that is attached nowhere.
func (c *Client) ControlPolicyDelete(ctx context.Context, policy string) error {
	_, err := call[struct{}](ctx, c, withID(RoutePolicyDelete, policy), nil, nil)
	return err
}

// ControlPolicyAttach attaches a policy to an account or detaches it.
func (c *Client) ControlPolicyAttach(ctx context.Context, policy string, req AttachRequest) (ControlPolicy, error) {
	return call[ControlPolicy](ctx, c, withID(RoutePolicyAttach, policy), nil, req)
}
