// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// Derive makes a key for another use of the cluster key: HKDF-SHA-256 over one version of it with the use as info. Equal
// version, use and length give equal bytes on every node. use must be unlike every other user's, and its text belongs to
// the format of what is made with the key. The error is ErrUnknownVersion when the ring does not hold the version.
func (r *Ring) Derive(version int, use string, length int) ([]byte, error) {
	if use == "" || use == wrapInfo {
		panic("seal: derive key for the use " + use)
	}
	r.mu.RLock()
	key, ok := r.keys[version]
	r.mu.RUnlock()
	if !ok {
		return nil, fmt.Errorf("derive key of version %d: %w", version, ErrUnknownVersion)
	}
	derived, err := hkdf.Key(sha256.New, key, nil, use, length)
	if err != nil {
		return nil, fmt.Errorf("derive key of version %d: %w", version, err)
	}
	return derived, nil
}
