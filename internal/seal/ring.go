// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// wrapInfo separates the use of the cluster key here from any other use.
const wrapInfo = "hive access key wrap 1"

// Ring holds the cluster key in its versions. One seals, the newest unless Follow says otherwise; every one opens. Make
// one with Generate or Load.
type Ring struct {
	mu      sync.RWMutex
	keys    map[int][]byte // version -> 32 bytes
	wraps   map[int]cipher.AEAD
	newest  int
	sealing func() int // nil or its zero: the newest
}

// Generate makes a ring with one random key, version 1.
func Generate() *Ring {
	r := &Ring{keys: map[int][]byte{}, wraps: map[int]cipher.AEAD{}}
	r.add(1, randomKey())
	return r
}

func randomKey() []byte {
	key := make([]byte, keyLen)
	rand.Read(key)
	return key
}

// add is called with mu held, or before the ring is shared.
func (r *Ring) add(version int, key []byte) {
	wrap, err := hkdf.Key(sha256.New, key, nil, wrapInfo, keyLen)
	if err != nil {
		panic("seal: derive key: " + err.Error())
	}
	r.keys[version] = key
	r.wraps[version] = newGCM(wrap)
	r.newest = slices.Max(slices.Collect(maps.Keys(r.keys)))
}

// Version is the version that Seal uses now.
func (r *Ring) Version() int {
	r.mu.RLock()
	sealing, newest := r.sealing, r.newest
	r.mu.RUnlock()
	if sealing != nil {
		if v := sealing(); v != 0 {
			return v
		}
	}
	return newest
}

// Follow makes Seal use the version that sealing says each time, although there is a newer one: not every node has that
// yet. Zero means the newest. sealing is called without the ring's lock.
func (r *Ring) Follow(sealing func() int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sealing = sealing
}

// Versions lists every version in the ring, oldest first.
func (r *Ring) Versions() []int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.keys))
}

// Add makes a random key and keeps it as a version, in place of one of that number. Save the ring before anything sealed
// with it is acknowledged, on every node that must open it.
func (r *Ring) Add(version int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(version, randomKey())
}

// Take copies a version from another ring, in place of one of that number.
func (r *Ring) Take(from *Ring, version int) error {
	from.mu.RLock()
	key, ok := from.keys[version]
	from.mu.RUnlock()
	if !ok {
		return fmt.Errorf("take cluster key version %d: %w", version, ErrUnknownVersion)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(version, slices.Clone(key))
	return nil
}

// Only is a ring with one version of this one, for a node that lacks it.
func (r *Ring) Only(version int) (*Ring, error) {
	out := &Ring{keys: map[int][]byte{}, wraps: map[int]cipher.AEAD{}}
	return out, out.Take(r, version)
}

// Sum names the key of a version without telling it, in hex: nodes compare it to know that they hold the same.
func (r *Ring) Sum(version int) (string, error) {
	sum, err := r.Derive(version, sumUse, 16)
	return hex.EncodeToString(sum), err
}

// sumUse is the use of the cluster key that names it.
const sumUse = "hive cluster key sum 1"

// Drop forgets a version; boxes made with it never open again. The one that seals cannot be dropped.
func (r *Ring) Drop(version int) error {
	used := r.Version()
	r.mu.Lock()
	defer r.mu.Unlock()
	if version == used {
		return fmt.Errorf("drop cluster key version %d: it is in use", version)
	}
	if _, ok := r.keys[version]; !ok {
		return fmt.Errorf("drop cluster key version %d: %w", version, ErrUnknownVersion)
	}
	delete(r.keys, version)
	delete(r.wraps, version)
	r.newest = slices.Max(slices.Collect(maps.Keys(r.keys)))
	return nil
}

// Seal encrypts a secret for the row of account and keyID; version goes into the row beside the box.
func (r *Ring) Seal(account, keyID string, secret Secret) (box []byte, version int, err error) {
	version = r.Version()
	wrap, err := r.wrap(version)
	if err != nil {
		return nil, 0, err
	}
	data, ok := wrapData(account, keyID, version)
	if !ok {
		return nil, 0, fmt.Errorf("seal access key %q of account %q: names must not be empty or hold a bar", keyID, account)
	}
	dataKey := randomKey()
	defer clear(dataKey)
	box = make([]byte, 1, boxMin+len(secret.plain))
	box[0] = boxFormat
	box = appendSealed(box, wrap, dataKey, data)
	box = appendSealed(box, newGCM(dataKey), []byte(secret.plain), secretData(account, keyID))
	return box, version, nil
}

// Open reverses Seal. The error is ErrSealed or ErrUnknownVersion.
func (r *Ring) Open(account, keyID string, version int, box []byte) (Secret, error) {
	dataKey, err := r.dataKey(account, keyID, version, box)
	if err != nil {
		return Secret{}, fmt.Errorf("open secret of access key %s: %w", keyID, err)
	}
	defer clear(dataKey)
	plain, err := openSealed(newGCM(dataKey), box[1+wrapLen:], secretData(account, keyID))
	if err != nil {
		return Secret{}, fmt.Errorf("open secret of access key %s: %w", keyID, err)
	}
	return Secret{plain: string(plain)}, nil
}

// Rewrap makes a box of the version that seals now from one of another version, without decrypting the secret.
func (r *Ring) Rewrap(account, keyID string, version int, box []byte) (rewrapped []byte, now int, err error) {
	dataKey, err := r.dataKey(account, keyID, version, box)
	if err != nil {
		return nil, 0, fmt.Errorf("rewrap secret of access key %s: %w", keyID, err)
	}
	defer clear(dataKey)
	now = r.Version()
	wrap, err := r.wrap(now)
	if err != nil {
		return nil, 0, err
	}
	data, _ := wrapData(account, keyID, now)
	rewrapped = make([]byte, 1, len(box))
	rewrapped[0] = boxFormat
	rewrapped = appendSealed(rewrapped, wrap, dataKey, data)
	return append(rewrapped, box[1+wrapLen:]...), now, nil
}

// dataKey unwraps a box's data key.
func (r *Ring) dataKey(account, keyID string, version int, box []byte) ([]byte, error) {
	wrap, err := r.wrap(version)
	if err != nil {
		return nil, err
	}
	data, ok := wrapData(account, keyID, version)
	if !ok || len(box) < boxMin || box[0] != boxFormat {
		return nil, ErrSealed
	}
	return openSealed(wrap, box[1:1+wrapLen], data)
}

func (r *Ring) wrap(version int) (cipher.AEAD, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	wrap, ok := r.wraps[version]
	if !ok {
		return nil, fmt.Errorf("version %d: %w", version, ErrUnknownVersion)
	}
	return wrap, nil
}
