// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivecloud/hive/internal/e2e/lab"
)

// cluster is a region of three nodes, taken apart by one test.
type cluster struct {
	*lab.Cluster
	names string // a hosts file that all nodes keep
}

func TestThreeNodes(t *testing.T) {
	c := &cluster{lab.New(t, nil), filepath.Join(t.TempDir(), "hosts")}
	c.Extra = fmt.Sprintf("cluster {\n  hosts_file = %q\n}\n", c.names)
	c.Found(c.Lay("node1"))
	c.grow()
	t.Run("settings", func(t *testing.T) { c.with(t, (*cluster).sameSettings) })
	t.Run("snapshot", func(t *testing.T) { c.with(t, (*cluster).lastSnapshot) })
	t.Run("read your writes", func(t *testing.T) { c.with(t, (*cluster).readYourWrites) })
	t.Run("capabilities", func(t *testing.T) { c.with(t, (*cluster).capabilities) })
	t.Run("revocation", func(t *testing.T) { c.with(t, (*cluster).revocation) })
	t.Run("rotations", func(t *testing.T) { c.with(t, (*cluster).rotations) })
	t.Run("spread", func(t *testing.T) { c.with(t, (*cluster).spread) })
	t.Run("leader dies under writes", func(t *testing.T) { c.with(t, (*cluster).leaderDies) })
	t.Run("no quorum", func(t *testing.T) { c.with(t, (*cluster).noQuorum) })
	t.Run("fourth node", func(t *testing.T) { c.with(t, (*cluster).fourth) })
}

// with runs a part of the story as a subtest.
func (c *cluster) with(t *testing.T, part func(*cluster)) {
	whole := c.T
	if whole.Failed() {
		t.Skip("the cluster is not as it should be")
	}
	c.T = t
	defer func() { c.T = whole }()
	part(c)
}

// grow lets the second and the third node join at once.
func (c *cluster) grow() {
	c.T.Helper()
	c.Grow(c.Lay("node2"), c.Lay("node3"))
	c.Peers(3, 0, c.Nodes...)
	stranger := c.Lay("node9")
	if _, err := c.Try(stranger, "admin", "join", c.Token, "--node", "node9"); err == nil || !strings.Contains(err.Error(), "admitted all 2 nodes") {
		c.T.Fatalf("a third use of a token for two: %v", err)
	}
	if _, err := os.Stat(filepath.Join(stranger.Dir, "node.json")); err == nil {
		c.T.Fatal("a refused join left a node.json")
	}
	c.Nodes = c.Nodes[:3]
}

// sameSettings: cluster.json is the same on every node, byte by byte.
func (c *cluster) sameSettings() {
	c.Eventually("one cluster.json of three members and three voters", func() error {
		var first []byte
		for _, n := range c.Nodes {
			b, err := os.ReadFile(filepath.Join(n.Dir, "cluster.json"))
			if err != nil {
				return err
			}
			if first == nil {
				first = b
			}
			if !bytes.Equal(first, b) || bytes.Count(b, []byte(`"node_id"`)) != 3 || !bytes.Contains(b, []byte(`"quorum": 2`)) {
				return fmt.Errorf("%s", b)
			}
		}
		return nil
	})
	want := "127.0.0.1\tnode2." + lab.Region + ".hive.internal node2\n"
	c.Eventually("the names of the members", func() error { // one file for all: they are on one machine
		if b, err := os.ReadFile(c.names); err != nil || !strings.Contains(string(b), want) {
			return fmt.Errorf("%w\n%s", err, b)
		}
		return nil
	})
	if out, err := c.Try(c.Nodes[2], "admin", "cert", "list", "-o", "json"); err != nil || !strings.Contains(string(out), "api."+lab.Region+".hive.internal") {
		c.T.Errorf("the endpoint's certificate is not valid for the API's name: %v\n%s", err, out)
	}
}

