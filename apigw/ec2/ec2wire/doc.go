// SPDX-License-Identifier: Apache-2.0

// Package ec2wire is the wire format of the EC2 API: the generated names of every type and the types of every action.
//
// names.txt and registry_gen.go are generated from the SDK module that go.mod names (make generate); do not edit them.
// This package and the handlers above it are the only ones that import the SDK's ec2 package, whose cold compile costs
// a minute and three gigabytes.
package ec2wire
