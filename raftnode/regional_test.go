// SPDX-License-Identifier: Apache-2.0

//go:build bench

package raftnode_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/raftnode"
	"github.com/hivecloud/hive/raftnode/region"
)

// regional is a member that keeps a region.
type regional struct {
	node *raftnode.Node
	fsm  *fsm.FSM
	door *region.Region
}

func openRegional(t *testing.T, process *realNode, id, dir string) regional {
	t.Helper()
	r := regional{fsm: fsm.New()}
	node, err := raftnode.New(raftnode.Config{Host: process.host, Group: "region", StateMachine: region.StateMachine(r.fsm), Dir: dir, Logger: testLogger()})
	must(t, err)
	must(t, node.Open(t.Context()))
	r.node, r.door = node, region.New(id, r.fsm, node)
	return r
}

// regionals are three members, the first of which leads, with that many running instances in the region.
func regionals(t *testing.T, instances int) []regional {
	t.Helper()
	s := newRealSite(t)
	var all []regional
	for i := range 3 {
		id := fmt.Sprint("n", i)
		process := s.node(id)
		t.Cleanup(process.stop)
		r := openRegional(t, process, id, t.TempDir())
		t.Cleanup(func() { _ = r.node.Close() })
		all = append(all, r)
		if i == 0 {
			must(t, r.node.Bootstrap(limit(t)))
			continue
		}
		must(t, all[0].node.AddVoter(limit(t), id))
	}
	for c := range fsmtest.Crowd(instances) {
		must(t, all[0].door.Propose(limit(t), c, nil))
	}
	return all
}

// describe reads what DescribeInstances, with volumes and interfaces, shows of an account. It answers with the number of rows.
func describe(v *state.View, account string) int {
	rows := 0
	for i := range state.Instances.Of(v, account) {
		rows += 1 + len(v.TagsOf(account, i.ID))
		if _, ok := state.NetworkInterfaces.Get(v, account, i.NetworkInterfaceID); ok {
			rows++
		}
		for _, d := range i.Devices {
			if _, ok := state.Volumes.Get(v, account, d.VolumeID); ok {
				rows++
			}
		}
	}
	return rows
}

// TestBenchRead prints the latency of a linearizable read alone, and of one that then reads what DescribeInstances of 1,000
// instances shows, at the leader and at a follower in turns, while another client writes all the time.
func TestBenchRead(t *testing.T) {
	const instances = 1000
	members := regionals(t, instances)
	ctx, cancel := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			tag := command.CreateTags{AccountID: fsmtest.CrowdAccount(0), Resources: []string{"i-" + fsmtest.CrowdID(n%instances)}, Tags: []state.Tag{{Key: "Name", Value: fmt.Sprint(n)}}}
			if err := members[2].door.Propose(ctx, tag, nil); err != nil && ctx.Err() == nil {
				t.Errorf("write: %v", err)
				return
			}
		}
	})
	defer func() { cancel(); writer.Wait() }()
	jobs := []struct {
		name string
		do   func(*region.Region) error
	}{
		{"linearizable read", func(r *region.Region) error { return r.Fresh(t.Context()) }},
		{"describe 1,000", func(r *region.Region) error {
			v, err := r.View(t.Context())
			if err == nil && describe(v, fsmtest.CrowdAccount(0)) != 5*instances {
				err = fmt.Errorf("%d rows", describe(v, fsmtest.CrowdAccount(0)))
			}
			return err
		}},
	}
	for _, job := range jobs {
		for _, readers := range []int{1, 8} {
			took, moved := turns(t, members, readers, job.do)
			for _, at := range []string{"leader", "follower"} {
				d := took[at]
				slices.Sort(d)
				fmt.Printf("%-17s nodes=3 writers=1 readers=%d at the %-8s p50 %8v  p99 %8v  (%d reads; %d turns void because the leader changed)\n", job.name, readers, at,
					d[len(d)/2].Round(10*time.Microsecond), d[len(d)*99/100].Round(10*time.Microsecond), len(d), moved)
			}
		}
	}
}

