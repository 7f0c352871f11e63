// SPDX-License-Identifier: Apache-2.0

// Package iam answers the IAM API: users, groups, roles, instance profiles, managed and inline policies, permissions
// boundaries, access keys, passwords, identity providers, the account's settings, reports and the policy simulators.
//
// A handler checks the form of what was sent, finds what it is about in one view, asks for permission with the resource
// that AWS's authorization reference demands, and proposes one command; rules that depend on state (names, quotas,
// conflicts of a deletion) are the state machine's. What policies mean is apigw/policy's business, whom they apply to
// apigw/authz's.
//
// A secret is made here, sealed before it is proposed, and shown once in the answer; a password is hashed. The log, its
// snapshots and the logs of the process hold neither. "No user name" means the caller, as IAM says: the root user when
// it signed. The root user has no name that a request could give.
//
// The package has no goroutines. Start at service.go and find.go; each noun has a file. user_policies.go,
// group_policies.go and role_policies.go are the same actions for three kinds of holders (holder.go).
package iam
