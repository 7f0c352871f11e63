// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"slices"
	"time"
)

const (
	// NodeLifetime is how long a node's certificate is valid.
	NodeLifetime = 30 * 24 * time.Hour
	// EdgeLifetime is how long the endpoint's certificate is valid.
	EdgeLifetime = 90 * 24 * time.Hour

	authorityLifetime = 20 * 365 * 24 * time.Hour
	// backdate lets a node use a certificate at once whose clock is a little behind the signer's.
	backdate = time.Hour
)

var (
	// ErrNotPinned says that an expired certificate asks for renewal with a key that is not the node's pinned one.
	ErrNotPinned = errors.New("key is not the one pinned for the node")
	// ErrForeignCertificate says that a certificate was not signed by this authority.
	ErrForeignCertificate = errors.New("certificate was not signed by this authority")
)

// Authority signs certificates. It is safe for concurrent use.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes a new authority called name (a common name for people).
func NewAuthority(name string) (*Authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: name, Organization: []string{"Hive"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign authority %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse authority %s: %w", name, err)
	}
	return &Authority{cert: cert, key: key}, nil
}

// Certificate is the authority's own certificate, to be trusted by those who verify.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// SignNode signs the certificate of a node for the key of csr. Of csr only the key counts: the names are the caller's,
// who decided that this key is that node. hosts are the DNS names and IP addresses under which the node is dialled.
func (a *Authority) SignNode(csr *x509.CertificateRequest, cluster, node string, hosts []string) (*x509.Certificate, error) {
	if err := errors.Join(ValidName(cluster), ValidName(node)); err != nil {
		return nil, err
	}
	template := leaf(node, NodeLifetime)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.URIs = []*url.URL{NodeURI(cluster, node)}
	addHosts(template, append([]string{node}, hosts...))
	return a.sign(template, csr)
}

// SignEdge signs the certificate of an AWS endpoint for the key of csr. It is valid for hosts and always for this
// machine (localhost and its addresses); it names no node and opens no door inside the cluster.
func (a *Authority) SignEdge(csr *x509.CertificateRequest, hosts []string) (*x509.Certificate, error) {
	template := leaf("hive api", EdgeLifetime)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	addHosts(template, append([]string{"localhost", "127.0.0.1", "::1"}, hosts...))
	return a.sign(template, csr)
}

// Renew signs a new certificate with the names of old for the same key. old must be ours; when it has expired its key
// must be the pinned one, for nobody has watched over it since.
func (a *Authority) Renew(old *x509.Certificate, cluster string, pinned Fingerprint, csr *x509.CertificateRequest) (*x509.Certificate, error) {
	node, err := NodeOf(old, cluster)
	if err != nil {
		return nil, err
	}
	if err := verifyAgainst(newTrust([]*x509.Certificate{a.cert}).pool, old, pinned); err != nil {
		return nil, fmt.Errorf("renew node %s: %w", node, err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("renew node %s: check request: %w", node, err)
	}
	if !slices.Equal(csr.RawSubjectPublicKeyInfo, old.RawSubjectPublicKeyInfo) {
		return nil, fmt.Errorf("renew node %s: request is for another key: %w", node, ErrNotPinned)
	}
	return a.SignNode(csr, cluster, node, hostsOf(old))
}

// verifyAgainst says whether one of roots signed cert, now valid or expired with the pinned key.
func verifyAgainst(roots *x509.CertPool, cert *x509.Certificate, pinned Fingerprint) error {
	now := time.Now()
	if now.After(cert.NotAfter) {
		if FingerprintOf(cert) != pinned {
			return fmt.Errorf("expired at %s: %w", cert.NotAfter.Format(time.RFC3339), ErrNotPinned)
		}
		now = cert.NotAfter
	}
	_, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return fmt.Errorf("%w: %w", ErrForeignCertificate, err)
	}
	return err
}

func (a *Authority) sign(template *x509.Certificate, csr *x509.CertificateRequest) (*x509.Certificate, error) {
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("check certificate request: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, csr.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate of %s: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

func leaf(name string, lifetime time.Duration) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: name, Organization: []string{"Hive"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(lifetime),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
}

// addHosts sorts names into DNS names and addresses, each once.
func addHosts(template *x509.Certificate, hosts []string) {
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			if !slices.ContainsFunc(template.IPAddresses, ip.Equal) {
				template.IPAddresses = append(template.IPAddresses, ip)
			}
			continue
		}
		if h != "" && !slices.Contains(template.DNSNames, h) {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
}

// hostsOf is the inverse of addHosts.
func hostsOf(cert *x509.Certificate) []string {
	hosts := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

// newKey makes an ECDSA P-256 key: every AWS client verifies it, and Go has it in assembly.
func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, nil
}

// newRequest proves possession of key. It names nothing: the signer chooses the names.
func newRequest(key *ecdsa.PrivateKey) (*x509.CertificateRequest, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate request: %w", err)
	}
	return x509.ParseCertificateRequest(der)
}

// newSerial is a random positive number of at most 20 octets (RFC 5280 section 4.1.2.2).
func newSerial() *big.Int {
	b := make([]byte, 19)
	rand.Read(b)
	b[0] |= 1 // never zero
	return new(big.Int).SetBytes(b)
}
