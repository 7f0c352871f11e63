// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"
)

// TestMain waits for goroutines longer than goleak would: a probe that is under way when memberlist shuts down runs
// into its time limit, which is seconds.
func TestMain(m *testing.M) {
	code := m.Run()
	for end := time.Now().Add(time.Minute); code == 0; {
		err := goleak.Find()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

type node struct {
	*Gossip
	stop func() // and wait
}

// open makes a node that gossips but does not run: it can be shut down without a word.
func open(t *testing.T, id string, k []byte, seeds ...string) *Gossip {
	t.Helper()
	g, err := New(Config{
		NodeID: id, Region: "home", Bind: "127.0.0.1:0", Keys: [][]byte{k}, Logger: hclog.NewNullLogger(),
		Seeds: func() []string { return seeds },
		Meta:  Meta{Cluster: "127.0.0.1:8443", Version: "v1", Format: 3, Caps: 5, Zone: "home-a", Hash: 77},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Open(); err != nil {
		t.Fatal(err)
	}
	return g
}

func start(t *testing.T, id string, k []byte, seeds ...string) *node {
	t.Helper()
	g := open(t, id, k, seeds...)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := g.Run(ctx); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	})
	n := &node{Gossip: g, stop: func() { cancel(); wg.Wait() }}
	t.Cleanup(n.stop)
	return n
}

// eventually waits for something that needs no more than this package promises, on a machine that may be slow.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not seen: %s", what)
		}
	}
}

func state(g *Gossip, id string) State {
	m, _ := g.Member(id)
	return m.State
}

func TestThreeNodes_JoinUpdateLeaveCrash(t *testing.T) {
	t.Parallel()
	a := start(t, "a", key(1))
	b := start(t, "b", key(1), a.Addr())
	c := open(t, "c", key(1))
	if _, err := c.Join([]string{a.Addr()}); err != nil {
		t.Fatal(err)
	}
	all := []*Gossip{a.Gossip, b.Gossip, c}

	var mu sync.Mutex
	kinds := map[string][]EventKind{}
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		a.Watch(ctx, func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			kinds[e.Member.ID] = append(kinds[e.Member.ID], e.Kind)
		})
	})

	eventually(t, "all see all", func() bool {
		for _, g := range all {
			if state(g, "a") != Alive || state(g, "b") != Alive || state(g, "c") != Alive {
				return false
			}
		}
		return true
	})
	m, _ := b.Member("c")
	want := Meta{Node: "c", Cluster: "127.0.0.1:8443", Version: "v1", Format: 3, Caps: 5, Zone: "home-a", Hash: 77}
	if diff := cmp.Diff(want, m.Meta); diff != "" || m.MetaErr != nil || m.Address != c.Addr() {
		t.Errorf("c as b sees it: %s, %v, %s", diff, m.MetaErr, m.Address)
	}

	want.Version = "v2"
	if err := c.SetMeta(want); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the update at a", func() bool { m, _ := a.Member("c"); return m.Meta.Version == "v2" })

	b.stop()
	eventually(t, "b has left", func() bool { return state(a.Gossip, "b") == Left && state(c, "b") == Left })
	a.Forget("b")
	if _, ok := a.Member("b"); ok {
		t.Error("b was not forgotten")
	}

	// A crash: the port goes dead without a word.
	list, err := c.running()
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Shutdown(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "c is dead", func() bool { return state(a.Gossip, "c") == Dead })
	a.Forget("a") // lives: must stay
	if state(a.Gossip, "a") != Alive {
		t.Error("a forgot itself")
	}
	cancel()
	watching.Wait()
	want2 := map[string][]EventKind{"a": {Joined}, "b": {Joined, Parted, Gone}, "c": {Joined, Updated, Failed}}
	for id := range kinds {
		// The mark of leaving is an update that may or may not be seen on its own.
		kinds[id] = without(kinds[id], want2[id])
	}
	if diff := cmp.Diff(want2, kinds); diff != "" {
		t.Error(diff)
	}
}

