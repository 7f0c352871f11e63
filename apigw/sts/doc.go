// SPDX-License-Identifier: Apache-2.0

// Package sts answers the STS API: temporary credentials, and questions about who calls.
//
// Credentials come from apigw/session and are written nowhere. Whether somebody may have them the Authorizer decides (a
// role's trust policy goes along as the resource's policy), except for AssumeRoleWithWebIdentity, which needs no signature:
// there a token of an OIDC provider proves the caller (oidc.go) and the trust policy alone decides.
//
// What is bounded and how follows AWS: a session of a role that assumes another role lasts an hour at most; sessions of
// users make no further sessions; the root user assumes no roles. A second factor does not exist yet: SerialNumber and TokenCode
// are refused by name.
//
// It has no goroutines but those of the HTTP client, which end with each call. Start at service.go.
package sts
