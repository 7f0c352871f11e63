// SPDX-License-Identifier: Apache-2.0

package raftnode_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/raftnode"
)

// realSite is nodes as they are in the field: TLS on real ports, logs on a real disk.
type realSite struct {
	t  testing.TB
	ca *pki.Authority

	mu    sync.Mutex
	where map[string]string
}

func newRealSite(t testing.TB) *realSite {
	t.Helper()
	d := pki.NewDir(vfs.OS(), filepath.Join(t.TempDir(), "pki"))
	must(t, d.CreateAuthorities("home"))
	ca, err := d.Authority(pki.ClusterCA)
	must(t, err)
	return &realSite{t: t, ca: ca, where: map[string]string{}}
}

func (s *realSite) Resolve(_ context.Context, node rpc.NodeID) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.where[node]; ok {
		return a, nil
	}
	return "", rpc.ErrUnknownNode
}

// realNode is one process: a port, and one member of each of some groups.
type realNode struct {
	host *raftnode.Host
	stop func() // groups must be closed before
}

func (s *realSite) node(id string) *realNode {
	s.t.Helper()
	d := pki.NewDir(vfs.OS(), filepath.Join(s.t.TempDir(), id))
	must(s.t, d.Trust(pki.ClusterCA, s.ca.Certificate()))
	must(s.t, d.CreateNode(s.ca, "home", id, nil))
	return s.process(id, d, "127.0.0.1:0")
}

// process starts the node whose keys are in d.
func (s *realSite) process(id string, d pki.Dir, bind string) *realNode {
	s.t.Helper()
	identity, err := d.Identity("home")
	must(s.t, err)
	mux, err := rpc.NewMux(rpc.MuxConfig{
		Self: id, Bind: bind, Protocols: []string{rpc.ProtoRaft, rpc.ProtoRPC}, Credentials: identity, Resolver: s,
	})
	must(s.t, err)
	must(s.t, mux.Open())
	s.mu.Lock()
	s.where[id] = mux.Addr().String()
	s.mu.Unlock()
	server, client := rpc.NewServer(testLogger()), rpc.NewClient(mux)
	host, err := raftnode.NewHost(raftnode.HostConfig{Network: mux, Server: server, Client: client, Logger: testLogger()})
	must(s.t, err)
	calls, err := mux.Listen(rpc.ProtoRPC)
	must(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func() error{
		func() error { return mux.Run(ctx) }, func() error { return host.Run(ctx) }, func() error { return server.Serve(ctx, calls) },
	} {
		wg.Go(func() {
			if err := run(); err != nil {
				s.t.Errorf("%s: %v", id, err)
			}
		})
	}
	return &realNode{host: host, stop: sync.OnceFunc(func() { cancel(); client.Close(); wg.Wait() })}
}

func (n *realNode) open(t testing.TB, group string, sm raftnode.StateMachine, dir string, kind raftnode.LogKind) *raftnode.Node {
	t.Helper()
	node, err := raftnode.New(raftnode.Config{Host: n.host, Group: group, StateMachine: sm, Dir: dir, Log: kind, Trailing: 8, Logger: testLogger()})
	must(t, err)
	must(t, node.Open(t.Context()))
	return node
}

func limit(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// untilLeads waits for a restarted sole voter on a slow machine.
func untilLeads(t testing.TB, n *raftnode.Node) {
	t.Helper()
	for ctx := limit(t); ; {
		now, changed := n.Leadership()
		if now.IsLeader {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal("does not lead")
		}
	}
}

func TestRestart_StateComesBackFromLogAndSnapshot(t *testing.T) {
	t.Parallel()
	for _, kind := range []raftnode.LogKind{raftnode.Bolt, raftnode.WAL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s, dir := newRealSite(t), t.TempDir()
			process := s.node("a")
			defer process.stop()
			node := process.open(t, "region", newKV(), dir, kind)
			must(t, node.Bootstrap(limit(t)))
			for i := range 40 {
				if _, _, err := node.Propose(limit(t), set(fmt.Sprint(i), "x", fmt.Sprint(i))); err != nil {
					t.Fatal(err)
				}
				if i == 20 {
					_, err := node.SnapshotNow(limit(t))
					must(t, err)
				}
			}
			before := node.Stats()
			must(t, node.Close())
			offline, err := raftnode.Inspect(dir)
			must(t, err)
			if offline.LastIndex != before.LastIndex || offline.Term != before.Term || offline.LastTerm != before.Term ||
				offline.Log != kind || offline.FirstIndex == 1 || len(offline.Snapshots) != 1 || offline.Snapshots[0].Size == 0 {
				t.Errorf("offline: got %+v after %+v", offline, before)
			}
			if diff := cmp.Diff([]raftnode.Peer{{ID: "a", Voter: true}}, offline.Peers); diff != "" {
				t.Error(diff)
			}
			sm := newKV()
			node = process.open(t, "region", sm, dir, kind)
			defer node.Close()
			untilLeads(t, node)
			must(t, node.ReadIndex(limit(t)))
			if got := sm.get("x"); got != "39" || sm.effects() != 40 {
				t.Errorf("after restart: x=%q after %d effects", got, sm.effects())
			}
			if err := node.Bootstrap(limit(t)); !errors.Is(err, raftnode.ErrBootstrapped) {
				t.Errorf("bootstrap of a log with state: got %v", err)
			}
		})
	}
}

