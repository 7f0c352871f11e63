// SPDX-License-Identifier: Apache-2.0

package join_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/join"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
)

const clusterID = "c-test"

// host is a member: a real cluster port before a gate that the test answers for.
type host struct {
	address string
	pin     pki.Pin
	asked   atomic.Int64
	decide  func(join.Application) (join.Grant, error)
}

func (h *host) Admit(_ context.Context, a join.Application) (join.Grant, error) {
	h.asked.Add(1)
	return h.decide(a)
}

type credentials struct{ *pki.Identity }

func newHost(t *testing.T, cluster string) *host {
	t.Helper()
	h := &host{decide: func(join.Application) (join.Grant, error) { return join.Grant{NodeID: "n-b"}, nil }}
	dir := pki.NewDir(vfs.OS(), t.TempDir())
	if err := dir.CreateAuthorities(cluster); err != nil {
		t.Fatal(err)
	}
	ca, err := dir.Authority(pki.ClusterCA)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.CreateNode(ca, cluster, "n-a", []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	who, err := dir.Identity(cluster)
	if err != nil {
		t.Fatal(err)
	}
	h.pin = pki.PinOf(ca.Certificate())
	who.ServeStrangers(rpc.ProtoJoin)
	mux, err := rpc.NewMux(rpc.MuxConfig{Self: "n-a", Bind: "127.0.0.1:0", Protocols: []string{rpc.ProtoRPC, rpc.ProtoJoin}, Strangers: []string{rpc.ProtoJoin},
		Credentials: credentials{who}, Resolver: rpc.ResolverFunc(func(context.Context, rpc.NodeID) (string, error) { return "", rpc.ErrUnknownNode })})
	if err != nil {
		t.Fatal(err)
	}
	if err := mux.Open(); err != nil {
		t.Fatal(err)
	}
	l, err := mux.Listen(rpc.ProtoJoin)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := mux.Listen(rpc.ProtoRPC)
	if err != nil {
		t.Fatal(err)
	}
	h.address = mux.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 3)
	go func() { done <- mux.Run(ctx) }()
	go func() { done <- join.NewServer(h, nil).Serve(ctx, l) }()
	go func() { done <- rpc.NewServer(nil).Serve(ctx, calls) }()
	t.Cleanup(func() {
		cancel()
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return h
}

func (h *host) token() join.Token {
	id, secret := join.NewSecret()
	return join.Token{Cluster: clusterID, Region: "eu-test-1", ID: id, Secret: secret, Pin: h.pin, Addresses: []string{h.address}}
}

func application(net.IP) (join.Application, error) { return join.Application{Node: "b"}, nil }

func TestApply_GrantAndWhatTheMemberLearns(t *testing.T) {
	t.Parallel()
	h := newHost(t, clusterID)
	token := h.token()
	var got join.Application
	h.decide = func(a join.Application) (join.Grant, error) {
		got = a
		return join.Grant{NodeID: "n-b", ClusterKey: "k"}, nil
	}
	grant, err := join.Apply(t.Context(), token, token.Addresses, func(local net.IP) (join.Application, error) {
		if !local.IsLoopback() {
			t.Errorf("own address is %v, want a loopback one", local)
		}
		return application(local)
	})
	if err != nil || grant.NodeID != "n-b" || grant.ClusterKey != "k" {
		t.Fatalf("grant %+v, %v", grant, err)
	}
	want := join.Application{Version: join.Version, Cluster: clusterID, Token: token.ID, Secret: token.Secret.Reveal(), Node: "b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("application (-want +got):\n%s", diff)
	}
}

func TestApply_RefusalComesWordByWord(t *testing.T) {
	t.Parallel()
	h := newHost(t, clusterID)
	h.decide = func(join.Application) (join.Grant, error) {
		return join.Grant{}, admin.Errorf(admin.KindDenied, "do this", "the token was revoked")
	}
	_, err := join.Apply(t.Context(), h.token(), []string{h.address, h.address}, application)
	var e *admin.Error
	if !errors.As(err, &e) || e.Kind != admin.KindDenied || e.Message != "the token was revoked" || e.Hint != "do this" {
		t.Fatalf("got %v", err)
	}
	if n := h.asked.Load(); n != 1 {
		t.Fatalf("a refusal is final, but %d members were asked", n)
	}
	h.decide = func(join.Application) (join.Grant, error) { return join.Grant{}, errors.New("secret detail") }
	if _, err := join.Apply(t.Context(), h.token(), []string{h.address}, application); err == nil || strings.Contains(err.Error(), "secret detail") {
		t.Fatalf("an internal error was told to a stranger: %v", err)
	}
}

func TestApply_UnavailableMemberIsPassedOver(t *testing.T) {
	t.Parallel()
	h := newHost(t, clusterID)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	busy := newHost(t, clusterID)
	busy.decide = func(join.Application) (join.Grant, error) {
		return join.Grant{}, admin.Errorf(admin.KindUnavailable, "wait", "no leader")
	}
	if _, err := join.Apply(t.Context(), h.token(), []string{dead, busy.address, h.address}, application); err != nil {
		t.Fatal(err)
	}
	var e *admin.Error
	if _, err := join.Apply(t.Context(), h.token(), []string{dead}, application); !errors.As(err, &e) || e.Kind != admin.KindUnavailable {
		t.Fatalf("nobody there: got %v", err)
	}
	if _, err := join.Apply(t.Context(), h.token(), nil, application); !errors.As(err, &e) || e.Kind != admin.KindUsage {
		t.Fatalf("no address: got %v", err)
	}
}

// Addresses at which somebody listens and says nothing do not use up the time of the one that answers.
func TestApply_SilentAddressesLeaveTimeForTheOthers(t *testing.T) {
	t.Parallel()
	h := newHost(t, clusterID)
	var silent []string
	for range 4 {
		l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel answers, nobody shakes hands
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		silent = append(silent, l.Addr().String())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	if _, err := join.Apply(ctx, h.token(), append(silent, h.address), application); err != nil {
		t.Errorf("four silent addresses before a member: %v", err)
	}
}

// The joiner says nothing, least of all its secret, to who is not of the token's cluster.
func TestApply_NothingIsSaidBeforeThePinMatches(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*join.Token){
		"other authority": func(t *join.Token) { t.Pin[0] ^= 1 },
		"other cluster":   func(t *join.Token) { t.Cluster = "c-other" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, clusterID)
			token := h.token()
			change(&token)
			_, err := join.Apply(t.Context(), token, token.Addresses, func(net.IP) (join.Application, error) {
				t.Error("an application was made for a stranger")
				return join.Application{}, nil
			})
			var e *admin.Error
			if !errors.As(err, &e) || e.Kind != admin.KindDenied {
				t.Fatalf("got %v, want a denial", err)
			}
			if h.asked.Load() != 0 {
				t.Fatal("the member was asked")
			}
		})
	}
}

