// SPDX-License-Identifier: Apache-2.0

package ids

import (
	"crypto/rand"
	"encoding/hex"
)

// New makes an id: the prefix ("i-") and 17 hexadecimal digits, 64 bits of them random. As AWS's ids they begin with
// a zero.
func New(prefix string) string {
	var r [8]byte
	rand.Read(r[:]) // never fails: crypto/rand ends the process instead
	return prefix + "0" + hex.EncodeToString(r[:])
}
