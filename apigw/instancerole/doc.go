// SPDX-License-Identifier: Apache-2.0

// Package instancerole gives guests the credentials of their instance profile's role: what the instance metadata service
// answers under iam/security-credentials.
//
// The credentials are a session of the role whose name is the instance's id. They are made on the node that runs the
// guest, from the local copy of the state, without a write; a guest may ask as often as it likes. A new session is made when
// the old one has less than a quarter of an hour left (AWS promises five minutes), when the profile, its role or the role's
// revocation changes, and never for an instance that is not the node's, for a role that does not trust ec2.amazonaws.com
// or for a suspended account.
//
// It has no goroutines. Start at provider.go.
package instancerole
