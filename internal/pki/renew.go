// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	// lookAgain bounds the sleep of a Renewer, so that a clock that was set or a machine that slept costs an hour at most.
	lookAgain  = time.Hour
	retryFirst = time.Minute
)

// Issuer signs the certificate of this node anew. An Authority at hand does (LocalIssuer); a node without the CA key
// asks one that has it.
type Issuer interface {
	// IssueNode signs for the key of csr, keeping the names of old. It may block on the network.
	IssueNode(ctx context.Context, old *x509.Certificate, csr *x509.CertificateRequest) (*x509.Certificate, error)
}

// LocalIssuer is the issuer of a node that holds the CA key. hosts replace those of the old certificate, so that a
// node that got a new address has it certified at its next start.
func LocalIssuer(ca *Authority, cluster, node string, hosts []string) Issuer {
	return localIssuer{ca: ca, cluster: cluster, node: node, hosts: hosts}
}

type localIssuer struct {
	ca            *Authority
	cluster, node string
	hosts         []string
}

func (l localIssuer) IssueNode(_ context.Context, _ *x509.Certificate, csr *x509.CertificateRequest) (*x509.Certificate, error) {
	return l.ca.SignNode(csr, l.cluster, l.node, l.hosts)
}

// Renew replaces this node's certificate, on disk and then in memory; the key stays.
func (i *Identity) Renew(ctx context.Context, by Issuer) error {
	i.renewal.Lock()
	defer i.renewal.Unlock()
	csr, err := i.request()
	if err != nil {
		return err
	}
	cert, err := by.IssueNode(ctx, i.leaf(), csr)
	if err != nil {
		return fmt.Errorf("issue certificate of node %s: %w", i.node, err)
	}
	if node, err := NodeOf(cert, i.cluster); err != nil || node != i.node {
		return fmt.Errorf("issue certificate of node %s: got one of node %q: %w", i.node, node, err)
	}
	if !i.key.PublicKey.Equal(cert.PublicKey) {
		return fmt.Errorf("issue certificate of node %s: got one for another key", i.node)
	}
	if err := i.dir.writeCertificate(Node, cert); err != nil {
		return err
	}
	i.set(cert)
	return nil
}

// Renew replaces the endpoint's certificate, on disk and then in memory; the key stays. by is asked for the authority
// of that time.
func (e *Edge) Renew(by func() (*Authority, error), hosts []string) error {
	e.renewal.Lock()
	defer e.renewal.Unlock()
	csr, err := newRequest(e.key)
	if err != nil {
		return err
	}
	ca, err := by()
	if err != nil {
		return err
	}
	cert, err := ca.SignEdge(csr, hosts)
	if err != nil {
		return err
	}
	if err := e.dir.writeCertificate(API, cert); err != nil {
		return err
	}
	e.set(cert)
	return nil
}

// Renewal is one certificate that a Renewer watches.
type Renewal struct {
	name  string
	leaf  func() *x509.Certificate
	renew func(context.Context) error
	retry time.Time // after a failure: not before
	wait  time.Duration
}

// Renewal is the identity as a Renewer watches it.
func (i *Identity) Renewal(by Issuer) *Renewal {
	return &Renewal{name: "node", leaf: i.leaf, renew: func(ctx context.Context) error { return i.Renew(ctx, by) }}
}

// Renewal is the endpoint as a Renewer watches it.
func (e *Edge) Renewal(by func() (*Authority, error), hosts []string) *Renewal {
	return &Renewal{name: "api", leaf: e.leaf, renew: func(context.Context) error { return e.Renew(by, hosts) }}
}

// due is when the certificate is to be renewed: at two thirds of its life.
func (r *Renewal) due() time.Time {
	cert := r.leaf()
	at := cert.NotBefore.Add(cert.NotAfter.Sub(cert.NotBefore) * 2 / 3)
	if r.retry.After(at) {
		return r.retry
	}
	return at
}

// Renewer keeps certificates fresh for as long as it runs.
type Renewer struct {
	renewals []*Renewal
	logger   hclog.Logger
}

// NewRenewer returns a renewer of the given certificates, each of which belongs to it from now on.
func NewRenewer(logger hclog.Logger, renewals ...*Renewal) *Renewer {
	if logger == nil {
		logger = hclog.NewNullLogger()
	}
	return &Renewer{renewals: renewals, logger: logger.Named("pki")}
}

// Run renews what is due, at once and then in time, until ctx ends. A renewal that fails is logged and tried again
// with growing pauses; it never ends Run, since the old certificate may still have ten days.
func (r *Renewer) Run(ctx context.Context) error {
	for {
		next := lookAgain
		for _, one := range r.renewals {
			next = min(next, r.step(ctx, one))
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// step renews one certificate if it is due and returns when to look at it again.
func (r *Renewer) step(ctx context.Context, one *Renewal) time.Duration {
	if wait := time.Until(one.due()); wait > 0 {
		return wait
	}
	if err := one.renew(ctx); err != nil {
		one.wait = min(max(2*one.wait, retryFirst), lookAgain)
		one.retry = time.Now().Add(one.wait)
		r.logger.Error("certificate not renewed", "certificate", one.name, "expires", one.leaf().NotAfter, "retry_in", one.wait, "error", err)
		return one.wait
	}
	one.wait, one.retry = 0, time.Time{}
	r.logger.Info("certificate renewed", "certificate", one.name, "expires", one.leaf().NotAfter)
	return max(time.Until(one.due()), time.Second)
}
