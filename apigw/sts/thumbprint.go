// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"crypto/sha1" //nolint:gosec // AWS's API names a provider's certificate by its SHA-1
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// transport reaches one provider: its certificate has to be known to the system, or one of the chain that it shows has to
// have a thumbprint of the provider's. Answers are cut at maxFetch.
func transport(thumbprints []string) http.RoundTripper {
	return limited{&http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: fetchTimeout, ResponseHeaderTimeout: fetchTimeout,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies, with the thumbprints as further roots
			VerifyConnection:   func(cs tls.ConnectionState) error { return verifyChain(cs, thumbprints) },
		},
	}}
}

// verifyChain checks a server's certificates. A certificate with a listed thumbprint counts as a root; name and dates are
// checked in any case.
func verifyChain(cs tls.ConnectionState, thumbprints []string) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("verify provider: no certificate")
	}
	o := x509.VerifyOptions{DNSName: cs.ServerName, Intermediates: x509.NewCertPool()}
	for _, c := range cs.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(o)
	if err == nil {
		return nil
	}
	roots, known := x509.NewCertPool(), false
	for _, c := range cs.PeerCertificates {
		if slices.ContainsFunc(thumbprints, func(t string) bool { return strings.EqualFold(t, thumbprint(c)) }) {
			roots.AddCert(c)
			known = true
		}
	}
	if !known {
		return fmt.Errorf("verify provider: no certificate has a thumbprint of the provider: %w", err)
	}
	o.Roots = roots
	if _, err := cs.PeerCertificates[0].Verify(o); err != nil {
		return fmt.Errorf("verify provider: %w", err)
	}
	return nil
}

// thumbprint is what a certificate is called in ThumbprintList.
func thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// limited cuts answers.
type limited struct{ http.RoundTripper }

// RoundTrip does the request.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxFetch), resp.Body}
	return resp, nil
}
