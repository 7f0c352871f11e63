// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type member struct{ Node, Gossip, Raft string }

// peers waits until the log has as many voters and learners, as every given node sees it.
func (c *cluster) peers(voters, learners int, on ...*node) {
	c.t.Helper()
	for _, n := range on {
		c.eventually(fmt.Sprintf("%d voters and %d learners as %s sees it", voters, learners, n.name), func() error {
			count := map[string]int{}
			members := run[[]member](c, n, "members")
			for _, m := range members {
				count[m.Raft]++
			}
			if count["voter"]+count["leader"] != voters || count["learner"] != learners || count["leader"] != 1 {
				return fmt.Errorf("%+v", members)
			}
			return nil
		})
	}
}

// leader is the node that leads, and the others.
func (c *cluster) leader(ask *node) (leader *node, others []*node) {
	c.t.Helper()
	c.eventually("a leader", func() error {
		leader, others = nil, nil
		members := run[[]member](c, ask, "members")
		for _, n := range c.nodes {
			if slices.ContainsFunc(members, func(m member) bool { return m.Node == n.name && m.Raft == "leader" }) {
				leader = n
				continue
			}
			others = append(others, n)
		}
		if leader == nil {
			return fmt.Errorf("%+v", members)
		}
		return nil
	})
	return leader, others
}

func TestThreeNodes(t *testing.T) {
	c := newCluster(t)
	c.found()
	c.grow()
	t.Run("settings", func(t *testing.T) { c.with(t, (*cluster).sameSettings) })
	t.Run("read your writes", func(t *testing.T) { c.with(t, (*cluster).readYourWrites) })
	t.Run("spread", func(t *testing.T) { c.with(t, (*cluster).spread) })
	t.Run("leader dies under writes", func(t *testing.T) { c.with(t, (*cluster).leaderDies) })
	t.Run("no quorum", func(t *testing.T) { c.with(t, (*cluster).noQuorum) })
	t.Run("fourth node", func(t *testing.T) { c.with(t, (*cluster).fourth) })
}

// with runs a part of the story as a subtest.
func (c *cluster) with(t *testing.T, part func(*cluster)) {
	whole := c.t
	if whole.Failed() {
		t.Skip("the cluster is not as it should be")
	}
	c.t = t
	defer func() { c.t = whole }()
	part(c)
}

// found makes the region on its first node.
func (c *cluster) found() {
	c.t.Helper()
	n := c.lay("node1")
	made := run[struct{ AccessKeyID, SecretAccessKey, CABundle, JoinToken string }](c, n,
		"admin", "init", "--region", regionName, "--az", regionName+"a", "--node", n.name, "--nodes", "3", "--cap", "ec2,ebs,s3,vpc,api,raft", "-q")
	c.keys.AccessKeyID, c.keys.SecretAccessKey, c.token = made.AccessKeyID, made.SecretAccessKey, made.JoinToken
	if c.token == "" {
		c.t.Fatal("init of a region of three printed no join token")
	}
	c.start(n)
	c.trust(made.CABundle)
}

// grow lets the second and the third node join at once.
func (c *cluster) grow() {
	c.t.Helper()
	var wg sync.WaitGroup
	for _, name := range []string{"node2", "node3"} {
		n := c.lay(name)
		wg.Go(func() {
			if _, err := c.try(n, "admin", "join", c.token, "--node", n.name); err != nil {
				c.t.Error(err)
				return
			}
			c.launch(n)
		})
	}
	wg.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
	c.peers(3, 0, c.nodes...)
	stranger := c.lay("node9")
	if _, err := c.try(stranger, "admin", "join", c.token, "--node", "node9"); err == nil || !strings.Contains(err.Error(), "admitted all 2 nodes") {
		c.t.Fatalf("a third use of a token for two: %v", err)
	}
	if _, err := os.Stat(filepath.Join(stranger.dir, "node.json")); err == nil {
		c.t.Fatal("a refused join left a node.json")
	}
	c.nodes = c.nodes[:3]
}

