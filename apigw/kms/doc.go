// SPDX-License-Identifier: Apache-2.0

// Package kms answers the part of the KMS API that others lean on: symmetric keys (SYMMETRIC_DEFAULT, AES-256-GCM) and
// aliases of accounts, their policies, tags and rotation, and Encrypt, Decrypt, ReEncrypt, GenerateDataKey and
// GenerateRandom. Other kinds of keys, grants, imported material and other key stores are refused by name.
//
// blob.go draws the ciphertext and is the only place where material is used; material.go opens and makes material, which
// is in the log sealed under the cluster key and nowhere else; keys.go, alias.go, policy.go, rotation.go and crypt.go are
// the actions. Every action asks the key's own policy: it has to allow, within the account too.
//
// A Service has no goroutines and is safe for concurrent use. The leader's agent calls RotateDue now and then for the
// yearly rotations; the waiting time of deletions is kept by the state machine.
package kms
