// SPDX-License-Identifier: Apache-2.0

//go:build bench

package raftnode_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"golang.org/x/sys/unix"

	"github.com/hivecloud/hive/raftnode"
)

// nothing is a state machine that costs nothing, so that only the log is measured.
type nothing struct{}

func (nothing) Apply(raftnode.Entry) []byte          { return nil }
func (nothing) Snapshot() (raftnode.Snapshot, error) { return nothing{}, nil }
func (nothing) Persist(io.Writer) error              { return nil }
func (nothing) Release()                             {}
func (nothing) Restore(io.Reader) error              { return nil }

type bareNothing struct{}

func (bareNothing) Apply(*raft.Log) any                 { return nil }
func (bareNothing) Snapshot() (raft.FSMSnapshot, error) { return bareNothing{}, nil }
func (bareNothing) Persist(s raft.SnapshotSink) error   { return s.Close() }
func (bareNothing) Release()                            {}
func (bareNothing) Restore(r io.ReadCloser) error       { return r.Close() }

// contender is a log that entries are proposed to at its leader.
type contender struct {
	name    string
	propose func(data []byte) error
}

// bare is hashicorp/raft and raft-boltdb with nothing around them, over plain TCP.
func bare(t *testing.T, nodes int) contender {
	t.Helper()
	quiet := hclog.NewNullLogger()
	var servers []raft.Server
	var transports []*raft.NetworkTransport
	for i := range nodes {
		tr, err := raft.NewTCPTransportWithLogger("127.0.0.1:0", nil, 3, 3*time.Second, quiet)
		must(t, err)
		transports = append(transports, tr)
		servers = append(servers, raft.Server{ID: raft.ServerID(fmt.Sprint("n", i)), Address: tr.LocalAddr()})
	}
	var all []*raft.Raft
	for i, tr := range transports {
		dir := t.TempDir()
		store, err := raftboltdb.NewBoltStore(filepath.Join(dir, "raft.db"))
		must(t, err)
		snaps, err := raft.NewFileSnapshotStoreWithLogger(dir, 2, quiet)
		must(t, err)
		cfg := raft.DefaultConfig()
		cfg.LocalID, cfg.Logger = servers[i].ID, quiet
		must(t, raft.BootstrapCluster(cfg, store, store, snaps, tr, raft.Configuration{Servers: servers}))
		r, err := raft.NewRaft(cfg, bareNothing{}, store, store, snaps, tr)
		must(t, err)
		all = append(all, r)
		t.Cleanup(func() { _ = r.Shutdown().Error(); _ = store.Close() })
	}
	var leader *raft.Raft
	for end := time.Now().Add(time.Minute); leader == nil; time.Sleep(10 * time.Millisecond) {
		for _, r := range all {
			if r.State() == raft.Leader {
				leader = r
			}
		}
		if time.Now().After(end) {
			t.Fatal("bare raft has no leader")
		}
	}
	return contender{"bare", func(data []byte) error { return leader.Apply(data, time.Minute).Error() }}
}

// ours is package raftnode as it is used, over TLS.
func ours(t *testing.T, nodes int, kind raftnode.LogKind) contender {
	t.Helper()
	s := newRealSite(t)
	var leader *raftnode.Node
	for i := range nodes {
		process := s.node(fmt.Sprint("n", i))
		t.Cleanup(process.stop)
		n := process.open(t, "region", nothing{}, t.TempDir(), kind)
		t.Cleanup(func() { _ = n.Close() })
		if i == 0 {
			leader = n
			must(t, n.Bootstrap(limit(t)))
			continue
		}
		must(t, leader.AddLearner(limit(t), n.ID()))
		must(t, leader.AddVoter(limit(t), n.ID()))
	}
	return contender{"raftnode " + string(kind), func(data []byte) error {
		_, _, err := leader.Propose(t.Context(), data)
		return err
	}}
}

// rate proposes for a while with the given number of proposers and returns entries per second, and the processor time
// of this process for each entry in microseconds: a measure that other work on the machine disturbs less.
func rate(t *testing.T, c contender, proposers int, length time.Duration) (perSecond, cpuMicros float64) {
	t.Helper()
	before := cpuTime(t)
	var wg sync.WaitGroup
	counts := make([]int, proposers)
	start := time.Now()
	for i := range proposers {
		wg.Go(func() {
			data := make([]byte, 1024)
			for time.Since(start) < length {
				if err := c.propose(data); err != nil {
					t.Errorf("%s: %v", c.name, err)
					return
				}
				counts[i]++
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(start).Seconds(), float64((cpuTime(t) - before).Microseconds()) / float64(max(total, 1))
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var ru unix.Rusage
	must(t, unix.Getrusage(unix.RUSAGE_SELF, &ru))
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// TestBenchPropose compares with the bare library in the same run, taking turns, so that whatever else the machine
// does hits both. It prints the medians of the rates and of the ratios of each turn; the goal is 0.9 with Bolt.
func TestBenchPropose(t *testing.T) {
	rounds := 11
	if n, err := strconv.Atoi(os.Getenv("HIVE_BENCH_ROUNDS")); err == nil {
		rounds = n
	}
	for _, nodes := range []int{1, 3} {
		if os.Getenv("HIVE_BENCH_NODES") != "" && os.Getenv("HIVE_BENCH_NODES") != strconv.Itoa(nodes) {
			continue
		}
		contenders := []contender{bare(t, nodes), ours(t, nodes, raftnode.Bolt), ours(t, nodes, raftnode.WAL)}
		for _, proposers := range []int{1, 16, 256} {
			rates := make([][]float64, len(contenders))
			ratios := make([][]float64, len(contenders))
			cpus := make([][]float64, len(contenders))
			for range rounds {
				for i, c := range contenders {
					r, cpu := rate(t, c, proposers, time.Second)
					rates[i], cpus[i] = append(rates[i], r), append(cpus[i], cpu)
					ratios[i] = append(ratios[i], rates[i][len(rates[i])-1]/rates[0][len(rates[0])-1])
				}
			}
			for i, c := range contenders {
				fmt.Printf("propose nodes=%d proposers=%-3d %-13s %8.0f entries/s  x%.2f of bare  %5.0f us CPU/entry\n", nodes, proposers, c.name, median(rates[i]), median(ratios[i]), median(cpus[i]))
			}
		}
	}
}

// TestBenchReadIndex prints what a linearizable read costs on the leader and on a follower, one reader and many.
func TestBenchReadIndex(t *testing.T) {
	s := newRealSite(t)
	var nodes []*raftnode.Node
	for i := range 3 {
		process := s.node(fmt.Sprint("n", i))
		t.Cleanup(process.stop)
		n := process.open(t, "region", nothing{}, t.TempDir(), raftnode.Bolt)
		t.Cleanup(func() { _ = n.Close() })
		nodes = append(nodes, n)
		if i == 0 {
			must(t, n.Bootstrap(limit(t)))
			continue
		}
		must(t, nodes[0].AddVoter(limit(t), n.ID()))
	}
	for where, n := range map[string]*raftnode.Node{"leader": nodes[0], "follower": nodes[1]} {
		read := contender{where, func([]byte) error { return n.ReadIndex(t.Context()) }}
		for _, readers := range []int{1, 64} {
			var rates []float64
			for range 11 {
				r, _ := rate(t, read, readers, 500*time.Millisecond)
				rates = append(rates, r)
			}
			fmt.Printf("read index nodes=3 readers=%-3d at the %-8s %8.0f reads/s\n", readers, where, median(rates))
		}
	}
}
