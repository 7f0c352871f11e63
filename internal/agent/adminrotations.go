// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/pki"
)

// keys are the routes of rotations and certificates.
func (s *adminServer) keys() map[string]route {
	return map[string]route{
		admin.RouteRotations:        s.rotations,
		admin.RouteRotationStart:    s.rotationStart,
		admin.RouteRotationContinue: s.rotationContinue,
		admin.RouteRotationCancel:   s.rotationCancel,
		admin.RouteCertificates:     s.certificates,
		admin.RouteCertificateRenew: s.certificateRenew,
	}
}

func (s *adminServer) rotations(ctx context.Context, _ *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	out := []admin.Rotation{}
	for r := range state.Rotations.All(v) {
		out = append(out, s.rotationRow(v, *r))
	}
	return out, nil
}

func (s *adminServer) rotationRow(v *state.View, r state.Rotation) admin.Rotation {
	out := admin.Rotation{Kind: r.Kind, Version: r.Version, Phase: r.Phase, Started: r.Started.Std(), Changed: r.Changed.Std()}
	if r.Kind == state.RotateAPICA {
		out.Bundle = s.a.caBundle()
	}
	if !r.Active() {
		return out
	}
	for _, id := range v.Waiting(r) {
		name := id
		if m, ok := state.Members.Get(v, state.AnyAccount, id); ok {
			name = m.Name
		}
		out.Waiting = append(out.Waiting, name)
	}
	out.Hold = r.Hold && r.Phase == state.RotationSpread
	if r.Kind == state.RotateClusterKey && r.Phase == state.RotationUse {
		end := r.Retires().Std()
		out.Retires, out.Sealed = &end, v.StaleSeals(r.Version)
	}
	return out
}

// rotationOf is the newest rotation of a kind.
func (s *adminServer) rotationOf(ctx context.Context, kind string) (state.Rotation, *state.View, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return state.Rotation{}, nil, err
	}
	r, ok := v.Rotation(kind)
	if !ok {
		return r, nil, admin.Errorf(admin.KindNotFound, "hive admin rotations shows the rotations", "there was no rotation of the %s", kind)
	}
	return r, v, nil
}

// rotationAfter is the answer of a route that changed a rotation.
func (s *adminServer) rotationAfter(ctx context.Context, kind string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	r, v, err := s.rotationOf(ctx, kind)
	if err != nil {
		return nil, err
	}
	return s.rotationRow(v, r), nil
}

func (s *adminServer) rotationStart(ctx context.Context, r *http.Request) (any, error) {
	kind := r.PathValue("id")
	return s.rotationAfter(ctx, kind, s.a.rotations.start(ctx, kind))
}

func (s *adminServer) rotationContinue(ctx context.Context, r *http.Request) (any, error) {
	kind := r.PathValue("id")
	row, _, err := s.rotationOf(ctx, kind)
	if err == nil {
		err = s.a.region.Propose(ctx, command.AdvanceRotation{Kind: kind, Version: row.Version, From: row.Phase, Force: true}, nil)
	}
	return s.rotationAfter(ctx, kind, err)
}

func (s *adminServer) rotationCancel(ctx context.Context, r *http.Request) (any, error) {
	kind := r.PathValue("id")
	row, _, err := s.rotationOf(ctx, kind)
	if err == nil {
		err = s.a.region.Propose(ctx, command.CancelRotation{Kind: kind, Version: row.Version}, nil)
	}
	return s.rotationAfter(ctx, kind, err)
}

func (s *adminServer) certificates(context.Context, *http.Request) (any, error) {
	dir := s.a.pkiDir()
	var out []admin.Certificate
	signers := map[pki.Kind][]*x509.Certificate{}
	for _, k := range []pki.Kind{pki.ClusterCA, pki.APICA} {
		roots, err := dir.Roots(k)
		if err != nil {
			return nil, err
		}
		signers[k] = roots
		for i, c := range roots {
			row := certificateRow(string(map[pki.Kind]string{pki.ClusterCA: state.RotateClusterCA, pki.APICA: state.RotateAPICA}[k]), dir.CertificateFile(k), c)
			row.InForce = i == 0
			out = append(out, row)
		}
	}
	leaves := []admin.Certificate{signed(certificateRow("node", dir.CertificateFile(pki.Node), s.a.truth.identity.Certificate()), s.a.truth.identity.Certificate(), signers[pki.ClusterCA])}
	if e := s.a.edge; e != nil {
		leaves = append(leaves, signed(certificateRow("api", dir.CertificateFile(pki.API), e.Certificate()), e.Certificate(), signers[pki.APICA]))
	}
	return append(out, leaves...), nil
}

func certificateRow(name, file string, c *x509.Certificate) admin.Certificate {
	hosts := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return admin.Certificate{Name: name, Subject: c.Subject.String(), Hosts: hosts, Serial: c.SerialNumber.Text(16), SHA256: sha256Hex(c.Raw), Issued: c.NotBefore.UTC().Truncate(time.Second),
		Expires: c.NotAfter.UTC().Truncate(time.Second), File: file}
}

// signed names the authority that signed a certificate.
func signed(row admin.Certificate, c *x509.Certificate, by []*x509.Certificate) admin.Certificate {
	row.InForce = true
	for _, ca := range by {
		if c.CheckSignatureFrom(ca) == nil {
			row.SignedBy = sha256Hex(ca.Raw)
		}
	}
	return row
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// certificateRenew replaces this node's certificates now.
func (s *adminServer) certificateRenew(ctx context.Context, r *http.Request) (any, error) {
	if err := s.a.truth.identity.Renew(ctx, selfIssuer{s.a}); err != nil {
		return nil, err
	}
	if e := s.a.edge; e != nil {
		if err := e.Renew(s.a.apiAuthority, edgeHosts(s.a.config)); err != nil {
			return nil, err
		}
	}
	return s.certificates(ctx, r)
}
