// SPDX-License-Identifier: Apache-2.0

// Package iam answers the part of the IAM API that a region needs from its first day: access keys and users, as the
// commands that made them left them.
//
// A secret is made here, sealed before it is proposed, and shown once in the answer; the log, its snapshots and the logs
// of the process hold ciphertext only. "No user name" means the caller, as IAM says: the root user when it signed. The
// root user has no name that a request could give.
//
// The package has no goroutines. Start at service.go; access_keys.go and users.go hold the actions.
package iam
