// SPDX-License-Identifier: Apache-2.0

package join

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
)

const (
	tokenPrefix = "hivejoin1."
	secretLen   = 24
	maxToken    = 8 << 10
)

// ErrToken is a text that is no join token, or one that lost characters.
var ErrToken = errors.New("not a join token")

// Token is what a joiner knows of the cluster.
type Token struct {
	Cluster   string
	Region    string
	ID        string      // names the token in the region's log
	Secret    seal.Secret // proves that the holder was given the token
	Pin       pki.Pin     // of the cluster CA's certificate
	Addresses []string    // host:port of members' cluster ports, when the token was made
}

// NewSecret makes the id and the secret of a token.
func NewSecret() (id string, secret seal.Secret) {
	var name [4]byte
	var key [secretLen]byte
	_, _ = rand.Read(name[:]) // never fails (crypto/rand)
	_, _ = rand.Read(key[:])
	return "jt-" + hex.EncodeToString(name[:]), seal.NewSecret(base64.RawURLEncoding.EncodeToString(key[:]))
}

// HashSecret is what the log keeps of a secret. A secret has 192 random bits, so a plain hash cannot be searched.
func HashSecret(secret seal.Secret) string {
	sum := sha256.Sum256([]byte(secret.Reveal()))
	return hex.EncodeToString(sum[:])
}

// tokenBody is a token's content.
type tokenBody struct {
	Cluster   string   `json:"c"`
	Region    string   `json:"r"`
	ID        string   `json:"i"`
	Secret    string   `json:"s"`
	Pin       []byte   `json:"p"`
	Addresses []string `json:"a,omitempty"`
}

// Encode is the token's text: one word, to be handed to hive admin join. It holds the secret.
func (t Token) Encode() (string, error) {
	body, err := json.Marshal(tokenBody{t.Cluster, t.Region, t.ID, t.Secret.Reveal(), t.Pin[:], t.Addresses})
	if err != nil {
		return "", fmt.Errorf("encode join token: %w", err)
	}
	body = binary.BigEndian.AppendUint32(body, crc32.ChecksumIEEE(body))
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(body), nil
}

// ParseToken reads what Encode made. Errors never quote the text, for it may hold a secret.
func ParseToken(text string) (Token, error) {
	word, ok := strings.CutPrefix(strings.TrimSpace(text), tokenPrefix)
	if !ok || len(text) > maxToken {
		return Token{}, fmt.Errorf("%w: it does not begin with %s", ErrToken, tokenPrefix)
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(word)
	if err != nil || len(body) < 4 {
		return Token{}, fmt.Errorf("%w: characters are missing or wrong", ErrToken)
	}
	body, sum := body[:len(body)-4], binary.BigEndian.Uint32(body[len(body)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return Token{}, fmt.Errorf("%w: characters are missing or wrong", ErrToken)
	}
	var b tokenBody
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil || len(b.Pin) != len(pki.Pin{}) || b.ID == "" || b.Secret == "" || pki.ValidName(b.Cluster) != nil {
		return Token{}, fmt.Errorf("%w: it is of another version", ErrToken)
	}
	return Token{Cluster: b.Cluster, Region: b.Region, ID: b.ID, Secret: seal.NewSecret(b.Secret), Pin: pki.Pin(b.Pin), Addresses: b.Addresses}, nil
}
