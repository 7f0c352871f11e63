// SPDX-License-Identifier: Apache-2.0

package sshkey

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the fingerprint that EC2 documents, not a protection
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// The types of keys, as EC2 names them.
const (
	RSA     = "rsa"
	ED25519 = "ed25519"
)

// rsaBits is the length of the RSA keys that EC2 makes.
const rsaBits = 2048

// ErrType is a type of key that is neither RSA nor ED25519.
var ErrType = errors.New("unknown key type")

// Pair is a whole key pair. It does not print its private half; PEM and PPK write it out.
type Pair struct {
	Public
	private crypto.Signer // *rsa.PrivateKey or ed25519.PrivateKey
}

// Generate makes a key pair of type RSA or ED25519. An RSA pair costs about a tenth of a second of CPU.
func Generate(keyType string) (*Pair, error) {
	switch keyType {
	case RSA:
		key, err := rsa.GenerateKey(rand.Reader, rsaBits)
		if err != nil {
			return nil, fmt.Errorf("generate rsa key: %w", err)
		}
		return newPair(key)
	case ED25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("generate ed25519 key: %w", err)
		}
		return newPair(key)
	}
	return nil, fmt.Errorf("generate %q key: %w", keyType, ErrType)
}

func newPair(private crypto.Signer) (*Pair, error) {
	public, err := newPublic(private.Public())
	if err != nil {
		return nil, err
	}
	return &Pair{Public: *public, private: private}, nil
}

// Format prints the type alone.
func (p Pair) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "sshkey.Pair(%s)", p.Type) }

// CreatedFingerprint is the fingerprint of a pair that EC2 created: for RSA the SHA-1 of the PKCS #8 DER private key in
// hex with colons, for ED25519 the padded base64 of the SHA-256 of the SSH public key.
func (p *Pair) CreatedFingerprint() (string, error) {
	if p.Type != RSA {
		return p.ImportedFingerprint()
	}
	der, err := x509.MarshalPKCS8PrivateKey(p.private)
	if err != nil {
		return "", fmt.Errorf("encode private key: %w", err)
	}
	defer clear(der)
	sum := sha1.Sum(der) //nolint:gosec // see above
	return colons(sum[:]), nil
}

// PEM is the private key as EC2 hands it out: "BEGIN RSA PRIVATE KEY" (PKCS #1), or "BEGIN OPENSSH PRIVATE KEY" for
// ED25519. There is no newline at the end, as in EC2's answer.
func (p *Pair) PEM(comment string) (string, error) {
	var block *pem.Block
	switch key := p.private.(type) {
	case *rsa.PrivateKey:
		block = &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	default:
		b, err := ssh.MarshalPrivateKey(key, comment)
		if err != nil {
			return "", fmt.Errorf("encode private key: %w", err)
		}
		block = b
	}
	text := pem.EncodeToMemory(block)
	return string(text[:len(text)-1]), nil
}

var _ fmt.Formatter = Pair{}
