// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// ErrWrongPin says that who answered is not signed by the authority that was pinned.
var ErrWrongPin = errors.New("the cluster's authority is not the one that the token pins")

// Pin is the SHA-256 of a certificate: what somebody who has no certificate yet knows of the cluster.
type Pin [sha256.Size]byte

// PinOf is the pin of a certificate.
func PinOf(cert *x509.Certificate) Pin { return sha256.Sum256(cert.Raw) }

// ParseAuthority makes an authority of its certificate and its private key (PKCS #8), both DER.
func ParseAuthority(certDER, keyDER []byte) (*Authority, error) {
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, fmt.Errorf("parse authority: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, fmt.Errorf("parse key of authority: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !cert.IsCA || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("parse authority: not a CA certificate with its ECDSA key")
	}
	return &Authority{cert: cert, key: key}, nil
}

// KeyDER is the authority's private key (PKCS #8). It must leave the process only sealed.
func (a *Authority) KeyDER() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(a.key) }

// Applicant holds the keys of a node that has no certificates yet. They never leave it.
type Applicant struct{ node, edge *ecdsa.PrivateKey }

// NewApplicant makes the keys.
func NewApplicant() (*Applicant, error) {
	node, err := newKey()
	if err != nil {
		return nil, err
	}
	edge, err := newKey()
	if err != nil {
		return nil, err
	}
	return &Applicant{node: node, edge: edge}, nil
}

// Requests are the certificate requests of the node and of its endpoint, DER.
func (a *Applicant) Requests() (node, edge []byte, err error) {
	for _, one := range []struct {
		key *ecdsa.PrivateKey
		der *[]byte
	}{{a.node, &node}, {a.edge, &edge}} {
		csr, err := newRequest(one.key)
		if err != nil {
			return nil, nil, err
		}
		*one.der = csr.Raw
	}
	return node, edge, nil
}

// Granted is what an applicant was given.
type Granted struct {
	ClusterCA, APICA []*x509.Certificate // the first one signed; more than one while they are being replaced
	Node, Edge       *x509.Certificate
}

// Install checks what was granted and writes it with the applicant's keys.
func (d Dir) Install(a *Applicant, g Granted, cluster, node string) error {
	for _, one := range []struct {
		cert  *x509.Certificate
		roots []*x509.Certificate
		key   *ecdsa.PrivateKey
		what  string
	}{{g.Node, g.ClusterCA, a.node, "node"}, {g.Edge, g.APICA, a.edge, "endpoint"}} {
		if !one.key.PublicKey.Equal(one.cert.PublicKey) {
			return fmt.Errorf("install certificate of %s: it is for another key", one.what)
		}
		if _, ok := newTrust(one.roots).signer(one.cert); !ok {
			return fmt.Errorf("install certificate of %s: %w", one.what, ErrForeignCertificate)
		}
	}
	if got, err := NodeOf(g.Node, cluster); err != nil || got != node {
		return errors.Join(fmt.Errorf("install certificate of node %s: it names %q", node, got), err)
	}
	return errors.Join(
		d.Trust(ClusterCA, g.ClusterCA...), d.Trust(APICA, g.APICA...),
		d.write(API, g.Edge, a.edge), d.write(Node, g.Node, a.node))
}

// ServeStrangers makes ServerTLS speak protos with clients that have no certificate: only the server proves who it is,
// and shows the authority beside its own certificate. It must be called before ServerTLS.
func (i *Identity) ServeStrangers(protos ...string) { i.strangers = slices.Clone(protos) }

// strangerTLS is the configuration for one such protocol.
func (i *Identity) strangerTLS(proto string) *tls.Config {
	conf := i.base()
	conf.NextProtos = []string{proto}
	conf.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		own := *i.current.Load()
		root, ok := i.trusted.Load().signer(own.Leaf)
		if !ok {
			return nil, fmt.Errorf("show authority to stranger: %w", ErrForeignCertificate)
		}
		own.Certificate = append(slices.Clone(own.Certificate), root.Raw)
		return &own, nil
	}
	return conf
}

// StrangerTLS is the configuration of a client that knows no more of a cluster than its id and the pin of its
// authority. The handshake fails unless a node of that cluster answers, so nothing is said to anybody else.
func StrangerTLS(cluster string, pin Pin, proto string) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		NextProtos:             []string{proto},
		InsecureSkipVerify:     true, // VerifyConnection does: the root comes with the handshake and is known by its pin
		VerifyConnection: func(cs tls.ConnectionState) error {
			chain := cs.PeerCertificates
			if len(chain) < 2 {
				return fmt.Errorf("%w: it was not shown", ErrWrongPin)
			}
			root := chain[len(chain)-1]
			if PinOf(root) != pin || !root.IsCA {
				return ErrWrongPin
			}
			roots := x509.NewCertPool()
			roots.AddCert(root)
			if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
				return err
			}
			_, err := NodeOf(chain[0], cluster)
			return err
		},
	}
}
