// SPDX-License-Identifier: Apache-2.0

package state

// AccountClosing is the state of an account that is being deleted, as AWS Organizations names it.
const AccountClosing = "PENDING_CLOSURE"

// FullAccess is the id of the service control policy that every account has, unless it was detached: it allows all.
const FullAccess = "p-FullAWSAccess"

// ServiceControlPolicy bounds what the principals of accounts may do, their root users included.
type ServiceControlPolicy struct {
	ID          string // p- and 8 characters
	Name        string // unique in the region
	Description string
	Document    string
	Targets     []string // account ids, sorted
	Created     Time
	Updated     Time
}

// ServiceControlPolicies by id, by name and by the accounts they are attached to (ByAccount).
var ServiceControlPolicies = &Table[ServiceControlPolicy]{name: "service_control_policies", id: 67, since: 2, key: func(p *ServiceControlPolicy) string { return p.ID },
	indexes: map[Index]func(*ServiceControlPolicy) []string{
		ByName:    func(p *ServiceControlPolicy) []string { return one(p.Name) },
		ByAccount: func(p *ServiceControlPolicy) []string { return p.Targets },
	}}

// BoundedAccount says that FullAccess was detached from an account: it may do only what its other policies allow.
type BoundedAccount struct{ AccountID string }

// BoundedAccounts by account.
var BoundedAccounts = &Table[BoundedAccount]{name: "bounded_accounts", id: 69, since: 2, key: func(b *BoundedAccount) string { return b.AccountID },
	account: func(b *BoundedAccount) string { return b.AccountID }}

// ControlPolicies are the service control policies of an account, and whether FullAccess is one of them.
func (v *View) ControlPolicies(account string) (policies []*ServiceControlPolicy, full bool) {
	for p := range ServiceControlPolicies.List(v, ByAccount, account) {
		policies = append(policies, p)
	}
	_, bounded := BoundedAccounts.Get(v, account, account)
	return policies, !bounded
}

// AccountQuota is a limit of one account that an operator set.
type AccountQuota struct {
	AccountID string
	Code      string // of QuotaDefs
	Value     int64  // 0: nothing may be had
	Changed   Time
}

// QuotaKey is the key of a quota's row.
func QuotaKey(account, code string) string { return account + "/" + code }

// AccountQuotas by account and code.
var AccountQuotas = &Table[AccountQuota]{name: "account_quotas", id: 68, since: 2, key: func(q *AccountQuota) string { return QuotaKey(q.AccountID, q.Code) },
	account: func(q *AccountQuota) string { return q.AccountID },
	indexes: map[Index]func(*AccountQuota) []string{ByAccount: func(q *AccountQuota) []string { return one(q.AccountID) }}}
