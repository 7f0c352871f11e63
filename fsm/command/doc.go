// SPDX-License-Identifier: Apache-2.0

// Package command is everything that can happen to a region: typed, versioned commands and the envelope that carries
// them through the log.
//
// A command is a plain struct. The proposer (an API handler, an executor, the leader's scheduler) chooses ids and the
// time and puts them in; Apply allocates what is shared. Structs are frozen once released: a golden file per command
// keeps their bytes. Decoding is strict: a field that this binary does not know is an error, never dropped.
//
// envelope.go draws the envelope; the other files hold the commands, one resource each.
package command
