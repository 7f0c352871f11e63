// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/hivecloud/hive/internal/vfs"
)

// trust is a set of authorities, each as good as the others: more than one while an authority is being replaced.
type trust struct {
	certs []*x509.Certificate
	pool  *x509.CertPool
}

func newTrust(certs []*x509.Certificate) *trust {
	t := &trust{certs: slices.Clone(certs), pool: x509.NewCertPool()}
	for _, c := range certs {
		t.pool.AddCert(c)
	}
	return t
}

// signer is the authority that signed a certificate.
func (t *trust) signer(cert *x509.Certificate) (*x509.Certificate, bool) {
	for _, c := range t.certs {
		if cert.CheckSignatureFrom(c) == nil {
			return c, true
		}
	}
	return nil, false
}

// Trust makes this identity trust these authorities and no others, on disk and then in memory. Connections that are
// open stay open; every later handshake goes by the new set.
func (i *Identity) Trust(certs ...*x509.Certificate) error {
	if len(certs) == 0 {
		return errors.New("trust authorities: none given")
	}
	if slices.EqualFunc(certs, i.trusted.Load().certs, (*x509.Certificate).Equal) {
		return nil
	}
	if err := i.dir.Trust(ClusterCA, certs...); err != nil {
		return err
	}
	i.trusted.Store(newTrust(certs))
	return nil
}

// SignedBy tells whether the present certificate was signed by an authority.
func (i *Identity) SignedBy(ca *x509.Certificate) bool { return i.leaf().CheckSignatureFrom(ca) == nil }

// Certificate is the present certificate.
func (i *Identity) Certificate() *x509.Certificate { return i.leaf() }

// SignedBy tells whether the present certificate was signed by an authority.
func (e *Edge) SignedBy(ca *x509.Certificate) bool { return e.leaf().CheckSignatureFrom(ca) == nil }

// Certificate is the present certificate.
func (e *Edge) Certificate() *x509.Certificate { return e.leaf() }

// byNow is a server's configuration that goes by the authorities trusted at the time of the handshake.
func (i *Identity) byNow(conf *tls.Config) *tls.Config {
	now := conf.Clone()
	now.GetConfigForClient = nil
	now.ClientCAs = i.trusted.Load().pool
	return now
}

// Trust writes the certificates of authorities whose keys stay elsewhere: what a joining node is given, and two while an
// authority is being replaced. The file is a bundle as TLS clients read it.
func (d Dir) Trust(k Kind, certs ...*x509.Certificate) error {
	if err := vfs.MkdirAllDurable(d.fs, d.path, 0o700); err != nil {
		return fmt.Errorf("make directory %s: %w", d.path, err)
	}
	return d.writeCertificate(k, certs...)
}

// Roots reads the certificates of the authorities that are trusted, the first in force.
func (d Dir) Roots(k Kind) ([]*x509.Certificate, error) {
	name := d.CertificateFile(k)
	text, err := d.readFile(name)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != pemCertificate {
			return nil, fmt.Errorf("read %s: a PEM block %q in it", name, block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse certificate %s: %w", name, err)
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("read %s: no PEM block %q in it", name, pemCertificate)
	}
	return out, nil
}

// Discard removes the private key of an authority, which is kept elsewhere. A key that is not there is no error.
func (d Dir) Discard(k Kind) error {
	has, err := d.Has(k)
	if err != nil || !has {
		return err
	}
	if err := d.fs.Remove(d.keyFile(k)); err != nil {
		return fmt.Errorf("remove key %s: %w", k, err)
	}
	return d.fs.SyncDir(d.path)
}
