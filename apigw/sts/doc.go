// SPDX-License-Identifier: Apache-2.0

// Package sts answers the part of the STS API that clients ask first: who am I. The gateway has already established who
// signed; this package only says it.
//
// It has no goroutines. Start at service.go.
package sts
