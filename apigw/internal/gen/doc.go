// SPDX-License-Identifier: Apache-2.0

// Command gen reads the wire names of AWS's query protocols out of the AWS SDK modules and writes the tables that
// apigw/wire works from.
//
// The SDK's Go types carry no tags; the names stand in its generated serializers.go and deserializers.go. gen parses
// those files from the module cache (the versions that go.mod names), so that no name is ever typed by hand and an
// upgrade of the SDK is "go get" and "make generate". It needs no network and no JSON model.
//
// For each service it writes two files: names.txt (request and response names of every Go type, embedded into the
// binary) and registry_gen.go (action to input and output type). The package's test fails when they are stale.
//
// Start at main.go; source.go reads the SDK's syntax, emit.go writes the files.
package main
