// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/compute/executor/simguest"
	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/testcluster"
	"github.com/hivecloud/hive/raftnode"
	"github.com/hivecloud/hive/raftnode/lease"
	"github.com/hivecloud/hive/raftnode/region"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = "111111111111"
	image   = "ami-1"
)

// flat charges what the shape says.
type flat struct{}

func (flat) Charge(_ string, s state.Shape, _ string) state.Resources {
	return state.Resources{MilliCPU: int64(s.VCPUs) * 1000, MemoryMiB: s.MemoryMiB}
}

// world is a region of several simulated nodes in one bubble of virtual time.
type world struct {
	t       testing.TB
	cluster *testcluster.Cluster
	fsms    map[string]*fsm.FSM
	nodes   map[string]*node
	check   *checker
	begun   time.Time
	volumes int
	room    state.Resources // of every node
	mu      sync.Mutex
}

// maxVoters is how many nodes of a region vote; the others are learners.
const maxVoters = 5

// node is what runs on one simulated machine.
type node struct {
	id     string
	host   *simguest.Host
	region *region.Region
	exec   *executor.Executor
	holder *lease.Holder
	stop   func()
}

// Fence passes the lease on to the guests.
func (n *node) Fence(ctx context.Context, on bool, until time.Duration) error {
	return n.exec.SetFence(ctx, executor.Fence{On: on, Until: until})
}

// checker is told of every guest that begins or ceases to run, and knows when an instance runs twice.
type checker struct {
	mu     sync.Mutex
	begun  time.Time
	runs   map[string]map[string]uint64 // instance -> node -> epoch
	faults []string
}

func (c *checker) of(node string) func(string, uint64, bool) {
	return func(instance string, epoch uint64, runs bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.runs[instance] == nil {
			c.runs[instance] = map[string]uint64{}
		}
		if !runs {
			delete(c.runs[instance], node)
			return
		}
		for other, e := range c.runs[instance] {
			if other != node {
				c.faults = append(c.faults, fmt.Sprintf("%v: %s runs on %s in epoch %d and on %s in epoch %d", time.Since(c.begun), instance, other, e, node, epoch))
			}
		}
		c.runs[instance][node] = epoch
	}
}

// where is the node on which an instance runs now, or "".
func (c *checker) where(instance string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for node := range c.runs[instance] {
		return node
	}
	return ""
}

func (c *checker) found() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.faults)
}

func testLogger() hclog.Logger {
	if os.Getenv("HIVE_TEST_LOG") == "" {
		return hclog.NewNullLogger()
	}
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: os.Stderr})
}

// newWorld returns a running region of that many nodes. It must be ended by end.
func newWorld(t testing.TB, nodes int, seed uint64) *world {
	w := &world{t: t, room: state.Resources{MilliCPU: 4000, MemoryMiB: 8192}, fsms: map[string]*fsm.FSM{}, nodes: map[string]*node{}, begun: time.Now()}
	w.check = &checker{begun: w.begun, runs: map[string]map[string]uint64{}}
	w.cluster = testcluster.New(t, testcluster.Config{Nodes: min(nodes, maxVoters), Seed: seed,
		StateMachine: func(id string) raftnode.StateMachine {
			w.fsms[id] = fsm.New()
			return region.StateMachine(w.fsms[id])
		},
		Configure: func(id string, c *raftnode.Config) {
			c.Prepare = region.Prepare(w.fsms[id], scheduler.New(flat{}))
		}})
	for n := maxVoters; n < nodes; n++ {
		m := w.cluster.Start(testcluster.ID(n), testcluster.NewDisk())
		w.must(w.cluster.Member("n0").Node.AddLearner(t.Context(), m.ID))
	}
	if nodes > maxVoters {
		w.room = state.Resources{MilliCPU: 64000, MemoryMiB: 64 << 10}
	}
	first := region.New("n0", w.fsms["n0"], w.cluster.Member("n0").Node)
	w.must(first.Propose(t.Context(), command.InitRegion{ClusterID: "c-1", Name: "r", FormatLevel: 1, PublicPool: "127.80.0.0/24",
		Zones: []state.Zone{{Name: "z1", ID: "z1"}}}, nil))
	w.must(first.Propose(t.Context(), command.CreateAccount{Account: state.Account{ID: account, Name: "a"}, VPC: state.VPC{ID: "vpc-1", CIDR: "172.31.0.0/16"},
		Group: state.SecurityGroup{ID: "sg-1"}, Subnets: subnets()}, nil))
	var ids []string
	for n := range nodes {
		ids = append(ids, testcluster.ID(n))
	}
	w.must(first.Propose(t.Context(), command.ImportImage{Snapshot: state.Snapshot{ID: "snap-1", AccountID: account, SizeGiB: 1, Nodes: ids},
		Image: state.Image{ID: image, AccountID: account, Name: "i", Devices: []state.ImageDevice{{Name: "/dev/sda1", SnapshotID: "snap-1"}}}}, nil))
	for _, id := range ids {
		w.begin(id)
	}
	return w
}

