// SPDX-License-Identifier: Apache-2.0

// Package scheduler decides where instances run. It is pure: a view of the state and a prepared command go in, the
// command with its plan (or the refusal) comes out. The leader calls it just before a command enters the log, and
// Apply checks every assignment again, so a plan on a view that is a moment old can only be refused, never over-commit.
//
// A node is a candidate for an instance when it has the ec2 capability, is not cordoned, is in the instance's zone,
// offers its type, has room for its charge, and holds the bytes that its volumes are or are made from. Among the
// candidates the emptiest wins (by the larger of its CPU and memory shares after the placement, so that neither runs
// out alone); ties go to the lower node id, so that equal states give equal plans.
package scheduler
