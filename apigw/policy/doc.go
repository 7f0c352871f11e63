// SPDX-License-Identifier: Apache-2.0

// Package policy is the language of AWS's policies: the grammar with its refusals, compiled documents, and the pure
// function that decides whether a request is allowed.
//
// Parse turns a text into a Document or says in AWS's words what is wrong with it. A Document is compiled and
// immutable: any number of goroutines may evaluate it. Evaluate takes a Request and the Set of documents that apply to
// it, and returns the Decision together with the statements that made it. It reads no clock, no state and no network;
// what a condition may ask about comes with the request (Context).
//
// What this package does not know: who has which policy (apigw/authz), which action needs which resources
// (apigw/policy/actions), and the documents that AWS publishes (apigw/policy/managed).
//
// Start at evaluate.go for the order of the layers, at parse.go for the grammar, at condition.go for the operators.
package policy
