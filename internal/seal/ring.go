// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// wrapInfo separates the use of the cluster key here from any other use.
const wrapInfo = "hive access key wrap 1"

// Ring holds the cluster key in all its versions. The newest seals; every one opens. Make one with Generate or Load.
type Ring struct {
	mu     sync.RWMutex
	keys   map[int][]byte // version -> 32 bytes
	wraps  map[int]cipher.AEAD
	newest int
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
	r.newest = max(r.newest, version)
}

// Version is the version that Seal uses now.
func (r *Ring) Version() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.newest
}

// Versions lists every version in the ring, oldest first.
func (r *Ring) Versions() []int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.keys))
}

// Rotate adds a random key as the newest version and returns its number. Save the ring before anything sealed with the
// new version is acknowledged, on every node that must open it.
func (r *Ring) Rotate() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(r.newest+1, randomKey())
	return r.newest
}

// Drop forgets an old version; boxes made with it never open again. The newest cannot be dropped.
func (r *Ring) Drop(version int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if version == r.newest {
		return fmt.Errorf("drop cluster key version %d: it is the newest", version)
	}
	if _, ok := r.keys[version]; !ok {
		return fmt.Errorf("drop cluster key version %d: %w", version, ErrUnknownVersion)
	}
	delete(r.keys, version)
	delete(r.wraps, version)
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

// Rewrap makes a box of the newest version from one of an older version, without decrypting the secret.
func (r *Ring) Rewrap(account, keyID string, version int, box []byte) (rewrapped []byte, newest int, err error) {
	dataKey, err := r.dataKey(account, keyID, version, box)
	if err != nil {
		return nil, 0, fmt.Errorf("rewrap secret of access key %s: %w", keyID, err)
	}
	defer clear(dataKey)
	newest = r.Version()
	wrap, err := r.wrap(newest)
	if err != nil {
		return nil, 0, err
	}
	data, _ := wrapData(account, keyID, newest)
	rewrapped = make([]byte, 1, len(box))
	rewrapped[0] = boxFormat
	rewrapped = appendSealed(rewrapped, wrap, dataKey, data)
	return append(rewrapped, box[1+wrapLen:]...), newest, nil
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
