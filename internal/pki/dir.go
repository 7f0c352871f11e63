// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/hivecloud/hive/internal/vfs"
)

// Kind names one of the key pairs of a directory; its value is the stem of the two file names.
type Kind string

// The key pairs of a directory.
const (
	ClusterCA Kind = "ca"
	APICA     Kind = "api-ca"
	Node      Kind = "node"
	API       Kind = "api"
)

var (
	// ErrExists says that the key pair is there already; it is never overwritten by a create.
	ErrExists = errors.New("key pair exists")
	// ErrNotHere says that the directory does not hold the key pair.
	ErrNotHere = errors.New("no such key pair in this directory")
)

const (
	fileLimit      = 64 << 10 // bytes of a PEM file
	pemCertificate = "CERTIFICATE"
)

// Dir is the directory with the keys of one node.
type Dir struct {
	fs   vfs.FS
	path string
}

// NewDir returns the directory at path. It reads nothing yet.
func NewDir(fsys vfs.FS, path string) Dir { return Dir{fs: fsys, path: path} }

// CertificateFile is the path of a certificate in PEM, for people and their tools (AWS_CA_BUNDLE is that of APICA).
func (d Dir) CertificateFile(k Kind) string { return filepath.Join(d.path, string(k)+".pem") }

func (d Dir) keyFile(k Kind) string { return filepath.Join(d.path, string(k)+".key") }

// Has says whether the directory holds the pair.
func (d Dir) Has(k Kind) (bool, error) {
	for _, name := range []string{d.CertificateFile(k), d.keyFile(k)} {
		if _, err := d.fs.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

// CreateAuthorities makes the two authorities of a new cluster. What exists is an error that matches ErrExists.
func (d Dir) CreateAuthorities(cluster string) error {
	if err := ValidName(cluster); err != nil {
		return err
	}
	for kind, name := range map[Kind]string{ClusterCA: "Hive cluster CA " + cluster, APICA: "Hive API CA " + cluster} {
		switch has, err := d.Has(kind); {
		case err != nil:
			return err
		case has:
			return fmt.Errorf("create authority %s: %w", d.CertificateFile(kind), ErrExists)
		}
		a, err := NewAuthority(name)
		if err != nil {
			return err
		}
		if err := d.write(kind, a.cert, a.key); err != nil {
			return err
		}
	}
	return nil
}

// Authority reads one of the two authorities; ErrNotHere on a node that does not sign.
func (d Dir) Authority(k Kind) (*Authority, error) {
	cert, key, err := d.read(k)
	if err != nil {
		return nil, err
	}
	if !cert.IsCA {
		return nil, fmt.Errorf("read %s: not a CA certificate", d.CertificateFile(k))
	}
	return &Authority{cert: cert, key: key}, nil
}

// CreateNode makes the key of this node and has its certificate signed by ca.
func (d Dir) CreateNode(ca *Authority, cluster, node string, hosts []string) error {
	return d.createLeaf(Node, func(csr *x509.CertificateRequest) (*x509.Certificate, error) {
		return ca.SignNode(csr, cluster, node, hosts)
	})
}

// CreateEdge makes the key of this node's AWS endpoint and has its certificate signed by ca.
func (d Dir) CreateEdge(ca *Authority, hosts []string) error {
	return d.createLeaf(API, func(csr *x509.CertificateRequest) (*x509.Certificate, error) {
		return ca.SignEdge(csr, hosts)
	})
}

func (d Dir) createLeaf(k Kind, sign func(*x509.CertificateRequest) (*x509.Certificate, error)) error {
	switch has, err := d.Has(k); {
	case err != nil:
		return err
	case has:
		return fmt.Errorf("create %s: %w", d.CertificateFile(k), ErrExists)
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	csr, err := newRequest(key)
	if err != nil {
		return err
	}
	cert, err := sign(csr)
	if err != nil {
		return err
	}
	return d.write(k, cert, key)
}

// Root reads the certificate of an authority, which need not have its key here.
func (d Dir) Root(k Kind) (*x509.Certificate, error) { return d.readCertificate(k) }

// write stores a pair, the key first: the certificate is the mark that both are there.
func (d Dir) write(k Kind, cert *x509.Certificate, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key %s: %w", k, err)
	}
	if err := vfs.MkdirAllDurable(d.fs, d.path, 0o700); err != nil {
		return fmt.Errorf("make directory %s: %w", d.path, err)
	}
	if err := vfs.WriteFileAtomic(d.fs, d.keyFile(k), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return fmt.Errorf("write key %s: %w", k, err)
	}
	return d.writeCertificate(k, cert)
}

func (d Dir) writeCertificate(k Kind, certs ...*x509.Certificate) error {
	var text []byte
	for _, cert := range certs {
		text = append(text, encodePEM(cert)...)
	}
	if err := vfs.WriteFileAtomic(d.fs, d.CertificateFile(k), text, 0o600); err != nil {
		return fmt.Errorf("write certificate %s: %w", k, err)
	}
	return nil
}

func encodePEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: cert.Raw})
}

func (d Dir) read(k Kind) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	cert, err := d.readCertificate(k)
	if err != nil {
		return nil, nil, err
	}
	der, err := d.readPEM(d.keyFile(k), "PRIVATE KEY")
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, nil, fmt.Errorf("parse key %s: %w", d.keyFile(k), err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("parse key %s: %T, want an ECDSA key", d.keyFile(k), parsed)
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, nil, fmt.Errorf("read %s: the certificate is for another key than %s", d.CertificateFile(k), d.keyFile(k))
	}
	return cert, key, nil
}

func (d Dir) readCertificate(k Kind) (*x509.Certificate, error) {
	der, err := d.readPEM(d.CertificateFile(k), pemCertificate)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse certificate %s: %w", d.CertificateFile(k), err)
	}
	return cert, nil
}

func (d Dir) readPEM(name, kind string) ([]byte, error) {
	data, err := d.readFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("read %s: no PEM block %q in it", name, kind)
	}
	return block.Bytes, nil
}

func (d Dir) readFile(name string) ([]byte, error) {
	data, err := vfs.ReadFile(d.fs, name, fileLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", name, ErrNotHere)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}
