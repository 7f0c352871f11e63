// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a Secret prints as.
const Redacted = "[redacted]"

// Secret is a string that does not print itself: fmt (every verb), encoding/json, text and log encoders see Redacted.
// Only Reveal gives it out, so that a search for ".Reveal()" finds every place where a secret leaves its wrapping.
type Secret struct{ plain string }

var (
	_ fmt.Formatter  = Secret{}
	_ slog.LogValuer = Secret{}
)

// NewSecret wraps a plain string.
func NewSecret(plain string) Secret { return Secret{plain: plain} }

// Reveal is the plain string.
func (s Secret) Reveal() string { return s.plain }

// Equal compares in constant time (lengths are not hidden).
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.plain), []byte(o.plain)) == 1
}

// String is Redacted.
func (s Secret) String() string { return Redacted }

// GoString is Redacted.
func (s Secret) GoString() string { return Redacted }

// Format prints Redacted for every verb, %x and %q included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalText is Redacted.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON is Redacted.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// LogValue is Redacted.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// AccessKey is an access key as its owner sees it once.
type AccessKey struct {
	ID     string // AKIA and 16 characters of base32
	Secret Secret // 40 characters
}

// NewAccessKey makes an access key of AWS's shape: the id has 80 random bits, the secret 240.
func NewAccessKey() AccessKey {
	var id [10]byte
	var secret [30]byte
	rand.Read(id[:])
	rand.Read(secret[:])
	return AccessKey{
		ID:     "AKIA" + base32.StdEncoding.EncodeToString(id[:]),
		Secret: NewSecret(base64.StdEncoding.EncodeToString(secret[:])),
	}
}
