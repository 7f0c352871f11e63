// SPDX-License-Identifier: Apache-2.0

package sshkey

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the format demands it
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/ssh"
)

// PuTTY's private key format, version 2 (https://the.earth.li/~sgtatham/putty/0.78/htmldoc/AppendixC.html, C.6):
// version 2 because every PuTTY, WinSCP and FileZilla reads it, and without a passphrase version 3 protects no better.
//
//	PuTTY-User-Key-File-2: <algorithm>
//	Encryption: none
//	Comment: <comment>
//	Public-Lines: <n>
//	<base64, 64 columns>
//	Private-Lines: <n>
//	<base64, 64 columns>
//	Private-MAC: <hex>
//
// The private blob of RSA is the SSH integers d, p, q, q^-1 mod p; of ED25519 the string that holds the seed. The MAC is
// HMAC-SHA-1 over the SSH strings algorithm, encryption, comment, public and private blob.
const (
	ppkEncryption = "none"
	ppkMACSeed    = "putty-private-key-file-mac-key"
	ppkColumns    = 64
)

// PPK is the private key as a PuTTY key file without a passphrase. The comment must be one line.
func (p *Pair) PPK(comment string) (string, error) {
	if strings.ContainsAny(comment, "\r\n") {
		return "", fmt.Errorf("write ppk: comment of more than one line")
	}
	private, err := p.ppkPrivate()
	if err != nil {
		return "", err
	}
	defer clear(private)
	public, algorithm := p.wire.Marshal(), p.wire.Type()

	macKey := sha1.Sum([]byte(ppkMACSeed)) //nolint:gosec // see above
	mac := hmac.New(sha1.New, macKey[:])
	for _, part := range [][]byte{[]byte(algorithm), []byte(ppkEncryption), []byte(comment), public, private} {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(part)))
		mac.Write(length[:])
		mac.Write(part)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "PuTTY-User-Key-File-2: %s\nEncryption: %s\nComment: %s\n", algorithm, ppkEncryption, comment)
	writeLines(&b, "Public", public)
	writeLines(&b, "Private", private)
	fmt.Fprintf(&b, "Private-MAC: %s", hex.EncodeToString(mac.Sum(nil)))
	return b.String(), nil
}

func (p *Pair) ppkPrivate() ([]byte, error) {
	switch key := p.private.(type) {
	case *rsa.PrivateKey:
		return ssh.Marshal(struct{ D, P, Q, Iqmp *big.Int }{key.D, key.Primes[0], key.Primes[1], key.Precomputed.Qinv}), nil
	case ed25519.PrivateKey:
		return ssh.Marshal(struct{ Seed []byte }{key.Seed()}), nil
	}
	return nil, fmt.Errorf("write ppk: key of type %T: %w", p.private, ErrType)
}

func writeLines(b *strings.Builder, name string, blob []byte) {
	text := base64.StdEncoding.EncodeToString(blob)
	fmt.Fprintf(b, "%s-Lines: %d\n", name, (len(text)+ppkColumns-1)/ppkColumns)
	for len(text) > 0 {
		n := min(len(text), ppkColumns)
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
}