// lastSnapshot: a node says when it took its last snapshot, and what is in it.
func (c *cluster) lastSnapshot() {
	type status struct {
		SnapshotIndex, SnapshotTerm, AppliedIndex uint64
		SnapshotSize                              int64
		SnapshotAt                                time.Time
	}
	n := c.Nodes[1]
	before := time.Now().Truncate(time.Millisecond)
	if _, err := c.Try(n, "raft", "snapshot", "save", filepath.Join(n.Dir, "saved.snap")); err != nil {
		c.T.Fatal(err)
	}
	got := lab.Run[status](c.Cluster, n, "raft", "status")
	if got.SnapshotIndex == 0 || got.SnapshotIndex > got.AppliedIndex || got.SnapshotTerm == 0 || got.SnapshotSize == 0 || got.SnapshotAt.Before(before) || got.SnapshotAt.After(time.Now()) {
		c.T.Errorf("after a snapshot at %v: %+v", before, got)
	}
}

// readYourWrites: what one node acknowledged the next one shows at once.
func (c *cluster) readYourWrites() {
	for i := range 12 {
		name := fmt.Sprintf("turn-%d", i)
		c.OK(c.Nodes[i%3], "CreateKeyPair", lab.KeyName(name))
		if !c.KeyPairs(c.Nodes[(i+1)%3])[name] {
			c.T.Fatalf("%s, acknowledged by %s, is not there on %s", name, c.Nodes[i%3].Name, c.Nodes[(i+1)%3].Name)
		}
	}
}

// spread: two instances run on two nodes, one of which fetched the image; each node shows both consoles.
func (c *cluster) spread() {
	raw := filepath.Join(c.Nodes[0].Dir, "nothing.raw")
	if err := os.WriteFile(raw, bytes.Repeat([]byte("no boot sector here\n"), 100_000), 0o644); err != nil {
		c.T.Fatal(err)
	}
	image := lab.Run[struct{ ID string }](c.Cluster, c.Nodes[0], "image", "import", raw, "--name", "nothing", "--format", "raw", "--boot-mode", "legacy-bios", "-q")
	form := url.Values{"ImageId": {image.ID}, "InstanceType": {"t3.nano"}, "MinCount": {"2"}, "MaxCount": {"2"}}
	c.Eventually("room for two instances", func() error { // nodes tell what they have a moment after they joined
		got, err := c.Call(c.T.Context(), c.Nodes[2].Endpoint, "RunInstances", form)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return err
	})
	var seen []lab.Instance
	c.Eventually("two running instances on two nodes", func() error {
		seen = lab.Run[[]lab.Instance](c.Cluster, c.Nodes[1], "instance", "list")
		if len(seen) != 2 || seen[0].State != "running" || seen[1].State != "running" {
			return fmt.Errorf("%+v", seen)
		}
		return nil
	})
	if seen[0].Node == seen[1].Node {
		c.T.Fatalf("both instances are on one node: %+v", seen)
	}
	for _, i := range seen {
		for _, n := range c.Nodes {
			c.OK(n, "GetConsoleOutput", url.Values{"InstanceId": {i.ID}})
			c.OK(n, "GetConsoleScreenshot", url.Values{"InstanceId": {i.ID}})
			if _, err := c.Try(n, "instance", "console", i.ID); err != nil {
				c.T.Fatal(err)
			}
		}
	}
	c.OK(c.Nodes[0], "TerminateInstances", url.Values{"InstanceId.1": {seen[0].ID}, "InstanceId.2": {seen[1].ID}})
	c.Eventually("both terminated", func() error {
		for _, i := range lab.Run[[]lab.Instance](c.Cluster, c.Nodes[2], "instance", "list") {
			if i.State != "terminated" {
				return fmt.Errorf("%+v", i)
			}
		}
		return nil
	})
}

// writer writes through nodes in turn and remembers what was acknowledged.
type writer struct {
	c     *cluster
	mu    sync.Mutex
	acked []string
	count atomic.Int64
}