// subnets are one with public addresses, and one without for many instances.
func subnets() []state.Subnet {
	return []state.Subnet{{ID: "subnet-1", CIDR: "172.31.0.0/20", Zone: "z1", MapPublicIP: true}, {ID: crowdSubnet, CIDR: "172.31.16.0/20", Zone: "z1"}}
}

const crowdSubnet = "subnet-crowd"

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) volumeID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.volumes++
	return fmt.Sprintf("vol-fresh-%d", w.volumes)
}

// begin starts what runs on a node.
func (w *world) begin(id string) {
	w.t.Helper()
	m := w.cluster.Member(id)
	n := &node{id: id, host: simguest.NewHost(100 << 30), region: region.New(id, w.fsms[id], m.Node)}
	w.must(n.host.AddSnapshot("snap-1", 1<<30))
	n.host.Runs = w.check.of(id)
	log := testLogger().With("node", id)
	lessor, err := lease.NewLessor(lease.LessorConfig{Self: id, Region: n.region, Log: m.Node, Server: m.Server, NewVolumeID: w.volumeID, Logger: log})
	w.must(err)
	register := func(ctx context.Context) (uint64, error) {
		var out command.Registered
		err := n.region.Propose(ctx, command.RegisterNode{Node: state.Node{ID: id, Name: id, Zone: "z1", Caps: []string{"ec2"}, Types: []string{"t3.nano"},
			FreeStorageGiB: 100, Schedulable: w.room}}, &out)
		return out.Epoch, err
	}
	n.holder, err = lease.NewHolder(lease.HolderConfig{Self: id, Region: n.region, Log: m.Node, Client: m.Client, Guests: n, Register: register,
		Wanted: func() bool { return state.Nodes.Count(n.region.Local()) > 1 }, Clock: n.host.Clock, Logger: log})
	w.must(err)
	n.exec = executor.New(executor.Config{NodeID: id, Region: n.region, Blocks: n.host, Guests: n.host, Clock: n.host.Clock, Epoch: n.holder.Epoch, Logger: log})
	epoch, err := register(w.t.Context())
	w.must(err)
	n.holder.Registered(epoch)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{lessor.Run, n.holder.Run, n.exec.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				w.t.Errorf("node %s: %v", id, err)
			}
		})
	}
	n.stop = func() { n.host.Thaw(); cancel(); wg.Wait() }
	w.nodes[id] = n
}

// end stops everything.
func (w *world) end() {
	w.cluster.Net.HealAll()
	for _, m := range w.cluster.Members() {
		m.Disk.Resume()
	}
	for _, n := range w.nodes {
		n.stop()
	}
	w.cluster.Close()
}

// run runs a scenario in a bubble, and checks at its end that no instance ever ran twice.
func run(t *testing.T, nodes int, seed uint64, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nodes, seed)
		defer w.end()
		w.until("every node is armed", time.Minute, func() bool {
			armed := 0
			for s := range state.Standings.All(w.view()) {
				if s.Armed {
					armed++
				}
			}
			return nodes == 1 || armed == nodes
		})
		f(w)
		for _, fault := range w.check.found() {
			t.Error(fault)
		}
	})
}

