// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hivecloud/hive/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a cluster's authorities and any number of nodes, each with its directory.
type site struct {
	t       *testing.T
	cluster string
	first   Dir
	ca, api *Authority
}

func newSite(t *testing.T, cluster string) *site {
	t.Helper()
	s := &site{t: t, cluster: cluster, first: NewDir(vfs.OS(), filepath.Join(t.TempDir(), "pki"))}
	must(t, s.first.CreateAuthorities(cluster))
	var err error
	s.ca, err = s.first.Authority(ClusterCA)
	must(t, err)
	s.api, err = s.first.Authority(APICA)
	must(t, err)
	return s
}

func (s *site) node(id string, hosts ...string) *Identity {
	s.t.Helper()
	d := NewDir(vfs.OS(), filepath.Join(s.t.TempDir(), id))
	must(s.t, d.Trust(ClusterCA, s.ca.Certificate()))
	must(s.t, d.CreateNode(s.ca, s.cluster, id, hosts))
	i, err := d.Identity(s.cluster)
	must(s.t, err)
	return i
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shake runs a handshake over a pipe and returns what each side thinks of it.
func shake(server, client *tls.Config) (cs tls.ConnectionState, serverErr, clientErr error) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		conn := tls.Server(a, server)
		err := conn.Handshake()
		if err == nil {
			_, err = conn.Write([]byte{1}) // TLS 1.3: the client learns of a refusal only by reading
		}
		cs = conn.ConnectionState()
		a.Close()
		done <- err
	}()
	conn := tls.Client(b, client)
	clientErr = conn.Handshake()
	if clientErr == nil {
		_, clientErr = conn.Read(make([]byte, 1))
	}
	b.Close()
	serverErr = <-done
	return cs, serverErr, clientErr
}

const proto = "hive-rpc/1"

func TestHandshake_NodesOfOneClusterKnowEachOther(t *testing.T) {
	t.Parallel()
	s := newSite(t, "home")
	a, b := s.node("node-a"), s.node("node-b", "10.0.0.2")
	cs, serverErr, clientErr := shake(b.ServerTLS([]string{"hive-raft/1", proto}), a.ClientTLS("node-b", proto))
	if serverErr != nil || clientErr != nil {
		t.Fatalf("server %v, client %v", serverErr, clientErr)
	}
	if got, err := b.Peer(cs); got != "node-a" || err != nil {
		t.Errorf("peer: got %q, %v", got, err)
	}
	if cs.NegotiatedProtocol != proto || cs.Version != tls.VersionTLS13 {
		t.Errorf("got protocol %q version %x", cs.NegotiatedProtocol, cs.Version)
	}
}