// without drops updates that want does not have.
func without(got, want []EventKind) (kept []EventKind) {
	for _, k := range got {
		if k != Updated || strings.Contains(cmp.Diff(want, []EventKind{}), string(Updated)) {
			kept = append(kept, k)
		}
	}
	return kept
}

func TestWrongKey_NotLetIn(t *testing.T) {
	t.Parallel()
	a := start(t, "a", key(1))
	b := start(t, "b", key(2))
	if n, err := b.Join([]string{a.Addr()}); err == nil {
		t.Errorf("joined %d nodes with another key", n)
	}
	if got := len(a.Members()); got != 1 {
		t.Errorf("a sees %d members", got)
	}
}

func TestKeyRotation_NobodyIsLostOnTheWay(t *testing.T) {
	t.Parallel()
	a := start(t, "a", key(1))
	b := start(t, "b", key(1), a.Addr())
	eventually(t, "both", func() bool { return state(a.Gossip, "b") == Alive && state(b.Gossip, "a") == Alive })
	steps := []func(*Gossip) error{
		func(g *Gossip) error { return g.InstallKey(key(2)) },
		func(g *Gossip) error { return g.UseKey(key(2)) },
		func(g *Gossip) error { return g.RemoveKey(key(1)) },
	}
	for _, step := range steps {
		for _, g := range []*node{a, b} {
			if err := step(g.Gossip); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := a.RemoveKey(key(2)); err == nil {
		t.Error("the key in use was removed")
	}
	if err := b.SetMeta(Meta{Version: "after"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "news under the new key", func() bool { m, _ := a.Member("b"); return m.Meta.Version == "after" })
	c := start(t, "c", key(2), a.Addr())
	eventually(t, "a new node with the new key", func() bool { return state(c.Gossip, "b") == Alive })
}

func TestConfig_Refused(t *testing.T) {
	t.Parallel()
	good := Config{NodeID: "a", Region: "home", Bind: "127.0.0.1:0", Keys: [][]byte{key(1)}}
	for name, change := range map[string]func(*Config){
		"no id":          func(c *Config) { c.NodeID = "" },
		"no key":         func(c *Config) { c.Keys = nil },
		"short key":      func(c *Config) { c.Keys = [][]byte{{1, 2, 3}} },
		"no port":        func(c *Config) { c.Bind = "127.0.0.1" },
		"port too big":   func(c *Config) { c.Bind = "127.0.0.1:70000" },
		"advertise name": func(c *Config) { c.Advertise = "example.com:8444" },
		"meta too long":  func(c *Config) { c.Meta.Zone = strings.Repeat("z", MaxMeta) },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	g, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("run before open: got %v", err)
	}
}

func TestMeta_UnknownVersionAndBytesRefused(t *testing.T) {
	t.Parallel()
	b, err := Meta{Node: "a", Caps: 1 << 63}.encode()
	if err != nil {
		t.Fatal(err)
	}
	if m, err := decodeMeta(b); err != nil || m.Node != "a" || m.Caps != 1<<63 {
		t.Errorf("got %+v, %v", m, err)
	}
	for name, bad := range map[string][]byte{
		"empty": {}, "version": append([]byte{9}, b[1:]...), "cut": b[:len(b)-1], "longer": append(bytes.Clone(b), 0),
		"unknown field": {metaVersion, 0x81, 0xa1, 'x', 0x01},
	} {
		if m, err := decodeMeta(bad); !errors.Is(err, ErrMeta) {
			t.Errorf("%s: got %+v, %v", name, m, err)
		}
	}
}

func FuzzDecodeMeta(f *testing.F) {
	b, err := Meta{Node: "a", Version: "v1", Caps: 7}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{metaVersion, 0xc1})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMeta(b)
		if err != nil {
			return
		}
		again, err := m.encode()
		if err != nil {
			return // longer than a packet may carry
		}
		if m2, err := decodeMeta(again); err != nil || m2 != m {
			t.Errorf("%+v became %+v, %v", m, m2, err)
		}
	})
}
