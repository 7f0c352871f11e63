// SPDX-License-Identifier: Apache-2.0

// Package ids makes and checks the ids of EC2 resources: a prefix and 17 hexadecimal digits, "i-0123456789abcdef0".
//
// A malformed id is refused with the code of its resource family before any state is read, as AWS does; an id that is
// well formed and names nothing is the family's NotFound, which the state machine or the handler answers. Family holds
// both codes, so that no handler spells them.
package ids
