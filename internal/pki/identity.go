// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ProtoRenew is the ALPN name of the one protocol that an expired certificate may speak, to ask for a new one.
const ProtoRenew = "hive-renew/1"

// Pins tells the fingerprints of the nodes' keys, as the cluster recorded them when the nodes joined.
type Pins interface {
	// Pinned returns the fingerprint of a node's key, and false for a node that is unknown or was removed.
	Pinned(node string) (Fingerprint, bool)
}

// live is a certificate that is replaced while connections use it.
type live struct {
	key     *ecdsa.PrivateKey
	current atomic.Pointer[tls.Certificate]
	renewal sync.Mutex // held from before an authority is chosen until its certificate is in use
}

func (l *live) set(cert *x509.Certificate) {
	l.current.Store(&tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: l.key, Leaf: cert})
}

func (l *live) leaf() *x509.Certificate { return l.current.Load().Leaf }

// Identity proves to other nodes who this node is and checks who they are. It is safe for concurrent use; a renewal
// is seen by the next handshake.
type Identity struct {
	live
	dir     Dir
	cluster string
	node    string
	trusted atomic.Pointer[trust]
	pins    Pins

	strangers []string // protocols for clients without a certificate
}

// Identity reads this node's certificate. An expired one is no error here: it can still renew.
func (d Dir) Identity(cluster string) (*Identity, error) {
	cert, key, err := d.read(Node)
	if err != nil {
		return nil, err
	}
	roots, err := d.Roots(ClusterCA)
	if err != nil {
		return nil, err
	}
	node, err := NodeOf(cert, cluster)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.CertificateFile(Node), err)
	}
	i := &Identity{dir: d, cluster: cluster, node: node}
	i.trusted.Store(newTrust(roots))
	i.key = key
	i.set(cert)
	return i, nil
}

// Node is the id of this node.
func (i *Identity) Node() string { return i.node }

// Cluster is the id of the cluster.
func (i *Identity) Cluster() string { return i.cluster }

// NotAfter is when the present certificate expires.
func (i *Identity) NotAfter() time.Time { return i.leaf().NotAfter }

// Fingerprint is what to pin for this node.
func (i *Identity) Fingerprint() Fingerprint { return FingerprintOf(i.leaf()) }

// request proves possession of this node's key to an issuer.
func (i *Identity) request() (*x509.CertificateRequest, error) { return newRequest(i.key) }

// AllowRenewal makes ServerTLS let nodes with expired certificates in, to speak ProtoRenew and nothing else, when
// their key is the pinned one. It must be called before ServerTLS.
func (i *Identity) AllowRenewal(pins Pins) { i.pins = pins }

// ServerTLS is the configuration of the cluster port: TLS 1.3, both sides prove who they are, protos are the protocols
// (ALPN) that are spoken here.
func (i *Identity) ServerTLS(protos []string) *tls.Config {
	conf := i.base()
	conf.NextProtos = slices.Clone(protos)
	conf.ClientAuth = tls.RequireAndVerifyClientCert
	conf.ClientCAs = i.trusted.Load().pool
	conf.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return i.current.Load(), nil }
	conf.VerifyConnection = func(cs tls.ConnectionState) error { _, err := i.peer(cs); return err }
	special := map[string]*tls.Config{}
	for _, proto := range i.strangers {
		special[proto] = i.strangerTLS(proto)
	}
	if i.pins != nil {
		special[ProtoRenew] = i.renewTLS(conf)
	}
	conf.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(hello.SupportedProtos) == 1 && special[hello.SupportedProtos[0]] != nil {
			return special[hello.SupportedProtos[0]], nil
		}
		return i.byNow(conf), nil
	}
	return conf
}

// renewTLS is conf for nodes with expired certificates.
func (i *Identity) renewTLS(conf *tls.Config) *tls.Config {
	renew := conf.Clone()
	renew.NextProtos = []string{ProtoRenew}
	renew.ClientAuth = tls.RequireAnyClientCert
	renew.VerifyConnection = func(cs tls.ConnectionState) error {
		node, err := i.peer(cs)
		if err != nil {
			return err
		}
		pin, ok := i.pins.Pinned(node)
		if !ok {
			return fmt.Errorf("node %s: %w", node, ErrNotPinned)
		}
		return verifyAgainst(i.trusted.Load().pool, cs.PeerCertificates[0], pin)
	}
	return renew
}

// ClientTLS is the configuration for a call to a node that speaks proto. The handshake fails when somebody else
// answers, whatever address was dialled.
func (i *Identity) ClientTLS(node, proto string) *tls.Config {
	conf := i.base()
	conf.NextProtos = []string{proto}
	conf.ServerName = node // every node certificate carries the id as a DNS name
	conf.RootCAs = i.trusted.Load().pool
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return i.current.Load(), nil }
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		got, err := i.peer(cs)
		if err != nil {
			return err
		}
		if got != node {
			return fmt.Errorf("%w: %s, want %s", ErrWrongNode, got, node)
		}
		return nil
	}
	return conf
}

// Peer is the node at the other end of a finished handshake.
func (i *Identity) Peer(cs tls.ConnectionState) (string, error) { return i.peer(cs) }

func (i *Identity) peer(cs tls.ConnectionState) (string, error) {
	if len(cs.PeerCertificates) == 0 {
		return "", ErrNoNode
	}
	return NodeOf(cs.PeerCertificates[0], i.cluster)
}

func (i *Identity) base() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// A resumed session would outlive the certificate that opened it.
		SessionTicketsDisabled: true,
	}
}

// Edge is the certificate of this node's AWS endpoint. It is safe for concurrent use.
type Edge struct {
	live
	dir Dir
}

// Edge reads the endpoint's certificate. An expired one is no error here: it can still renew.
func (d Dir) Edge() (*Edge, error) {
	cert, key, err := d.read(API)
	if err != nil {
		return nil, err
	}
	e := &Edge{dir: d}
	e.key = key
	e.set(cert)
	return e, nil
}

// TLS is the configuration of the endpoint: TLS 1.2 or newer, HTTP/2 offered, no client certificates.
func (e *Edge) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return e.current.Load(), nil },
	}
}

// NotAfter is when the present certificate expires.
func (e *Edge) NotAfter() time.Time { return e.leaf().NotAfter }

// Hosts are the names and addresses that the present certificate is valid for.
func (e *Edge) Hosts() []string { return hostsOf(e.leaf()) }
