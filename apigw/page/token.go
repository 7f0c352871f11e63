// SPDX-License-Identifier: Apache-2.0

package page

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// macSize is the length of the authenticator in a token, in bytes.
const macSize = 16

// maxToken bounds the tokens that are looked at.
const maxToken = 2048

// Tokens makes and reads tokens. It is safe for concurrent use.
type Tokens struct {
	key []byte
}

// NewTokens takes the secret that all nodes of a region share.
func NewTokens(key []byte) (*Tokens, error) {
	if len(key) < 16 {
		return nil, errors.New("page tokens: the key must have at least 16 bytes")
	}
	derived := hmac.New(sha256.New, key)
	derived.Write([]byte("hive page token 1"))
	return &Tokens{key: derived.Sum(nil)}, nil
}

// Seal makes the token that continues after the row last within a scope (account, action).
func (t *Tokens) Seal(scope, last string) string {
	return base64.RawURLEncoding.EncodeToString(append(t.mac(scope, last), last...))
}

// Open returns the row after which a token continues; false when it is not one of ours for this scope.
func (t *Tokens) Open(scope, token string) (last string, ok bool) {
	// The decoder skips line breaks, and one token has one spelling.
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") {
		return "", false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < macSize {
		return "", false
	}
	last = string(raw[macSize:])
	if !hmac.Equal(raw[:macSize], t.mac(scope, last)) {
		return "", false
	}
	return last, true
}

func (t *Tokens) mac(scope, last string) []byte {
	h := hmac.New(sha256.New, t.key)
	h.Write([]byte(scope))
	h.Write([]byte{0})
	h.Write([]byte(last))
	return h.Sum(nil)[:macSize]
}
