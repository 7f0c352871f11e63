// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/clusterfile"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/join"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
)

// nodeConfig is the configuration of a test's node on free ports of loopback.
func nodeConfig(t *testing.T, name string) *config.Config {
	t.Helper()
	c, diags := config.Load(config.Sources{Flags: map[string]string{"data-dir": filepath.Join(t.TempDir(), "d"), "node": name, "nodes": "3",
		"cluster": "127.0.0.1:0", "api": "127.0.0.1:0"}})
	if diags.HasErrors() {
		t.Fatal(diags.List)
	}
	return c
}

// founder is the first member of a region, with its log and its join service and nothing else.
func founder(t *testing.T) (*Agent, join.Token) {
	t.Helper()
	c := nodeConfig(t, "a")
	made, err := Init(t.Context(), InitOptions{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	token, err := ParseJoinToken(made.JoinToken)
	if err != nil {
		t.Fatal(err)
	}
	a := &Agent{config: c, log: hclog.NewNullLogger(), at: layout{c.Node.DataDir}}
	if a.id, err = readIdentity(a.at.node()); err != nil {
		t.Fatal(err)
	}
	if a.ring, err = seal.Load(a.at.clusterKey()); err != nil {
		t.Fatal(err)
	}
	if a.truth, err = openTruth(t.Context(), truthConfig{at: a.at, id: a.id, config: c, logger: a.log}); err != nil {
		t.Fatal(err)
	}
	a.region = a.truth.region
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.serveJoins(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, a.truth.close()); err != nil {
			t.Error(err)
		}
	})
	token.Addresses = []string{a.truth.addr}
	return a, token
}

// settle publishes settings, as the leader of a whole agent does.
func settle(t *testing.T, a *Agent) {
	t.Helper()
	v, err := a.region.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, _ := v.Cluster()
	seed, err := openKey(a.ring, c, keySettings)
	if err != nil {
		t.Fatal(err)
	}
	text, err := clusterfile.Sign(a.settings(v, c), ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.region.Propose(t.Context(), command.PublishSettings{Epoch: 1, Settings: text}, nil); err != nil {
		t.Fatal(err)
	}
}

// left are the names in a node's data directory.
func left(t *testing.T, c *config.Config) []string {
	t.Helper()
	entries, err := os.ReadDir(c.Node.DataDir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestJoin_MakesANodeThatCanIssueByItself(t *testing.T) {
	t.Parallel()
	a, token := founder(t)
	settle(t, a)
	c := nodeConfig(t, "b")
	made, err := Join(t.Context(), JoinOptions{Config: c, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	at := layout{c.Node.DataDir}
	id, err := readIdentity(at.node())
	if err != nil || id.NodeID != "n-b" || id.ClusterID != a.id.ClusterID || made.NodeID != id.NodeID {
		t.Fatalf("identity %+v, %v", id, err)
	}
	dir := pki.NewDir(vfs.OS(), at.pki())
	if has, err := dir.Has(pki.ClusterCA); has || err != nil {
		t.Fatalf("the CA's key lies in a file of the joined node (%v)", err)
	}
	who, err := dir.Identity(id.ClusterID)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := state.Members.Get(a.region.Local(), state.AnyAccount, "n-b")
	if !ok || m.KeyPin != who.Fingerprint().String() {
		t.Fatalf("the log pins %+v, the node's key is %s", m, who.Fingerprint())
	}
	// With the state and its cluster key the node has the authorities' keys.
	ring, err := seal.Load(at.clusterKey())
	if err != nil {
		t.Fatal(err)
	}
	b := &Agent{config: c, at: at, id: id, ring: ring, region: a.region}
	before := who.NotAfter()
	if err := who.Renew(t.Context(), selfIssuer{b}); err != nil || who.NotAfter().Before(before) {
		t.Fatalf("renew on the joined node: %v", err)
	}
	if _, err := b.authority(pki.APICA); err != nil {
		t.Fatal(err)
	}
	var e *admin.Error
	if _, err := Join(t.Context(), JoinOptions{Config: c, Token: token}); !errors.As(err, &e) || e.Kind != admin.KindConflict {
		t.Fatalf("join into an initialised directory: %v", err)
	}
}

func TestJoin_RefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	a, token := founder(t)
	settle(t, a)
	for name, change := range map[string]func(*join.Token, *config.Config){
		"other pin":     func(k *join.Token, _ *config.Config) { k.Pin[3] ^= 1 },
		"wrong secret":  func(k *join.Token, _ *config.Config) { k.Secret = seal.NewSecret("guess") },
		"other token":   func(k *join.Token, _ *config.Config) { k.ID = "jt-none" },
		"name in use":   func(_ *join.Token, c *config.Config) { c.Node.Name = "a" },
		"other zone":    func(_ *join.Token, c *config.Config) { c.Node.AZ += "z" },
		"other region":  func(_ *join.Token, c *config.Config) { c.Cluster.Region = "eu-other-1" },
		"unusable name": func(_ *join.Token, c *config.Config) { c.Node.Name = "B!" },
	} {
		k, c := token, nodeConfig(t, "b")
		change(&k, c)
		var e *admin.Error
		if _, err := Join(t.Context(), JoinOptions{Config: c, Token: k}); !errors.As(err, &e) || e.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
		if names := left(t, c); len(names) > 0 {
			t.Errorf("%s left %v", name, names)
		}
	}
	row, _ := state.JoinTokens.Get(a.region.Local(), state.AnyAccount, token.ID)
	if row == nil || row.Used != 0 || state.Members.Count(a.region.Local()) != 1 {
		t.Fatalf("refusals left %+v and %d members", row, state.Members.Count(a.region.Local()))
	}
}

func TestJoin_InterruptedIsTriedAgain(t *testing.T) {
	t.Parallel()
	a, token := founder(t)
	settle(t, a)
	c := nodeConfig(t, "b")
	// The node was admitted and its answer lost.
	lost, err := pki.NewApplicant()
	if err != nil {
		t.Fatal(err)
	}
	o := JoinOptions{Config: c, Token: token}
	if _, err := join.Apply(t.Context(), token, token.Addresses, func(local net.IP) (join.Application, error) { return o.application(lost, local) }); err != nil {
		t.Fatal(err)
	}
	// And half of it was written.
	at := layout{c.Node.DataDir}
	if err := os.MkdirAll(at.pki(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at.pki(), "node.key"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readIdentity(at.node()); err == nil {
		t.Fatal("an interrupted join made a node")
	}
	if _, err := Join(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	row, _ := state.JoinTokens.Get(a.region.Local(), state.AnyAccount, token.ID)
	if row == nil || row.Used != 1 {
		t.Fatalf("a join and its retry: token %+v", row)
	}
}
