// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

var (
	// ErrWrongCluster says that a certificate belongs to another cluster.
	ErrWrongCluster = errors.New("certificate of another cluster")
	// ErrWrongNode says that a certificate belongs to another node than the one that was called.
	ErrWrongNode = errors.New("certificate of another node")
	// ErrNoNode says that a certificate names no node at all.
	ErrNoNode = errors.New("certificate names no node")
)

const uriScheme = "hive"

// label is what a cluster and a node may be called: one lower-case DNS label, for it stands in a URI and in a DNS name.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ValidName says whether s may be the id of a cluster or of a node.
func ValidName(s string) error {
	if !label.MatchString(s) {
		return fmt.Errorf("name %q: want 1 to 63 lower-case letters, digits and inner hyphens", s)
	}
	return nil
}

// NodeURI is the name of a node in its certificate.
func NodeURI(cluster, node string) *url.URL {
	return &url.URL{Scheme: uriScheme, Host: cluster, Path: "/node/" + node}
}

// NodeOf returns the node that cert names. The certificate must name exactly one, and in the given cluster.
func NodeOf(cert *x509.Certificate, cluster string) (string, error) {
	var node string
	for _, u := range cert.URIs {
		if u.Scheme != uriScheme {
			continue
		}
		if u.Host != cluster {
			return "", fmt.Errorf("%w: %s, want %s", ErrWrongCluster, u.Host, cluster)
		}
		id, ok := strings.CutPrefix(u.Path, "/node/")
		if !ok || node != "" || ValidName(id) != nil || u.RawQuery != "" || u.Fragment != "" {
			return "", fmt.Errorf("%w: %s", ErrNoNode, u)
		}
		node = id
	}
	if node == "" {
		return "", ErrNoNode
	}
	return node, nil
}

// Fingerprint is the SHA-256 of a public key (its SubjectPublicKeyInfo, RFC 5280 section 4.1): it stays the same when
// the certificate is renewed.
type Fingerprint [sha256.Size]byte

// FingerprintOf is the fingerprint of cert's key.
func FingerprintOf(cert *x509.Certificate) Fingerprint {
	return sha256.Sum256(cert.RawSubjectPublicKeyInfo)
}

// FingerprintOfRequest is the fingerprint of the key that asks for a certificate.
func FingerprintOfRequest(csr *x509.CertificateRequest) Fingerprint {
	return sha256.Sum256(csr.RawSubjectPublicKeyInfo)
}

// String is the fingerprint in hex digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }
