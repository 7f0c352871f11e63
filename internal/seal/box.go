// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A box, in bytes:
//
//	 0        1            13                 61           73                    73+n+16
//	+--------+------------+------------------+------------+---------------------+
//	| format | wrap nonce | data key 32 + 16 | nonce      | secret n + 16       |
//	| 0x01   | 12         | (AES-256-GCM)    | 12         | (AES-256-GCM)       |
//	+--------+------------+------------------+------------+---------------------+
//
// Associated data of the data key: "hive-wrap|account|key id|version"; of the secret: "hive-secret|account|key id".
// The version is bound by the wrap alone, so that Rewrap need not touch the secret.
const (
	boxFormat = 1
	nonceLen  = 12
	tagLen    = 16
	keyLen    = 32
	wrapLen   = nonceLen + keyLen + tagLen
	boxMin    = 1 + wrapLen + nonceLen + tagLen
)

// Errors of Open and Rewrap.
var (
	// ErrSealed is a box that does not open: damaged, or made for another account, key id or version.
	ErrSealed = errors.New("sealed secret does not open")
	// ErrUnknownVersion is a box made with a version of the cluster key that this ring does not hold.
	ErrUnknownVersion = errors.New("cluster key version is not in the key file")
)

// wrapData is the associated data of a data key; ok is false for names that could be read in two ways.
func wrapData(account, keyID string, version int) ([]byte, bool) {
	return []byte("hive-wrap|" + account + "|" + keyID + "|" + strconv.Itoa(version)), plainNames(account, keyID)
}

func secretData(account, keyID string) []byte {
	return []byte("hive-secret|" + account + "|" + keyID)
}

func plainNames(names ...string) bool {
	for _, n := range names {
		if n == "" || strings.Contains(n, "|") {
			return false
		}
	}
	return true
}

func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Sprintf("seal: key of %d bytes", len(key)))
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("seal: " + err.Error())
	}
	return gcm
}

// appendSealed appends a fresh nonce and the sealed plain to dst.
func appendSealed(dst []byte, gcm cipher.AEAD, plain, data []byte) []byte {
	var nonce [nonceLen]byte
	rand.Read(nonce[:])
	dst = append(dst, nonce[:]...)
	return gcm.Seal(dst, nonce[:], plain, data)
}

// openSealed reverses appendSealed.
func openSealed(gcm cipher.AEAD, sealed, data []byte) ([]byte, error) {
	plain, err := gcm.Open(nil, sealed[:nonceLen], sealed[nonceLen:], data)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