func (w *writer) run(ctx context.Context, id int) {
	for i := 0; ctx.Err() == nil; i++ {
		name := fmt.Sprintf("w%d-%d", id, i)
		got, err := w.c.Call(ctx, w.c.Nodes[(id+i)%3].Endpoint, "CreateKeyPair", lab.KeyName(name))
		if err == nil && got.Status == http.StatusOK {
			w.mu.Lock()
			w.acked = append(w.acked, name)
			w.mu.Unlock()
			w.count.Add(1)
		}
	}
}

// leaderDies: kill -9 of the leader's agent under writes. Writes go on, and nothing that was acknowledged is lost.
func (c *cluster) leaderDies() {
	ctx, cancel := context.WithCancel(c.T.Context())
	defer cancel()
	w := &writer{c: c}
	var wg sync.WaitGroup
	for id := range 3 {
		wg.Go(func() { w.run(ctx, id) })
	}
	more := func(what string, n int64) {
		c.T.Helper()
		until := w.count.Load() + n
		c.Eventually(what, func() error {
			if got := w.count.Load(); got < until {
				return fmt.Errorf("%d of %d", got, until)
			}
			return nil
		})
	}
	more("writes before the death", 15)
	dead, living := c.Leader(c.Nodes[0])
	died := time.Now()
	dead.Kill()
	more("writes after the death", 15)
	c.T.Logf("15 more writes were acknowledged within %v after the death of %s", time.Since(died).Round(100*time.Millisecond), dead.Name)
	cancel()
	wg.Wait()
	c.Start(dead)
	for _, n := range append(living, dead) {
		known := c.KeyPairs(n)
		for _, name := range w.acked {
			if !known[name] {
				c.T.Errorf("%s was acknowledged and is not on %s", name, n.Name)
			}
		}
	}
	c.Peers(3, 0, c.Nodes...)
}

// noQuorum: a node that is alone answers 503 with Retry-After, and the region goes on when the others are back.
func (c *cluster) noQuorum() {
	last := c.Nodes[0]
	c.Nodes[1].Kill()
	c.Nodes[2].Kill()
	c.Eventually("503 with Retry-After", func() error {
		got, err := c.Call(c.T.Context(), last.Endpoint, "CreateKeyPair", lab.KeyName("alone"))
		if err == nil && (got.Status != http.StatusServiceUnavailable || got.Retry == "") {
			err = fmt.Errorf("status %d, Retry-After %q: %s", got.Status, got.Retry, got.Body)
		}
		return err
	})
	c.Start(c.Nodes[1])
	c.OK(c.Nodes[1], "CreateKeyPair", lab.KeyName("two"))
	c.Start(c.Nodes[2])
	if !c.KeyPairs(c.Nodes[2])["two"] {
		c.T.Fatal("the node that came last does not know what the two wrote")
	}
}

// fourth: a fourth node joins by a new token as a learner, and takes the vote of a voter that stays away.
func (c *cluster) fourth() {
	made := lab.Run[struct{ Token string }](c.Cluster, c.Nodes[1], "admin", "token", "create", "-q")
	n := c.Lay("node4")
	if _, err := c.Try(n, "admin", "join", made.Token, "--node", n.Name); err != nil {
		c.T.Fatal(err)
	}
	c.Start(n)
	c.Peers(3, 1, c.Nodes...)
	if !c.KeyPairs(n)["two"] {
		c.T.Fatal("the learner does not know the state")
	}
	_, others := c.Leader(n)
	gone := others[0]
	gone.Kill()
	c.Eventually("the fourth node votes instead of "+gone.Name, func() error {
		members := lab.Run[[]lab.Member](c.Cluster, n, "members")
		for _, m := range members {
			if m.Node == n.Name && m.Raft != "voter" || m.Node == gone.Name && m.Raft != "learner" {
				return fmt.Errorf("%+v", members)
			}
		}
		return nil
	})
	c.Start(gone)
	c.leaderLeaves()
}
