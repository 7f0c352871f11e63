// SPDX-License-Identifier: Apache-2.0

// Package sshkey makes and reads the key material of EC2 key pairs: it generates RSA and ED25519 pairs, writes the
// private half as PEM or as PuTTY's PPK, reads public keys in the formats that ImportKeyPair takes, and computes
// fingerprints as EC2 does
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html).
//
// It is pure but for the random source and knows no SDK types, so that its tests compile fast. A Pair's private half is
// wrapped so that it does not print itself. Start at pair.go; ppk.go draws PuTTY's format; public.go reads public keys.
package sshkey
