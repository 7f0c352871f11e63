// SPDX-License-Identifier: Apache-2.0

// Package iamwire is the wire format of the IAM API: the generated names of every type and the types of every action.
//
// names.txt and registry_gen.go are generated from the SDK module that go.mod names (make generate); do not edit them.
package iamwire