// stranger dials a member's cluster port without a certificate.
func stranger(t *testing.T, h *host, protos ...string) (*tls.Conn, error) {
	t.Helper()
	conf := pki.StrangerTLS(clusterID, h.pin, "")
	conf.NextProtos = protos
	return tls.Dial("tcp", h.address, conf)
}

func TestServer_StrangersGetNoOtherProtocol(t *testing.T) {
	t.Parallel()
	h := newHost(t, clusterID)
	for _, protos := range [][]string{{rpc.ProtoRPC}, {rpc.ProtoJoin, rpc.ProtoRPC}, {rpc.ProtoRPC, rpc.ProtoJoin}} {
		c, err := stranger(t, h, protos...)
		if err != nil {
			continue
		}
		// TLS 1.3: the refusal of a missing certificate comes with the first read.
		_, err = c.Read(make([]byte, 1))
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a client without a certificate that offers %v was let in: %v", protos, err)
		}
		_ = c.Close()
	}
}

func TestServer_OversizedAndMalformedFramesAreDropped(t *testing.T) {
	t.Parallel()
	h := newHost(t, clusterID)
	for name, frame := range map[string][]byte{
		"a gigabyte":    binary.BigEndian.AppendUint32(nil, 1<<30),
		"no JSON":       append(binary.BigEndian.AppendUint32(nil, 4), "junk"...),
		"unknown field": append(binary.BigEndian.AppendUint32(nil, 9), `{"no":1} `...),
	} {
		c, err := stranger(t, h, rpc.ProtoJoin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(frame); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(c); len(b) > 0 {
			t.Errorf("%s: answered %q, %v", name, b, err)
		}
		_ = c.Close()
	}
	if h.asked.Load() != 0 {
		t.Fatal("the gate was asked about a frame that is none")
	}
}

func TestServer_AnotherVersionIsRefusedByName(t *testing.T) {
	t.Parallel()
	h := newHost(t, clusterID)
	c, err := stranger(t, h, rpc.ProtoJoin)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := `{"version":99}`
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || !strings.Contains(string(b), "version 99") {
		t.Fatalf("answered %q, %v", b, err)
	}
}

func TestToken_RoundTripAndDamage(t *testing.T) {
	t.Parallel()
	h := join.Token{Cluster: clusterID, Region: "eu-test-1", ID: "jt-1", Secret: seal.NewSecret("s3cret"), Pin: pki.Pin{1, 2}, Addresses: []string{"10.0.0.1:8443", "[::1]:8443"}}
	text, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := join.ParseToken(" " + text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, back, cmp.Comparer(func(a, b seal.Secret) bool { return a.Equal(b) })); diff != "" {
		t.Fatalf("round trip (-want +got):\n%s", diff)
	}
	for at := range text {
		bad := []byte(text)
		if bad[at]++; bad[at] > 'z' {
			bad[at] = 'A'
		}
		if _, err := join.ParseToken(string(bad)); !errors.Is(err, join.ErrToken) {
			t.Fatalf("a changed character at %d: %v", at, err)
		}
		if _, err := join.ParseToken(text[:at]); !errors.Is(err, join.ErrToken) {
			t.Fatalf("cut to %d characters: %v", at, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	text, err := join.Token{Cluster: clusterID, ID: "jt-1", Secret: seal.NewSecret("s")}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("hivejoin1.")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := join.ParseToken(text)
		if err != nil {
			return
		}
		again, err := token.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := join.ParseToken(again); err != nil || back.ID != token.ID || back.Pin != token.Pin {
			t.Fatalf("round trip: %+v, %v", back, err)
		}
	})
}

func TestApplicant_InstallRefusesForeignCertificates(t *testing.T) {
	t.Parallel()
	a, err := pki.NewApplicant()
	if err != nil {
		t.Fatal(err)
	}
	ca, err := pki.NewAuthority("ca")
	if err != nil {
		t.Fatal(err)
	}
	other, err := pki.NewAuthority("other")
	if err != nil {
		t.Fatal(err)
	}
	nodeDER, edgeDER, err := a.Requests()
	if err != nil {
		t.Fatal(err)
	}
	sign := func(by *pki.Authority, name string) *x509.Certificate {
		csr, err := x509.ParseCertificateRequest(nodeDER)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := by.SignNode(csr, clusterID, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	csr, err := x509.ParseCertificateRequest(edgeDER)
	if err != nil {
		t.Fatal(err)
	}
	edge, err := ca.SignEdge(csr, nil)
	if err != nil {
		t.Fatal(err)
	}
	good := pki.Granted{ClusterCA: []*x509.Certificate{ca.Certificate()}, APICA: []*x509.Certificate{ca.Certificate()}, Node: sign(ca, "n-b"), Edge: edge}
	dir := pki.NewDir(vfs.OS(), t.TempDir())
	for name, change := range map[string]func(*pki.Granted){
		"signed by another":  func(g *pki.Granted) { g.Node = sign(other, "n-b") },
		"of another node":    func(g *pki.Granted) { g.Node = sign(ca, "n-c") },
		"for another key":    func(g *pki.Granted) { g.Node = edge },
		"endpoint not ours":  func(g *pki.Granted) { g.APICA = []*x509.Certificate{other.Certificate()} },
		"endpoint's own key": func(g *pki.Granted) { g.Edge = good.Node },
	} {
		bad := good
		change(&bad)
		if err := dir.Install(a, bad, clusterID, "n-b"); err == nil {
			t.Errorf("%s: installed", name)
		}
		if has, err := dir.Has(pki.Node); has || err != nil {
			t.Errorf("%s: left a certificate (%v)", name, err)
		}
	}
	if err := dir.Install(a, good, clusterID, "n-b"); err != nil {
		t.Fatal(err)
	}
	if who, err := dir.Identity(clusterID); err != nil || who.Node() != "n-b" {
		t.Fatalf("identity after install: %v", err)
	}
}
