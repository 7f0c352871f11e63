// SPDX-License-Identifier: Apache-2.0

// Package cloudwatchwire holds the wire names of the CloudWatch API: the tables that apigw/internal/gen writes from the
// SDK module's source, and the codec made of them.
//
// Clients of CloudWatch differ in protocol by their age: the query protocol, JSON 1.0, RPC v2 CBOR. They call members
// the same in all of them, so that one table serves all.
package cloudwatchwire