func TestHandshake_Refused(t *testing.T) {
	t.Parallel()
	home, other := newSite(t, "home"), newSite(t, "other")
	a, b := home.node("node-a"), home.node("node-b")
	foreign := other.node("node-b")
	// Same CA, another cluster's name: a CA must not be enough.
	misnamed := home.node("node-c")
	misnamed.cluster = "away"
	plain := &tls.Config{RootCAs: a.trusted.Load().pool, ServerName: "node-b", NextProtos: []string{proto}}
	for name, c := range map[string]struct {
		server, client *tls.Config
		want           string // in either side's error
	}{
		"server of another cluster": {foreign.ServerTLS([]string{proto}), a.ClientTLS("node-b", proto), "unknown authority"},
		"client of another cluster": {b.ServerTLS([]string{proto}), foreign.ClientTLS("node-b", proto), "unknown authority"},
		"another node answers":      {b.ServerTLS([]string{proto}), a.ClientTLS("node-x", proto), "not node-x"},
		"cluster name differs":      {misnamed.ServerTLS([]string{proto}), a.ClientTLS("node-c", proto), "another cluster"},
		"no client certificate":     {b.ServerTLS([]string{proto}), plain, "certificate"},
		"unknown protocol":          {b.ServerTLS([]string{proto}), a.ClientTLS("node-b", "hive-data/9"), "protocol"},
		"TLS 1.2":                   {b.ServerTLS([]string{proto}), &tls.Config{RootCAs: a.trusted.Load().pool, ServerName: "node-b", MaxVersion: tls.VersionTLS12}, "version"},
	} {
		t.Run(name, func(t *testing.T) {
			_, serverErr, clientErr := shake(c.server, c.client)
			err := errors.Join(serverErr, clientErr)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestHandshake_SameAuthorityOtherNode_WrongName(t *testing.T) {
	t.Parallel()
	s := newSite(t, "home")
	a := s.node("node-a")
	// A certificate with node-b's DNS name but another node's URI: the URI decides.
	liar := s.node("node-c", "node-b")
	_, _, err := shake(liar.ServerTLS([]string{proto}), a.ClientTLS("node-b", proto))
	if !errors.Is(err, ErrWrongNode) {
		t.Errorf("got %v, want %v", err, ErrWrongNode)
	}
}

type pins map[string]Fingerprint

func (p pins) Pinned(node string) (Fingerprint, bool) { f, ok := p[node]; return f, ok }

func TestExpiredCertificate_SpeaksOnlyRenewAndOnlyWhenPinned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "home")
		away, b := s.node("node-a"), s.node("node-b")
		stranger := s.node("node-a") // the same name, signed by the same CA, another key
		time.Sleep(NodeLifetime + time.Hour)
		must(t, b.Renew(t.Context(), LocalIssuer(s.ca, "home", "node-b", nil)))
		pinned := pins{"node-a": away.Fingerprint()}
		b.AllowRenewal(pinned)
		server := b.ServerTLS([]string{proto, ProtoRenew})
		if _, err, _ := shake(server, away.ClientTLS("node-b", proto)); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("rpc with an expired certificate: got %v", err)
		}
		if _, err, _ := shake(server, stranger.ClientTLS("node-b", ProtoRenew)); !errors.Is(err, ErrNotPinned) {
			t.Errorf("renewal with a key that is not pinned: got %v", err)
		}
		cs, serverErr, clientErr := shake(server, away.ClientTLS("node-b", ProtoRenew))
		if serverErr != nil || clientErr != nil {
			t.Fatalf("renewal with the pinned key: server %v, client %v", serverErr, clientErr)
		}
		csr, err := away.request()
		must(t, err)
		fresh, err := s.ca.Renew(cs.PeerCertificates[0], "home", pinned["node-a"], csr)
		must(t, err)
		if node, err := NodeOf(fresh, "home"); node != "node-a" || err != nil || !fresh.NotAfter.After(time.Now()) {
			t.Errorf("renewed: got node %q, %v, until %v", node, err, fresh.NotAfter)
		}
		if FingerprintOf(fresh) != pinned["node-a"] {
			t.Error("the key changed by the renewal")
		}
	})
}

func TestRenew_Refused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		home, other := newSite(t, "home"), newSite(t, "home")
		mine, foreign := home.node("node-a"), other.node("node-a")
		own, err := mine.request()
		must(t, err)
		theirs, err := foreign.request()
		must(t, err)
		if _, err := home.ca.Renew(foreign.leaf(), "home", foreign.Fingerprint(), theirs); !errors.Is(err, ErrForeignCertificate) {
			t.Errorf("certificate of another CA: got %v", err)
		}
		if _, err := home.ca.Renew(mine.leaf(), "home", mine.Fingerprint(), theirs); !errors.Is(err, ErrNotPinned) {
			t.Errorf("request for another key: got %v", err)
		}
		if _, err := home.ca.Renew(mine.leaf(), "away", mine.Fingerprint(), own); !errors.Is(err, ErrWrongCluster) {
			t.Errorf("another cluster: got %v", err)
		}
	})
}