// turns lets readers read at the leader and at a follower in five turns, and answers with how long each read took. A turn in
// which the leader changed, as happens on a busy machine, counts for nothing.
func turns(t *testing.T, members []regional, readers int, do func(*region.Region) error) (took map[string][]time.Duration, moved int) {
	t.Helper()
	took = map[string][]time.Duration{}
	for done := 0; done < 5; {
		leader, follower := roles(t, members)
		term := leader.node.Stats().Term
		atLeader := latencies(t, readers, time.Second, func() error { return do(leader.door) })
		atFollower := latencies(t, readers, time.Second, func() error { return do(follower.door) })
		if !leader.node.IsLeader() || leader.node.Stats().Term != term {
			if moved++; moved > 20 {
				t.Fatal("the leader changes all the time")
			}
			continue
		}
		took["leader"], took["follower"] = append(took["leader"], atLeader...), append(took["follower"], atFollower...)
		done++
	}
	return took, moved
}

// roles are the member that leads now and one that does not.
func roles(t *testing.T, members []regional) (leader, follower regional) {
	t.Helper()
	for ctx := limit(t); ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		for i, m := range members {
			if m.node.IsLeader() {
				return m, members[(i+1)%len(members)]
			}
		}
	}
	t.Fatal("no leader")
	return regional{}, regional{}
}

// latencies are how long each call of do took, by that many callers for a while.
func latencies(t *testing.T, callers int, length time.Duration, do func() error) []time.Duration {
	t.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	for end, n := time.Now().Add(length), 0; n < callers; n++ {
		wg.Go(func() {
			var mine []time.Duration
			for time.Now().Before(end) {
				start := time.Now()
				if err := do(); err != nil {
					t.Errorf("read: %v", err)
					return
				}
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wg.Wait()
	return all
}

// TestBenchColdStart opens a member whose directory holds a snapshot of 100,000 objects, until it answers a linearizable
// read, and has it take and store such a snapshot. The goals are 5 s and 1 s.
func TestBenchColdStart(t *testing.T) {
	s, dir := newRealSite(t), t.TempDir()
	process := s.node("n0")
	t.Cleanup(process.stop)
	r := openRegional(t, process, "n0", dir)
	must(t, r.node.Bootstrap(limit(t)))
	for c := range fsmtest.Crowd(25_000) {
		must(t, r.door.Propose(limit(t), c, nil))
	}
	var stored, opened, storedCPU, openedCPU []float64
	for range 7 {
		// Something new, or there is nothing to store.
		must(t, r.door.Propose(limit(t), command.CordonNode{NodeID: "n-00000000", Cordoned: len(stored)%2 == 0}, nil))
		cpu, start := cpuTime(t), time.Now()
		_, err := r.node.SnapshotNow(limit(t))
		must(t, err)
		stored, storedCPU = append(stored, time.Since(start).Seconds()), append(storedCPU, (cpuTime(t)-cpu).Seconds())
		want := r.fsm.Hash()
		must(t, r.node.Close())
		cpu, start = cpuTime(t), time.Now()
		r = openRegional(t, process, "n0", dir)
		untilLeads(t, r.node)
		must(t, r.door.Fresh(limit(t)))
		opened, openedCPU = append(opened, time.Since(start).Seconds()), append(openedCPU, (cpuTime(t)-cpu).Seconds())
		if r.fsm.Hash() != want {
			t.Fatal("the state after the cold start differs")
		}
	}
	t.Cleanup(func() { _ = r.node.Close() })
	fmt.Printf("cold start from a snapshot of 100,000 objects to the first linearizable read: %.2f s (worst %.2f s; %.2f s CPU); taken and stored in %.2f s (worst %.2f s; %.2f s CPU)\n",
		median(opened), slices.Max(opened), median(openedCPU), median(stored), slices.Max(stored), median(storedCPU))
}
