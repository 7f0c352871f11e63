// SPDX-License-Identifier: Apache-2.0

// Package tenant builds the command that makes an account: the account, its root user, a first administrator and access
// keys if asked for, and the default VPC that AWS gives every account (172.31.0.0/16, one /20 subnet a zone, the default
// security group). Both the region's first start and `hive account create` use it.
//
// It chooses what a proposer must choose (ids, random material, sealed secrets) and does no I/O; whether a name or an id
// is free is decided by the state machine. It has no goroutines. Start at tenant.go; vpc.go is the default network.
package tenant
