// SPDX-License-Identifier: Apache-2.0

// Package ec2 answers the EC2 API: it turns SDK inputs into commands and rows into SDK outputs.
//
// A handler is an exported method of Service named as the action. It validates what needs no state (formats, ranges,
// enums), resolves defaults, chooses ids, names the resources it touches to the authorizer, and proposes a command or
// translates a snapshot. Every rule that depends on state (existence, uniqueness, quota, legal transitions) is
// enforced once more by the state machine, whose refusals carry AWS codes and pass through unchanged.
//
// A member of an input that Hive does not implement is accepted with AWS's default and refused by name otherwise:
// the members of an action are declared beside it, and the gateway refuses the rest.
//
// The package has no goroutines and no state of its own. Start at service.go, then one file per noun: instances*.go
// (what instances are and do), instance_*.go (their attributes and options), types*.go (instance types),
// console.go, monitoring.go, and one file for each other resource.
package ec2