func TestRenewer_RenewsAtTwoThirdsAndKeepsTrying(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "home")
		node := s.node("node-a", "10.0.0.1")
		must(t, s.first.CreateEdge(s.api, []string{"api.example.com"}))
		edge, err := s.first.Edge()
		must(t, err)
		firstNode, firstEdge := node.NotAfter(), edge.NotAfter()
		fails := 3
		flaky := issuerFunc(func(ctx context.Context, old *x509.Certificate, csr *x509.CertificateRequest) (*x509.Certificate, error) {
			if fails--; fails >= 0 {
				return nil, errors.New("the signer is away")
			}
			return s.ca.Renew(old, "home", Fingerprint{}, csr)
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		r := NewRenewer(nil, node.Renewal(flaky), edge.Renewal(func() (*Authority, error) { return s.api, nil }, []string{"api.example.com"}))
		go func() { done <- r.Run(ctx) }()
		time.Sleep(19 * 24 * time.Hour)
		synctest.Wait()
		if node.NotAfter() != firstNode {
			t.Error("renewed before two thirds of its life")
		}
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		if node.NotAfter() == firstNode {
			t.Error("not renewed after two thirds, with three failures on the way")
		}
		if edge.NotAfter() != firstEdge {
			t.Error("the endpoint's certificate was renewed with the node's")
		}
		time.Sleep(400 * 24 * time.Hour)
		synctest.Wait()
		if left := time.Until(node.NotAfter()); left < NodeLifetime/4 {
			t.Errorf("after a year: %v left", left)
		}
		cancel()
		must(t, <-done)
		onDisk, err := node.dir.Identity("home")
		must(t, err)
		if !onDisk.NotAfter().Equal(node.NotAfter()) {
			t.Error("the renewed certificate is not on disk")
		}
		if got := strings.Join(hostsOf(node.leaf()), ","); got != "node-a,10.0.0.1" {
			t.Errorf("hosts after renewals: got %s", got)
		}
	})
}

type issuerFunc func(context.Context, *x509.Certificate, *x509.CertificateRequest) (*x509.Certificate, error)

func (f issuerFunc) IssueNode(ctx context.Context, old *x509.Certificate, csr *x509.CertificateRequest) (*x509.Certificate, error) {
	return f(ctx, old, csr)
}

func TestEdge_ValidForItsHostsAndThisMachine(t *testing.T) {
	t.Parallel()
	s := newSite(t, "home")
	must(t, s.first.CreateEdge(s.api, []string{"ec2.home.example.com", "192.0.2.7", "*.s3.home.example.com"}))
	edge, err := s.first.Edge()
	must(t, err)
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(s.first.CertificateFile(APICA))
	must(t, err)
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("the bundle for AWS clients holds no certificate")
	}
	for host, ok := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "ec2.home.example.com": true, "192.0.2.7": true,
		"bucket.s3.home.example.com": true, "example.com": false, "192.0.2.8": false,
	} {
		_, _, err := shake(edge.TLS(), &tls.Config{RootCAs: roots, ServerName: host})
		if (err == nil) != ok {
			t.Errorf("%s: got %v, want success %v", host, err, ok)
		}
	}
	// The endpoint's certificate is no identity inside the cluster.
	if _, err := NodeOf(edge.leaf(), "home"); !errors.Is(err, ErrNoNode) {
		t.Errorf("node of the endpoint: got %v", err)
	}
}

func TestDir_FilesArePrivateAndNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	s := newSite(t, "home")
	must(t, s.first.CreateNode(s.ca, "home", "node-a", nil))
	must(t, s.first.CreateEdge(s.api, nil))
	entries, err := os.ReadDir(s.first.path)
	must(t, err)
	if len(entries) != 8 {
		t.Errorf("got %d files, want 8", len(entries))
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(s.first.path); err != nil || info.Mode().Perm() != fs.FileMode(0o700) {
		t.Errorf("directory: got mode %v, %v", info.Mode(), err)
	}
	for name, err := range map[string]error{
		"authorities": s.first.CreateAuthorities("home"),
		"node":        s.first.CreateNode(s.ca, "home", "node-a", nil),
		"edge":        s.first.CreateEdge(s.api, nil),
	} {
		if !errors.Is(err, ErrExists) {
			t.Errorf("create %s again: got %v", name, err)
		}
	}
}

func TestDir_UnusableFilesRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, "home")
	must(t, s.first.CreateNode(s.ca, "home", "node-a", nil))
	if _, err := s.first.Edge(); !errors.Is(err, ErrNotHere) {
		t.Errorf("endpoint that was never made: got %v", err)
	}
	if _, err := s.first.Identity("away"); !errors.Is(err, ErrWrongCluster) {
		t.Errorf("identity of another cluster: got %v", err)
	}
	key, err := os.ReadFile(s.first.keyFile(APICA))
	must(t, err)
	must(t, os.WriteFile(s.first.keyFile(Node), key, 0o600))
	if _, err := s.first.Identity("home"); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("key of another certificate: got %v", err)
	}
	must(t, os.WriteFile(s.first.CertificateFile(Node), []byte("not PEM"), 0o600))
	if _, err := s.first.Identity("home"); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Errorf("certificate that is none: got %v", err)
	}
	for _, bad := range []string{"", "A", "a_b", "-a", "a.b", strings.Repeat("a", 64)} {
		if ValidName(bad) == nil {
			t.Errorf("name %q accepted", bad)
		}
	}
}

