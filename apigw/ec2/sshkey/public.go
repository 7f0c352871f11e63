// SPDX-License-Identifier: Apache-2.0

package sshkey

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/md5" //nolint:gosec // the fingerprint that EC2 documents, not a protection
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// RSA lengths that are taken, in bits. EC2 documents 1024, 2048 and 4096 and takes what lies between as well
// (ssh-keygen's default is 3072).
const (
	minRSABits = 1024
	maxRSABits = 8192
)

// maxMaterial is the longest public key that ParsePublic looks at, in bytes.
const maxMaterial = 16 << 10

// ErrPublicKey is material that is no public key that EC2 takes.
var ErrPublicKey = errors.New("not a public key in a supported format")

// Public is the public half of a key pair.
type Public struct {
	Type string // RSA or ED25519
	key  crypto.PublicKey
	wire ssh.PublicKey
}

func newPublic(key crypto.PublicKey) (*Public, error) {
	p := &Public{key: key}
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil, fmt.Errorf("rsa key of %d bits: %w", bits, ErrPublicKey)
		}
		p.Type = RSA
	case ed25519.PublicKey:
		p.Type = ED25519
	default:
		return nil, fmt.Errorf("key of type %T: %w", key, ErrPublicKey)
	}
	wire, err := ssh.NewPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPublicKey, err)
	}
	p.wire = wire
	return p, nil
}

// Line is the key in the form of authorized_keys, with comment as its last word and no newline.
func (p *Public) Line(comment string) string {
	line := p.wire.Type() + " " + base64.StdEncoding.EncodeToString(p.wire.Marshal())
	if comment == "" {
		return line
	}
	return line + " " + comment
}

// ImportedFingerprint is the fingerprint of a pair that was imported: for RSA the MD5 of the DER public key in hex with
// colons, for ED25519 the padded base64 of the SHA-256 of the SSH public key.
func (p *Public) ImportedFingerprint() (string, error) {
	if p.Type == ED25519 {
		sum := sha256.Sum256(p.wire.Marshal())
		return base64.StdEncoding.EncodeToString(sum[:]), nil
	}
	der, err := x509.MarshalPKIXPublicKey(p.key)
	if err != nil {
		return "", fmt.Errorf("encode public key: %w", err)
	}
	sum := md5.Sum(der) //nolint:gosec // see above
	return colons(sum[:]), nil
}

func colons(sum []byte) string {
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(pairs, ":")
}

// ParsePublic reads a public key in any format that ImportKeyPair documents: one line of authorized_keys without
// options, base64 of DER (SubjectPublicKeyInfo), or an RFC 4716 block. Every fault is ErrPublicKey.
func ParsePublic(material []byte) (*Public, error) {
	if len(material) > maxMaterial {
		return nil, fmt.Errorf("%d bytes: %w", len(material), ErrPublicKey)
	}
	text := string(bytes.TrimSpace(material))
	if strings.HasPrefix(text, ssh2Begin) {
		return parseSSH2(text)
	}
	if strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("more than one line: %w", ErrPublicKey)
	}
	if kind, rest, ok := strings.Cut(text, " "); ok {
		blob, _, _ := strings.Cut(strings.TrimLeft(rest, " \t"), " ")
		return parseWire(kind, blob)
	}
	return parseDER(text)
}

// parseWire reads the SSH wire form; kind, when known, must be the type that the blob names.
func parseWire(kind, encoded string) (*Public, error) {
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPublicKey, err)
	}
	wire, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPublicKey, err)
	}
	if kind != "" && wire.Type() != kind {
		return nil, fmt.Errorf("line says %.20q, key says %q: %w", kind, wire.Type(), ErrPublicKey)
	}
	holder, ok := wire.(ssh.CryptoPublicKey)
	if !ok || (wire.Type() != ssh.KeyAlgoRSA && wire.Type() != ssh.KeyAlgoED25519) {
		return nil, fmt.Errorf("key of type %q: %w", wire.Type(), ErrPublicKey)
	}
	return newPublic(holder.CryptoPublicKey())
}

func parseDER(encoded string) (*Public, error) {
	der, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPublicKey, err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPublicKey, err)
	}
	return newPublic(key)
}

// RFC 4716: a first and a last line, headers ("Tag: value", going on in the next line after a backslash), base64.
const (
	ssh2Begin = "---- BEGIN SSH2 PUBLIC KEY ----"
	ssh2End   = "---- END SSH2 PUBLIC KEY ----"
)

func parseSSH2(text string) (*Public, error) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if len(lines) < 3 || lines[0] != ssh2Begin || lines[len(lines)-1] != ssh2End {
		return nil, fmt.Errorf("SSH2 block without its first or last line: %w", ErrPublicKey)
	}
	var body strings.Builder
	inHeader := false
	for _, line := range lines[1 : len(lines)-1] {
		isHeader := inHeader || (body.Len() == 0 && strings.Contains(line, ":"))
		inHeader = isHeader && strings.HasSuffix(line, `\`)
		if !isHeader {
			body.WriteString(line)
		}
	}
	return parseWire("", body.String())
}