func TestDirectory_OneOwnerAndOneKind(t *testing.T) {
	t.Parallel()
	s, dir := newRealSite(t), t.TempDir()
	process := s.node("a")
	defer process.stop()
	node := process.open(t, "region", newKV(), dir, raftnode.Bolt)
	if _, err := raftnode.Inspect(dir); !errors.Is(err, raftnode.ErrLocked) {
		t.Errorf("inspect while open: got %v", err)
	}
	second, err := raftnode.New(raftnode.Config{Host: process.host, Group: "other", StateMachine: newKV(), Dir: dir})
	must(t, err)
	if err := second.Open(t.Context()); !errors.Is(err, raftnode.ErrLocked) {
		t.Errorf("second owner: got %v", err)
	}
	must(t, node.Close())
	third, err := raftnode.New(raftnode.Config{Host: process.host, Group: "region", StateMachine: newKV(), Dir: dir, Log: raftnode.WAL})
	must(t, err)
	if err := third.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "kind bolt") {
		t.Errorf("the other log store: got %v", err)
	}
	if _, err := raftnode.Inspect(t.TempDir()); err == nil {
		t.Error("an empty directory was inspected")
	}
}

func TestThreeProcesses_TwoGroupsOnOnePort(t *testing.T) {
	t.Parallel()
	s := newRealSite(t)
	groups := []string{"region", "bucket-17"}
	machines := map[string]map[string]*kv{}
	nodes := map[string]map[string]*raftnode.Node{}
	for _, id := range []string{"a", "b", "c"} {
		process := s.node(id)
		defer process.stop()
		machines[id], nodes[id] = map[string]*kv{}, map[string]*raftnode.Node{}
		for _, group := range groups {
			machines[id][group] = newKV()
			n := process.open(t, group, machines[id][group], t.TempDir(), raftnode.Bolt)
			defer n.Close()
			nodes[id][group] = n
			if id == "a" {
				must(t, n.Bootstrap(limit(t)))
				continue
			}
			must(t, nodes["a"][group].AddLearner(limit(t), id))
			must(t, nodes["a"][group].AddVoter(limit(t), id))
		}
	}
	must(t, nodes["a"]["region"].TransferLeadership(limit(t), "b")) // the groups do not lead together
	for i, id := range []string{"a", "b", "c", "a"} {
		for _, group := range groups {
			value := fmt.Sprint(group, i)
			if _, _, err := nodes[id][group].Propose(limit(t), set(value, "x", value)); err != nil {
				t.Fatalf("propose to %s at %s: %v", group, id, err)
			}
			for _, reader := range []string{"a", "b", "c"} {
				must(t, nodes[reader][group].ReadIndex(limit(t)))
				if got := machines[reader][group].get("x"); got != value {
					t.Errorf("%s at %s: got %q, want %q", group, reader, got, value)
				}
			}
		}
	}
}

