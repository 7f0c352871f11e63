// SPDX-License-Identifier: Apache-2.0

// Package authz decides what the callers of the API may do: it is the gateway's Authorizer.
//
// For each question it gathers the policies that apply to the principal (policies.go), the condition keys that
// conditions may ask about (keys.go), and asks apigw/policy about every resource. The first resource that is refused
// refuses the call. What a refusal was about is sealed into a message (messages.go) that any node opens.
//
// Policies are read from the view that found the caller's key (apigw.IdentityView): a change holds from the next
// request on, on every node. Compiled documents are kept by their text; nothing else is cached, so nothing has to be
// invalidated. An Authorizer has no goroutines and is safe for concurrent use.
package authz
