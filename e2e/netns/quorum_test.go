// SPDX-License-Identifier: Apache-2.0

//go:build soak

package netns

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hivecloud/hive/internal/e2e/lab"
)

// TestSoakLinks_TornAndHealed: a region under delay and loss goes on; a node that hears and is not heard, or is heard and
// does not hear, holds nobody up; two of three nodes away, reads and writes are refused clearly; nothing forks. Then a
// state disk fills up.
func TestSoakLinks_TornAndHealed(t *testing.T) {
	c := lab.New(t, lab.NewNet(t))
	for i, name := range []string{"node1", "node2", "node3"} {
		c.LayOn(name, []string{"", "", "96m"}[i])
	}
	c.Found(c.Nodes[0])
	c.Grow(c.Nodes[1:]...)
	c.Peers(3, 0, c.Nodes...)
	r := &region{Cluster: c}
	t.Run("slow and lossy", func(t *testing.T) { r.part(t, r.lossy) })
	t.Run("one-way cuts of the leader", func(t *testing.T) { r.part(t, r.oneWay) })
	t.Run("two of three away", func(t *testing.T) { r.part(t, r.alone) })
	t.Run("full state disk", func(t *testing.T) { r.part(t, r.full) })
	r.Heal()
}

// Heal mends everything and waits for one state.
func (r *region) Heal() {
	r.T.Helper()
	r.Net.Heal()
	r.Peers(3, 0, r.Nodes...)
	r.Same(r.Nodes...)
}

// writes makes key pairs at an endpoint until one is acknowledged, and then some.
func (r *region) writes(endpoint, prefix string, count int) (acked []string) {
	r.T.Helper()
	for i := 0; len(acked) < count; i++ {
		name := fmt.Sprintf("%s-%d", prefix, i)
		r.Eventually("write "+name, func() error {
			got, err := r.Call(r.T.Context(), endpoint, "CreateKeyPair", lab.KeyName(name))
			switch {
			case err != nil:
				return err
			case got.Status != http.StatusOK && got.Status != http.StatusBadRequest: // 400: an attempt before this one was written
				return fmt.Errorf("%d %s", got.Status, got.Body)
			}
			acked = append(acked, name)
			return nil
		})
	}
	return acked
}

func (r *region) lossy() {
	bad := lab.Quality{Delay: 20 * time.Millisecond, Loss: 0.03}
	for i, a := range r.Nodes {
		for _, b := range r.Nodes[:i] {
			r.Net.Between(a.Name, b.Name, bad)
		}
	}
	var acked []string
	for i, n := range r.Nodes {
		acked = append(acked, r.writes(n.Endpoint, fmt.Sprintf("lossy%d", i), 3)...)
	}
	r.Heal()
	for _, n := range r.Nodes {
		r.kept(n, acked)
	}
}

func (r *region) oneWay() {
	for _, deaf := range []bool{true, false} {
		leader, others := r.Leader(r.Nodes[0])
		for _, n := range others {
			if deaf {
				r.Net.Link(n.Name, leader.Name, lab.Quality{Cut: true})
			} else {
				r.Net.Link(leader.Name, n.Name, lab.Quality{Cut: true})
			}
		}
		began := time.Now()
		acked := r.writes(others[0].Endpoint, fmt.Sprintf("deaf-%v", deaf), 3)
		r.T.Logf("leader %s deaf: %v; three writes within %s", leader.Name, deaf, seconds(time.Since(began)))
		r.Heal()
		for _, n := range r.Nodes {
			r.kept(n, acked)
		}
	}
}

// refuses waits until a node says 503 with Retry-After to a call.
func (r *region) refuses(n *lab.Node, action string, form url.Values) {
	r.T.Helper()
	err := lab.Wait("503 with Retry-After from "+n.Name+" to "+action, func() error {
		got, err := r.Call(r.T.Context(), n.Endpoint, action, form)
		if err == nil && (got.Status != http.StatusServiceUnavailable || got.Retry == "") {
			err = fmt.Errorf("%d, Retry-After %q: %s", got.Status, got.Retry, got.Body)
		}
		return err
	})
	if err != nil {
		r.T.Error(err)
	}
}

// alone cuts the nodes off from each other, not from their clients: three regions of one would be the worst that can come of it.
func (r *region) alone() {
	for i, a := range r.Nodes {
		for _, b := range r.Nodes[:i] {
			r.Net.Between(a.Name, b.Name, lab.Quality{Cut: true})
		}
	}
	var wg sync.WaitGroup
	for _, n := range r.Nodes { // all at once: an answer takes as long as a node hopes for a leader
		wg.Go(func() { r.refuses(n, "CreateKeyPair", lab.KeyName("alone-"+n.Name)) })
		wg.Go(func() { r.refuses(n, "DescribeKeyPairs", nil) })
	}
	wg.Wait()
	a, b, c := r.Nodes[0], r.Nodes[1], r.Nodes[2]
	r.Net.Between(a.Name, b.Name, lab.Quality{})
	acked := slices.Concat(r.writes(a.Endpoint, "two-a", 1), r.writes(b.Endpoint, "two-b", 1))
	r.refuses(c, "DescribeKeyPairs", nil)
	r.Heal()
	for _, n := range r.Nodes {
		r.kept(n, acked)
	}
}

// full fills the state disk of one node. The others go on; the node heals by itself when there is room, or by a restart
// of its agent, which its supervisor does.
func (r *region) full() {
	sick := r.Nodes[2]
	ballast := filepath.Join(sick.Dir, "ballast")
	if err := fill(ballast); err != nil {
		r.T.Fatal(err)
	}
	began := time.Now()
	acked := slices.Concat(r.writes(r.Nodes[0].Endpoint, "full-a", 20), r.writes(r.Nodes[1].Endpoint, "full-b", 20))
	r.T.Logf("40 writes within %s while the disk of %s was full", seconds(time.Since(began)), sick.Name)
	got, err := r.Call(r.T.Context(), sick.Endpoint, "CreateKeyPair", lab.KeyName("through-the-full-node"))
	r.T.Logf("through the full node: %d %v %.200s", got.Status, err, got.Body)
	if err == nil && got.Status != http.StatusOK && got.Status != http.StatusServiceUnavailable {
		r.T.Errorf("the full node answered %d: %s", got.Status, got.Body)
	}
	if err := os.Remove(ballast); err != nil {
		r.T.Fatal(err)
	}
	if sick.Ended() {
		r.T.Logf("the agent of %s ended: %s", sick.Name, sick.Tail(600))
		r.Start(sick)
	}
	r.Heal()
	r.kept(sick, acked)
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	for err = nil; err == nil; { // the last page too
		_, err = f.Write(block[:512])
	}
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return err
}
