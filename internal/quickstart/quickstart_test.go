// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// region is the part of EC2 that a quickstart talks to, with one rule each.
type region struct {
	mu       sync.Mutex
	pub      ssh.PublicKey
	states   map[string]string // instance -> state
	launched int
	calls    []string
}

func (g *region) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AK/") {
		http.Error(w, "unsigned", http.StatusForbidden)
		return
	}
	_ = r.ParseForm() // a bad form has no Action
	action := r.Form.Get("Action")
	g.calls = append(g.calls, action)
	switch action {
	case "DescribeKeyPairs":
		name := ""
		if g.pub != nil {
			name = "<item><keyName>" + Name + "</keyName></item>"
		}
		fmt.Fprintf(w, "<R><keySet>%s</keySet></R>", name)
	case "CreateKeyPair":
		pub, priv, _ := ed25519.GenerateKey(rand.Reader)
		g.pub, _ = ssh.NewPublicKey(pub)
		block, _ := ssh.MarshalPrivateKey(priv, "")
		fmt.Fprintf(w, "<R><keyMaterial>%s</keyMaterial></R>", strings.TrimSpace(string(pem.EncodeToMemory(block))))
	case "DeleteKeyPair":
		g.pub = nil
		fmt.Fprint(w, "<R/>")
	case "RunInstances":
		g.launched++
		id := fmt.Sprintf("i-%d", g.launched)
		g.states[id] = "pending"
		fmt.Fprintf(w, "<R><instancesSet><item><instanceId>%s</instanceId></item></instancesSet></R>", id)
	case "StartInstances":
		g.start(w, r.Form.Get("InstanceId.1"))
	case "TerminateInstances":
		g.states[r.Form.Get("InstanceId.1")] = "terminated"
		fmt.Fprint(w, "<R/>")
	case "DescribeInstances":
		g.describe(w, r.Form.Get("InstanceId.1"))
	default:
		refuse(w, "InvalidAction")
	}
}

func refuse(w http.ResponseWriter, code string) {
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, "<Response><Errors><Error><Code>%s</Code><Message>no</Message></Error></Errors></Response>", code)
}

func (g *region) start(w http.ResponseWriter, id string) {
	if g.states[id] == "stopping" {
		g.states[id] = "stopped"
		refuse(w, "IncorrectInstanceState")
		return
	}
	g.states[id] = "pending"
	fmt.Fprint(w, "<R/>")
}

func (g *region) describe(w http.ResponseWriter, id string) {
	fmt.Fprint(w, "<R><reservationSet>")
	for i, state := range g.states {
		if id == i || id == "" && state != "terminated" {
			fmt.Fprintf(w, "<item><instancesSet><item><instanceId>%s</instanceId><instanceState><name>%s</name></instanceState></item></instancesSet></item>", i, state)
		}
		if id == i && state == "pending" {
			g.states[i] = "running"
		}
	}
	fmt.Fprint(w, "</reservationSet></R>")
}

// sshGuest is a real SSH server that trusts the region's key.
func sshGuest(t *testing.T, g *region) string {
	t.Helper()
	_, hostKey, _ := ed25519.GenerateKey(rand.Reader)
	signer, err := ssh.NewSignerFromKey(hostKey)
	if err != nil {
		t.Fatal(err)
	}
	conf := &ssh.ServerConfig{PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if meta.User() != "ec2-user" || string(key.Marshal()) != string(g.pub.Marshal()) {
			return nil, fmt.Errorf("unknown key")
		}
		return nil, nil
	}}
	conf.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serveSSH(conn, conf) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

func serveSSH(conn net.Conn, conf *ssh.ServerConfig) {
	defer conn.Close()
	server, channels, requests, err := ssh.NewServerConn(conn, conf)
	if err != nil {
		return
	}
	defer server.Close()
	go ssh.DiscardRequests(requests)
	for ch := range channels {
		channel, requests, err := ch.Accept()
		if err != nil {
			return
		}
		for req := range requests {
			_ = req.Reply(req.Type == "exec", nil)
			if req.Type == "exec" {
				_, _ = channel.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
				channel.Close()
			}
		}
	}
}