// TestAuthorityReplaced_HandshakesWorkAtEveryStep: two nodes that are a step apart always understand each other, and in
// the end only certificates of the new authority count. The server's configuration is the one from before.
func TestAuthorityReplaced_HandshakesWorkAtEveryStep(t *testing.T) {
	t.Parallel()
	s := newSite(t, "home")
	a, b := s.node("node-a"), s.node("node-b")
	late := s.node("node-c") // slept through it all
	next, err := NewAuthority("next")
	must(t, err)
	old, fresh := s.ca.Certificate(), next.Certificate()
	serverA, serverB := a.ServerTLS([]string{proto}), b.ServerTLS([]string{proto})
	both := func(step string) {
		t.Helper()
		for _, err := range shakeErrors(shake(serverA, b.ClientTLS("node-a", proto))) {
			t.Errorf("%s: b calls a: %v", step, err)
		}
		for _, err := range shakeErrors(shake(serverB, a.ClientTLS("node-b", proto))) {
			t.Errorf("%s: a calls b: %v", step, err)
		}
	}
	steps := []struct {
		name string
		do   func(*Identity) error
	}{
		{"spread", func(i *Identity) error { return i.Trust(old, fresh) }},
		{"use", func(i *Identity) error {
			return errors.Join(i.Trust(fresh, old), i.Renew(t.Context(), LocalIssuer(next, "home", i.Node(), nil)))
		}},
		{"retire", func(i *Identity) error { return i.Trust(fresh) }},
	}
	for _, step := range steps {
		for _, i := range []*Identity{a, b} {
			must(t, step.do(i))
			both(step.name + " at " + i.Node())
		}
	}
	if !a.SignedBy(fresh) || a.SignedBy(old) {
		t.Error("the node does not prove itself by the new authority")
	}
	if _, err, _ := shake(serverA, late.ClientTLS("node-a", proto)); err == nil {
		t.Error("a certificate of the old authority is still accepted")
	}
	// What is on disk is what is in memory.
	again, err := a.dir.Identity("home")
	must(t, err)
	if got := again.trusted.Load().certs; len(got) != 1 || !got[0].Equal(fresh) || !again.SignedBy(fresh) {
		t.Errorf("on disk: %d authorities", len(got))
	}
}

// TestStranger_IsShownTheAuthorityThatSigned: a token pins one authority, and two are trusted for a while.
func TestStranger_IsShownTheAuthorityThatSigned(t *testing.T) {
	t.Parallel()
	s := newSite(t, "home")
	a := s.node("node-a")
	a.ServeStrangers("hive-join/1")
	next, err := NewAuthority("next")
	must(t, err)
	server := a.ServerTLS([]string{proto})
	must(t, a.Trust(next.Certificate(), s.ca.Certificate()))
	for _, err := range shakeErrors(shake(server, StrangerTLS("home", PinOf(s.ca.Certificate()), "hive-join/1"))) {
		t.Errorf("before the certificate is renewed: %v", err)
	}
	must(t, a.Renew(t.Context(), LocalIssuer(next, "home", "node-a", nil)))
	for _, err := range shakeErrors(shake(server, StrangerTLS("home", PinOf(next.Certificate()), "hive-join/1"))) {
		t.Errorf("after: %v", err)
	}
	if _, _, err := shake(server, StrangerTLS("home", PinOf(s.ca.Certificate()), "hive-join/1")); !errors.Is(err, ErrWrongPin) {
		t.Errorf("an old pin: %v", err)
	}
}

func shakeErrors(_ tls.ConnectionState, server, client error) (out []error) {
	for _, err := range []error{server, client} {
		if err != nil {
			out = append(out, err)
		}
	}
	return out
}

func TestDiscard_LeavesTheCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t, "home")
	must(t, s.first.Discard(ClusterCA))
	must(t, s.first.Discard(ClusterCA))
	if _, err := s.first.Authority(ClusterCA); !errors.Is(err, ErrNotHere) {
		t.Errorf("the key is still there: %v", err)
	}
	if roots, err := s.first.Roots(ClusterCA); err != nil || len(roots) != 1 {
		t.Errorf("%d authorities, %v", len(roots), err)
	}
}
