// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A ciphertext, in bytes, numbers big-endian:
//
//	 0        1       2        18                  22       34      50             50+n+16
//	+--------+-------+--------+-------------------+--------+-------+--------------+
//	| magic  |version| key id | material version  | salt   | nonce | secret n     |
//	| 0xC4   | 0x01  | UUID   | u32               | 16     | 12    | + tag 16     |
//	+--------+-------+--------+-------------------+--------+-------+--------------+
//
// (salt is bytes 22 to 38, nonce 38 to 50.) Each ciphertext has a key of its own, HKDF-SHA-256 of the material with the
// salt, so that random nonces never meet under one key. Associated data: the account, a zero byte, everything before the
// nonce, and the encryption context with every key and value preceded by its length as u32, in the order of keys.
const (
	blobMagic   = 0xC4
	blobVersion = 1
	saltAt      = 22
	nonceAt     = 38
	sealedAt    = 50
	tagLen      = 16
	blobInfo    = "hive kms ciphertext 1"
)

// errBlob is a ciphertext that is damaged, or of another account, key or context.
var errBlob = errors.New("ciphertext does not open")

// blobHead is what a ciphertext tells without a key.
type blobHead struct {
	keyID   string // as a UUID is written
	version int
}

// parseBlob reads the head of a ciphertext.
func parseBlob(b []byte) (blobHead, error) {
	if len(b) < sealedAt+tagLen || b[0] != blobMagic || b[1] != blobVersion {
		return blobHead{}, errBlob
	}
	h := hex.EncodeToString(b[2:18])
	version := binary.BigEndian.Uint32(b[18:])
	if version == 0 || version > 1<<20 {
		return blobHead{}, errBlob
	}
	return blobHead{keyID: h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], version: int(version)}, nil
}

// sealBlob encrypts. random fills the salt and the nonce: crypto/rand.Read, or a test's bytes.
func sealBlob(material []byte, account string, head blobHead, context map[string]string, plain []byte, random func([]byte)) ([]byte, error) {
	id, err := hex.DecodeString(stripDashes(head.keyID))
	if err != nil || len(id) != 16 {
		return nil, fmt.Errorf("seal ciphertext: the key id %q is no UUID", head.keyID)
	}
	b := make([]byte, sealedAt, sealedAt+len(plain)+tagLen)
	b[0], b[1] = blobMagic, blobVersion
	copy(b[2:], id)
	binary.BigEndian.PutUint32(b[18:], uint32(head.version))
	random(b[saltAt:sealedAt])
	gcm, err := blobCipher(material, b[saltAt:nonceAt])
	if err != nil {
		return nil, err
	}
	return gcm.Seal(b, b[nonceAt:sealedAt], plain, blobData(account, b[:nonceAt], context)), nil
}

// openBlob reverses sealBlob.
func openBlob(material []byte, account string, context map[string]string, b []byte) ([]byte, error) {
	if _, err := parseBlob(b); err != nil {
		return nil, err
	}
	gcm, err := blobCipher(material, b[saltAt:nonceAt])
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, b[nonceAt:sealedAt], b[sealedAt:], blobData(account, b[:nonceAt], context))
	if err != nil {
		return nil, errBlob
	}
	return plain, nil
}

func blobCipher(material, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, material, salt, blobInfo, 32)
	if err != nil {
		return nil, fmt.Errorf("derive ciphertext key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

func blobData(account string, head []byte, context map[string]string) []byte {
	b := append([]byte(account), 0)
	b = append(b, head...)
	for _, k := range slices.Sorted(maps.Keys(context)) {
		for _, s := range []string{k, context[k]} {
			b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
			b = append(b, s...)
		}
	}
	return b
}

func stripDashes(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != '-' {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// randomly fills b with random bytes; it cannot fail.
func randomly(b []byte) { rand.Read(b) }