func TestSavedSnapshot_ReadCheckedRestored(t *testing.T) {
	t.Parallel()
	s := newRealSite(t)
	process := s.node("a")
	defer process.stop()
	source := process.open(t, "region", newKV(), t.TempDir(), raftnode.Bolt)
	must(t, source.Bootstrap(limit(t)))
	for i := range 30 {
		_, _, err := source.Propose(limit(t), set(fmt.Sprint(i), "x", fmt.Sprint(i)))
		must(t, err)
	}
	var file bytes.Buffer
	saved, err := source.SaveSnapshot(limit(t), &file)
	must(t, err)
	must(t, source.Close())

	var state kvState
	info, err := raftnode.ReadSnapshot(bytes.NewReader(file.Bytes()), func(_ raftnode.SnapshotInfo, r io.Reader) error {
		return json.NewDecoder(r).Decode(&state)
	})
	must(t, err)
	if diff := cmp.Diff(saved, info); diff != "" || info.Group != "region" || info.Index == 0 || state.Values["x"] != "29" {
		t.Errorf("got %+v with x=%q: %s", info, state.Values["x"], diff)
	}

	target := newKV()
	node := process.open(t, "region", target, t.TempDir(), raftnode.WAL)
	defer node.Close()
	if _, err := node.RestoreSnapshot(limit(t), bytes.NewReader(file.Bytes())); !errors.Is(err, raftnode.ErrNotLeader) {
		t.Errorf("restore without leading: got %v", err)
	}
	must(t, node.Bootstrap(limit(t)))
	_, _, err = node.Propose(limit(t), set("mine", "y", "mine"))
	must(t, err)
	for name, bad := range damaged(file.Bytes()) {
		if _, err := node.RestoreSnapshot(limit(t), bytes.NewReader(bad)); !errors.Is(err, raftnode.ErrBadSnapshot) {
			t.Errorf("restore, %s: got %v", name, err)
		}
		if _, err := raftnode.ReadSnapshot(bytes.NewReader(bad), nil); !errors.Is(err, raftnode.ErrBadSnapshot) {
			t.Errorf("read, %s: got %v", name, err)
		}
	}
	must(t, node.ReadIndex(limit(t)))
	if got := target.get("y"); got != "mine" {
		t.Errorf("a damaged file changed the state: y=%q", got)
	}
	_, err = node.RestoreSnapshot(limit(t), bytes.NewReader(file.Bytes()))
	must(t, err)
	must(t, node.ReadIndex(limit(t)))
	if x, y := target.get("x"), target.get("y"); x != "29" || y != "" {
		t.Errorf("restored: x=%q y=%q", x, y)
	}
	_, _, err = node.Propose(limit(t), set("after", "x", "after"))
	must(t, err)
}

func damaged(good []byte) map[string][]byte {
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 0x40
		return b
	}
	return map[string][]byte{
		"empty": nil, "magic": flip(0), "description": flip(14), "state": flip(len(good) - 60), "checksum": flip(len(good) - 1),
		"cut in the checksum": good[:len(good)-5], "cut in the state": good[:len(good)-50],
	}
}

func TestConfig_AllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := raftnode.New(raftnode.Config{Log: "paper", Group: strings.Repeat("g", 65)})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"host", "state machine", "group name of 65", "directory", `"paper"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if _, err := os.Stat("raft.db"); err == nil {
		t.Error("New wrote to the disk")
	}
}