// leader is the node that leads.
func (w *world) leader(not ...string) string { return w.cluster.Leader(not...).ID }

// view is the newest state that any node has.
func (w *world) view() *state.View {
	var best *fsm.FSM
	for _, f := range w.fsms {
		if best == nil || f.Applied() > best.Applied() {
			best = f
		}
	}
	return best.View()
}

// until waits in virtual time.
func (w *world) until(what string, most time.Duration, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(most); ; time.Sleep(50 * time.Millisecond) {
		synctest.Wait()
		if ok() {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%s: not within %v\n%s", what, most, w.describe())
		}
	}
}

// settle waits that long.
func (w *world) settle(d time.Duration) { time.Sleep(d); synctest.Wait() }

// connected is a node that hears and is heard, other than those named.
func (w *world) propose(at string, c command.Command) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return w.nodes[at].region.Propose(ctx, c, nil)
}

// launch starts an instance on a node: the others are cordoned meanwhile.
func (w *world) launch(id, on, recovery string) {
	w.t.Helper()
	at := w.leader()
	for other := range w.nodes {
		w.must(w.propose(at, command.CordonNode{NodeID: other, Cordoned: other != on}))
	}
	l := command.Launch{
		Instance: state.Instance{ID: id, AccountID: account, ImageID: image, Zone: "z1", Type: "t3.nano", Shape: state.Shape{VCPUs: 1, MemoryMiB: 512},
			SubnetID: "subnet-1", ShutdownBehavior: "stop", AutoRecovery: "default", RootDevice: "/dev/sda1",
			Devices: []state.Device{{Name: "/dev/sda1", VolumeID: "vol-" + id, DeleteOnTermination: true}}},
		Interface: state.NetworkInterface{ID: "eni-" + id, SubnetID: "subnet-1", DeleteOnTermination: true},
		Volumes:   []state.Volume{{ID: "vol-" + id, SizeGiB: 1, SnapshotID: "snap-1"}},
	}
	if recovery != "" {
		l.Tags = []command.LaunchTags{{ResourceID: id, ResourceType: "instance", Tags: []state.Tag{{Key: state.RecoveryTag, Value: recovery}}}}
	}
	w.must(w.propose(at, command.RunInstances{AccountID: account, MinCount: 1, Launches: []command.Launch{l}}))
	for other := range w.nodes {
		w.must(w.propose(at, command.CordonNode{NodeID: other}))
	}
	w.until(id+" runs on "+on, time.Minute, func() bool { return w.check.where(id) == on && w.instance(id).State == state.Running })
}

func (w *world) instance(id string) *state.Instance {
	w.t.Helper()
	i, ok := state.Instances.Get(w.view(), account, id)
	if !ok {
		w.t.Fatalf("no instance %s", id)
	}
	return i
}

// freeze stops a machine's agent: it neither sends nor hears nor writes, and its guests go on.
func (w *world) freeze(id string) {
	w.nodes[id].host.Freeze()
	w.cluster.Member(id).Disk.Stall()
	w.cluster.Net.Isolate(id)
}

func (w *world) thaw(id string) {
	w.cluster.Net.HealAll()
	w.cluster.Member(id).Disk.Resume()
	w.nodes[id].host.Thaw()
}

// describe is the state in words, for transcripts and failures.
func (w *world) describe() string {
	var b strings.Builder
	v := w.view()
	for n := range state.Nodes.All(v) {
		s := v.Standing(n.ID)
		fmt.Fprintf(&b, "%s epoch=%d lost=%v armed=%v draining=%v\n", n.Name, n.Epoch, s.Lost, s.Armed, s.Draining)
	}
	for i := range state.Instances.All(v) {
		fmt.Fprintf(&b, "%s %s on %s, runs on [%s] %s\n", i.ID, i.State, i.NodeID, w.check.where(i.ID), i.Reason.Message)
	}
	return b.String()
}
