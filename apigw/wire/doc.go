// SPDX-License-Identifier: Apache-2.0

// Package wire speaks AWS's two query protocols (ec2Query for EC2, awsQuery for IAM and STS) for any SDK types.
//
// The SDK's Go structs carry no wire names. A Table, generated from the SDK module's own source, holds them; a Codec
// joins a Table with the types of a service's actions and compiles, once per type, a plan for decoding a form into an
// input and one for appending an output as XML. No wire name is typed by hand, so a misspelt one cannot exist.
//
// Decoding is strict. What the input type does not have is UnknownParameter; a value that does not parse, a sparse or
// repeated list index, a parameter sent twice, and forms beyond the limits in form.go are refused by name. In ec2Query
// an empty value counts as absent (Terraform sends Placement.AvailabilityZone=), except where emptiness means something
// (a tag's value, see Spec.KeepEmpty; the items of a list of strings). In awsQuery an empty string is a string.
//
// Encoding: nil is left out, a list that is empty but not nil is an empty element, non-pointer fields are always
// written. The one list of a Describe or List action is written even when nil, because clients expect the key.
// encode*.go read fields through unsafe pointers at offsets taken from reflection; a plan is only ever used with the
// type it was compiled for, which Codec checks.
//
// A Codec is safe for concurrent use and has no goroutines. Start at codec.go.
package wire

//go:generate go run github.com/hivecloud/hive/apigw/internal/gen