// sameSettings: cluster.json is the same on every node, byte by byte.
func (c *cluster) sameSettings() {
	c.eventually("one cluster.json of three members and three voters", func() error {
		var first []byte
		for _, n := range c.nodes {
			b, err := os.ReadFile(filepath.Join(n.dir, "cluster.json"))
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
}

func keyName(name string) url.Values { return url.Values{"KeyName": {name}, "KeyType": {"ed25519"}} }

// keyPairs are the names that a node knows.
func (c *cluster) keyPairs(n *node) map[string]bool {
	c.t.Helper()
	var out struct {
		Names []string `xml:"keySet>item>keyName"`
	}
	if err := xml.Unmarshal(c.ok(n, "DescribeKeyPairs", nil), &out); err != nil {
		c.t.Fatal(err)
	}
	known := map[string]bool{}
	for _, name := range out.Names {
		known[name] = true
	}
	return known
}

// readYourWrites: what one node acknowledged the next one shows at once.
func (c *cluster) readYourWrites() {
	for i := range 12 {
		name := fmt.Sprintf("turn-%d", i)
		c.ok(c.nodes[i%3], "CreateKeyPair", keyName(name))
		if !c.keyPairs(c.nodes[(i+1)%3])[name] {
			c.t.Fatalf("%s, acknowledged by %s, is not there on %s", name, c.nodes[i%3].name, c.nodes[(i+1)%3].name)
		}
	}
}

type instance struct{ ID, Node, State string }

// spread: two instances run on two nodes, one of which fetched the image; each node shows both consoles.
func (c *cluster) spread() {
	raw := filepath.Join(c.nodes[0].dir, "nothing.raw")
	if err := os.WriteFile(raw, bytes.Repeat([]byte("no boot sector here\n"), 100_000), 0o644); err != nil {
		c.t.Fatal(err)
	}
	image := run[struct{ ID string }](c, c.nodes[0], "image", "import", raw, "--name", "nothing", "--format", "raw", "--boot-mode", "legacy-bios", "-q")
	form := url.Values{"ImageId": {image.ID}, "InstanceType": {"t3.nano"}, "MinCount": {"2"}, "MaxCount": {"2"}}
	c.eventually("room for two instances", func() error { // nodes tell what they have a moment after they joined
		status, _, answer, err := c.call(c.t.Context(), c.nodes[2], "RunInstances", form)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, answer)
		}
		return err
	})
	var seen []instance
	c.eventually("two running instances on two nodes", func() error {
		seen = run[[]instance](c, c.nodes[1], "instance", "list")
		if len(seen) != 2 || seen[0].State != "running" || seen[1].State != "running" {
			return fmt.Errorf("%+v", seen)
		}
		return nil
	})
	if seen[0].Node == seen[1].Node {
		c.t.Fatalf("both instances are on one node: %+v", seen)
	}
	for _, i := range seen {
		for _, n := range c.nodes {
			c.ok(n, "GetConsoleOutput", url.Values{"InstanceId": {i.ID}})
			c.ok(n, "GetConsoleScreenshot", url.Values{"InstanceId": {i.ID}})
			if _, err := c.try(n, "instance", "console", i.ID); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	c.ok(c.nodes[0], "TerminateInstances", url.Values{"InstanceId.1": {seen[0].ID}, "InstanceId.2": {seen[1].ID}})
	c.eventually("both terminated", func() error {
		for _, i := range run[[]instance](c, c.nodes[2], "instance", "list") {
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
		status, _, _, err := w.c.call(ctx, w.c.nodes[(id+i)%3], "CreateKeyPair", keyName(name))
		if err == nil && status == http.StatusOK {
			w.mu.Lock()
			w.acked = append(w.acked, name)
			w.mu.Unlock()
			w.count.Add(1)
		}
	}
}

// leaderDies: kill -9 of the leader's agent under writes. Writes go on, and nothing that was acknowledged is lost.
func (c *cluster) leaderDies() {
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	w := &writer{c: c}
	var wg sync.WaitGroup
	for id := range 3 {
		wg.Go(func() { w.run(ctx, id) })
	}
	more := func(what string, n int64) {
		c.t.Helper()
		until := w.count.Load() + n
		c.eventually(what, func() error {
			if got := w.count.Load(); got < until {
				return fmt.Errorf("%d of %d", got, until)
			}
			return nil
		})
	}
	more("writes before the death", 15)
	dead, living := c.leader(c.nodes[0])
	died := time.Now()
	dead.kill()
	more("writes after the death", 15)
	c.t.Logf("15 more writes were acknowledged within %v after the death of %s", time.Since(died).Round(100*time.Millisecond), dead.name)
	cancel()
	wg.Wait()
	c.start(dead)
	for _, n := range append(living, dead) {
		known := c.keyPairs(n)
		for _, name := range w.acked {
			if !known[name] {
				c.t.Errorf("%s was acknowledged and is not on %s", name, n.name)
			}
		}
	}
	c.peers(3, 0, c.nodes...)
}

// noQuorum: a node that is alone answers 503 with Retry-After, and the region goes on when the others are back.
func (c *cluster) noQuorum() {
	last := c.nodes[0]
	c.nodes[1].kill()
	c.nodes[2].kill()
	c.eventually("503 with Retry-After", func() error {
		status, retry, answer, err := c.call(c.t.Context(), last, "CreateKeyPair", keyName("alone"))
		if err == nil && (status != http.StatusServiceUnavailable || retry == "") {
			err = fmt.Errorf("status %d, Retry-After %q: %s", status, retry, answer)
		}
		return err
	})
	c.start(c.nodes[1])
	c.ok(c.nodes[1], "CreateKeyPair", keyName("two"))
	c.start(c.nodes[2])
	if !c.keyPairs(c.nodes[2])["two"] {
		c.t.Fatal("the node that came last does not know what the two wrote")
	}
}

// fourth: a fourth node joins by a new token as a learner, and takes the vote of a voter that stays away.
func (c *cluster) fourth() {
	made := run[struct{ Token string }](c, c.nodes[1], "admin", "token", "create", "-q")
	n := c.lay("node4")
	if _, err := c.try(n, "admin", "join", made.Token, "--node", n.name); err != nil {
		c.t.Fatal(err)
	}
	c.start(n)
	c.peers(3, 1, c.nodes...)
	if !c.keyPairs(n)["two"] {
		c.t.Fatal("the learner does not know the state")
	}
	_, others := c.leader(n)
	gone := others[0]
	gone.kill()
	c.eventually("the fourth node votes instead of "+gone.name, func() error {
		members := run[[]member](c, n, "members")
		for _, m := range members {
			if m.Node == n.name && m.Raft != "voter" || m.Node == gone.name && m.Raft != "learner" {
				return fmt.Errorf("%+v", members)
			}
		}
		return nil
	})
}
