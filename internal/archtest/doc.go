// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the rules of this source tree that a compiler does not
// know, as functions, and the tests that apply them to the tree:
//
//   - arrows.go: which room may import which, and who may import what is dear
//   - purity.go: fsm reads no clock, rolls no dice, does no I/O and does not
//     depend on the order of a map
//   - text.go: package docs, licence lines, sizes, no forgotten markers
//
// Every rule takes its input as text, so that teeth_test.go can show that it
// bites: a rule without a fixture that breaks it proves nothing. The package
// holds no product code and nothing imports it.
package archtest