func start(t *testing.T) (*region, Config) {
	t.Helper()
	g := &region{states: map[string]string{}}
	srv := httptest.NewTLSServer(g)
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	address := sshGuest(t, g)
	tries := 0
	return g, Config{
		Endpoint: srv.URL, CABundle: ca, Region: "us-east-1", AccessKeyID: "AK", SecretAccessKey: "SK",
		ImageID: "ami-1", InstanceType: "t3.micro", User: "ec2-user", KeyDir: dir,
		Address: func(context.Context, string) (string, error) {
			if tries++; tries == 1 {
				return "", fmt.Errorf("no port yet")
			}
			return address, nil
		},
	}
}

func mustRun(t *testing.T, cfg Config) Guest {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	guest, err := Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return guest
}

func TestFirstRun_LaunchesAndLogsIn(t *testing.T) {
	t.Parallel()
	g, cfg := start(t)
	guest := mustRun(t, cfg)
	if guest.InstanceID != "i-1" || g.launched != 1 {
		t.Errorf("got %+v after %d launches", guest, g.launched)
	}
	info, err := os.Stat(guest.KeyFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	if text, err := os.ReadFile(guest.KeyFile); err != nil || !strings.HasSuffix(string(text), "KEY-----\n") {
		t.Errorf("OpenSSH cannot read the key file: %v, %q", err, text)
	}
	host, port, _ := net.SplitHostPort(guest.Address)
	for _, part := range []string{"-p " + port, "ec2-user@" + host, "-i " + guest.KeyFile} {
		if !strings.Contains(guest.Command(), part) {
			t.Errorf("%q is not in %q", part, guest.Command())
		}
	}
}

func TestSecondRun_UsesTheSameGuest(t *testing.T) {
	t.Parallel()
	g, cfg := start(t)
	first := mustRun(t, cfg)
	if second := mustRun(t, cfg); second != first || g.launched != 1 {
		t.Errorf("got %+v, want %+v, %d launches", second, first, g.launched)
	}
}

func TestStoppingGuest_IsStartedAgain(t *testing.T) {
	t.Parallel()
	g, cfg := start(t)
	first := mustRun(t, cfg)
	g.mu.Lock()
	g.states[first.InstanceID] = "stopping"
	g.mu.Unlock()
	if second := mustRun(t, cfg); second != first || g.launched != 1 {
		t.Errorf("got %+v, want %+v, %d launches", second, first, g.launched)
	}
}

// A guest nobody can log in to any more is replaced.
func TestLostKey_ReplacesKeyAndGuest(t *testing.T) {
	t.Parallel()
	g, cfg := start(t)
	first := mustRun(t, cfg)
	if err := os.Remove(first.KeyFile); err != nil {
		t.Fatal(err)
	}
	second := mustRun(t, cfg)
	if second.InstanceID == first.InstanceID || g.states[first.InstanceID] != "terminated" {
		t.Errorf("got %+v, first is %s", second, g.states[first.InstanceID])
	}
}

func TestGuestThatDies_IsAnErrorWithItsReason(t *testing.T) {
	t.Parallel()
	g, cfg := start(t)
	r, err := newRunner(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.states["i-7"] = "shutting-down"
	if err := r.waitRunning(t.Context(), "i-7"); err == nil || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("got %v", err)
	}
}

func TestNoSSHInTime_SaysTheLastReason(t *testing.T) {
	t.Parallel()
	_, cfg := start(t)
	guest := mustRun(t, cfg)
	cfg.Address = func(context.Context, string) (string, error) { return "", fmt.Errorf("port 22 is not forwarded") }
	r, err := newRunner(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.waitSSH(ctx, guest); err == nil || !strings.Contains(err.Error(), "port 22 is not forwarded") {
		t.Errorf("got %v", err)
	}
}
