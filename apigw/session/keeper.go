// SPDX-License-Identifier: Apache-2.0

package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/internal/seal"
)

// KeyPrefix begins the access key ids of temporary credentials.
const KeyPrefix = "ASIA"

const (
	magic     = "HIV\x01"
	headerLen = len(magic) + 4
	nonceLen  = 12
	tagLen    = 16
	keyLen    = 32
	secretLen = 30

	tokenUse  = "hive session token 1"
	secretUse = "hive session secret 1"

	// MaxToken is the longest token that is looked at, in characters: beyond what Issue can make.
	MaxToken = 12 << 10
	// maxPacked is what session policies and tags may take when packed, in bytes: a token has to fit into a header.
	maxPacked = 4 << 10
)

// Errors of Open.
var (
	// ErrInvalid is a token that was not made by this region, for this access key, or that was changed.
	ErrInvalid = errors.New("session token is not valid")
	// ErrExpired is a token of this region and access key whose time is over.
	ErrExpired = errors.New("session token has expired")
)

// Keys derives keys from the cluster key; *seal.Ring is one.
type Keys interface {
	// Version is the version of the cluster key that is used for what is new.
	Version() int
	// Derive makes a key for a use, the same on every node; seal.ErrUnknownVersion when the version is not there.
	Derive(version int, use string, length int) ([]byte, error)
}

var _ Keys = (*seal.Ring)(nil)

// Credentials are temporary credentials as they are handed out.
type Credentials struct {
	AccessKeyID string
	Secret      seal.Secret
	Token       seal.Secret
	Expires     time.Time
}

// Keeper issues and opens temporary credentials. It is safe for concurrent use.
type Keeper struct{ keys Keys }

// New returns a keeper. It does no I/O.
func New(keys Keys) (*Keeper, error) {
	if keys == nil {
		return nil, errors.New("session keeper: keys are required")
	}
	return &Keeper{keys: keys}, nil
}

// Issue makes credentials for a session. Times are cut to milliseconds.
func (k *Keeper) Issue(c Claims) (Credentials, error) {
	var random [10]byte
	rand.Read(random[:])
	id := KeyPrefix + base32.StdEncoding.EncodeToString(random[:])
	var nonce [nonceLen]byte
	rand.Read(nonce[:])
	return k.issue(c, id, nonce)
}

func (k *Keeper) issue(c Claims, id string, nonce [nonceLen]byte) (Credentials, error) {
	version := k.keys.Version()
	token := binary.BigEndian.AppendUint32([]byte(magic), uint32(version))
	aead, err := k.aead(version)
	if err != nil {
		return Credentials{}, fmt.Errorf("issue session: %w", err)
	}
	secret, err := k.secret(version, id)
	if err != nil {
		return Credentials{}, fmt.Errorf("issue session: %w", err)
	}
	data := associated(token, id)
	token = append(token, nonce[:]...)
	token = aead.Seal(token, nonce[:], pack(c.wire()), data)
	text := base64.StdEncoding.EncodeToString(token)
	if len(text) > MaxToken {
		return Credentials{}, fmt.Errorf("issue session: a token of %d characters", len(text))
	}
	return Credentials{AccessKeyID: id, Secret: secret, Token: seal.NewSecret(text), Expires: time.UnixMilli(c.Session.Expires.UnixMilli()).UTC()}, nil
}

// Open checks that a token belongs to an access key and returns what it says, with the key's secret. The error is ErrInvalid,
// or ErrExpired together with the claims and the secret: the caller may want to check the signature all the same.
func (k *Keeper) Open(accessKeyID, token string, now time.Time) (*Claims, seal.Secret, error) {
	// The decoder skips line breaks, and one token has one spelling.
	if len(token) > MaxToken || !strings.HasPrefix(accessKeyID, KeyPrefix) || strings.ContainsAny(token, "\r\n") {
		return nil, seal.Secret{}, ErrInvalid
	}
	b, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < headerLen+nonceLen+tagLen || string(b[:len(magic)]) != magic {
		return nil, seal.Secret{}, ErrInvalid
	}
	version := int(binary.BigEndian.Uint32(b[len(magic):]))
	aead, err := k.aead(version)
	if err != nil {
		return nil, seal.Secret{}, ErrInvalid
	}
	nonce, box := b[headerLen:headerLen+nonceLen], b[headerLen+nonceLen:]
	plain, err := aead.Open(nil, nonce, box, associated(b[:headerLen], accessKeyID))
	if err != nil {
		return nil, seal.Secret{}, ErrInvalid
	}
	claims, err := unpack(plain)
	if err != nil {
		return nil, seal.Secret{}, errors.Join(ErrInvalid, err)
	}
	secret, err := k.secret(version, accessKeyID)
	if err != nil {
		return nil, seal.Secret{}, ErrInvalid
	}
	if !now.Before(claims.Session.Expires) {
		return claims, secret, ErrExpired
	}
	return claims, secret, nil
}

// Packed is how much of the room for session policies and tags a session takes, in percent, as STS answers it
// (PackedPolicySize). More than 100 does not fit: PackedPolicyTooLarge. A session without any has 0.
func Packed(s *apigw.Session) int {
	if !s.Limited() && len(s.Tags) == 0 {
		return 0
	}
	size := len(pack(wire{Policies: s.Policies, PolicyARNs: s.PolicyARNs, Tags: s.Tags, Transitive: s.TransitiveTags}))
	return (size*100 + maxPacked - 1) / maxPacked
}

func (k *Keeper) aead(version int) (cipher.AEAD, error) {
	key, err := k.keys.Derive(version, tokenUse, keyLen)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

func (k *Keeper) secret(version int, id string) (seal.Secret, error) {
	key, err := k.keys.Derive(version, secretUse, keyLen)
	if err != nil {
		return seal.Secret{}, err
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id))
	return seal.NewSecret(base64.StdEncoding.EncodeToString(m.Sum(nil)[:secretLen])), nil
}

// associated is what the seal binds besides the claims.
func associated(header []byte, id string) []byte {
	return append(header[:headerLen:headerLen], id...)
}
