// SPDX-License-Identifier: Apache-2.0

package region_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/testcluster"
	"github.com/hivecloud/hive/raftnode"
	"github.com/hivecloud/hive/raftnode/region"
)

const (
	chaosAccount = "111111111111"
	chaosImage   = "ami-1"
	members      = 3
	never        = int64(1) << 60 // when an operation returned whose outcome nobody knows
)

// fault is a seeded fault: the checker has to find it.
type fault int

const (
	noFault       fault = iota
	dropsTokens         // the leader forgets client tokens
	readsOldState       // reads skip the read index
	plansOldState       // the leader plans on the state of a while ago
)

// chaos is a region of three members with API clients and a saboteur at work on it.
type chaos struct {
	t      *testing.T
	fault  fault
	length time.Duration
	c      *testcluster.Cluster
	start  time.Time

	mu      sync.Mutex
	fsms    map[string]*fsm.FSM
	old     *state.View // what plansOldState plans on
	oldAt   time.Time
	history map[string][]porcupine.Operation
	harm    map[string]int
	next    int
}

// one charges one unit an instance: a node has as many places as milli-CPUs.
type one struct{}

func (one) Charge(string, state.Shape, string) state.Resources { return state.Resources{MilliCPU: 1} }

func (x *chaos) now() int64 { return int64(time.Since(x.start)) }

func (x *chaos) record(history string, op porcupine.Operation) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.history[history] = append(x.history[history], op)
}

// id is a new number, which no other command of the run has.
func (x *chaos) id() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next++
	return x.next
}

func (x *chaos) stateMachine(id string) raftnode.StateMachine {
	f := fsm.New()
	x.mu.Lock()
	x.fsms[id] = f
	x.mu.Unlock()
	return region.StateMachine(f)
}

// prepare is the leader's planning, with its seeded faults.
func (x *chaos) prepare(id string) func(context.Context, []byte) ([]byte, error) {
	x.mu.Lock()
	f := x.fsms[id]
	x.mu.Unlock()
	plan := scheduler.New(one{})
	sound := region.Prepare(f, plan)
	return func(ctx context.Context, data []byte) ([]byte, error) {
		e, err := command.Decode(data)
		if err != nil {
			return nil, err
		}
		c, launch := e.Command.(command.RunInstances)
		switch {
		case launch && x.fault == dropsTokens:
			c.Token = ""
			e.Command = plan.Plan(f.View(), c)
			return command.Encode(e)
		case launch && x.fault == plansOldState:
			e.Command = plan.Plan(x.oldView(f), c)
			return command.Encode(e)
		}
		return sound(ctx, data)
	}
}

// oldView is a state that is up to two seconds old.
func (x *chaos) oldView(f *fsm.FSM) *state.View {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.old == nil || time.Since(x.oldAt) > 2*time.Second {
		x.old, x.oldAt = f.View(), time.Now()
	}
	return x.old
}

// door is a member's door to the region; nil while it does not run.
func (x *chaos) door(n int) *region.Region {
	id := testcluster.ID(n)
	m := x.c.Member(id)
	if m == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return region.New(id, x.fsms[id], m.Node)
}

// call carries a command out as an SDK does: tried again at another member while the outcome is unknown. retry makes the
// command anew, as the handler of each try does. unknown tells that it was given up.
func (x *chaos) call(ctx context.Context, rng *rand.Rand, into any, retry func() command.Command) (at *region.Region, refusal *command.Error, unknown bool) {
	return x.callTries(ctx, rng, into, retry, func(int64) {})
}

// callTries is call, and tells lost of every try whose outcome is unknown when it began. Such a try may take effect before
// or after the one that is answered: on its way to the leader it can be overtaken.
func (x *chaos) callTries(ctx context.Context, rng *rand.Rand, into any, retry func() command.Command, lost func(began int64)) (at *region.Region, refusal *command.Error, unknown bool) {
	for range 8 {
		at = x.door(rng.IntN(members))
		if at == nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		began := x.now()
		err := at.Propose(ctx, retry(), into)
		if err == nil {
			return at, nil, false
		}
		if errors.As(err, &refusal) {
			return at, refusal, false
		}
		lost(began)
		time.Sleep(time.Duration(50+rng.IntN(200)) * time.Millisecond)
	}
	return at, nil, true
}

// furnish makes what the clients work on: zone a has room for everybody, zone b for eight instances.
func (x *chaos) furnish() {
	x.t.Helper()
	r := x.door(0)
	var commands []command.Command
	commands = append(commands,
		command.InitRegion{ClusterID: "c-1", Name: "r", FormatLevel: state.FormatLevel, Zones: []state.Zone{{Name: "a", ID: "a"}, {Name: "b", ID: "b"}}},
		command.CreateAccount{Account: state.Account{ID: chaosAccount, Name: "a"}, VPC: state.VPC{ID: "vpc-1", CIDR: "10.0.0.0/16"}, Group: state.SecurityGroup{ID: "sg-1"},
			Subnets: []state.Subnet{{ID: "subnet-a", CIDR: "10.0.0.0/20", Zone: "a"}, {ID: "subnet-b", CIDR: "10.0.16.0/24", Zone: "b"}}},
		command.ImportImage{Snapshot: state.Snapshot{ID: "snap-1", AccountID: chaosAccount, SizeGiB: 1, Nodes: []string{"w0"}},
			Image: state.Image{ID: chaosImage, AccountID: chaosAccount, Name: "i", Devices: []state.ImageDevice{{Name: "/dev/sda1", SnapshotID: "snap-1"}}}})
	for n, places := range []int64{1 << 20, 5, 3} {
		zone := "b"
		if n == 0 {
			zone = "a"
		}
		commands = append(commands, command.RegisterNode{Node: state.Node{ID: fmt.Sprint("w", n), Name: fmt.Sprint("w", n), Zone: zone, Caps: []string{"ec2"},
			Types: []string{"t3.nano"}, FormatLevel: state.FormatLevel, FreeStorageGiB: 1 << 20, Schedulable: state.Resources{MilliCPU: places, MemoryMiB: 1 << 20}}})
	}
	for _, c := range commands {
		if err := r.Propose(x.t.Context(), c, nil); err != nil {
			x.t.Fatalf("%T: %v", c, err)
		}
	}
}

// launch is RunInstances as a handler prepares it: with new ids each time.
func (x *chaos) launch(zone, token string) (command.RunInstances, string) {
	n := x.id()
	id := fmt.Sprintf("i-%05d", n)
	return command.RunInstances{AccountID: chaosAccount, MinCount: 1, Token: token, ParamsHash: zone, Launches: []command.Launch{{
		Instance: state.Instance{ID: id, AccountID: chaosAccount, ImageID: chaosImage, Zone: zone, Type: "t3.nano", Shape: state.Shape{VCPUs: 1, MemoryMiB: 512},
			SubnetID: "subnet-" + zone, ShutdownBehavior: "stop"},
		Interface: state.NetworkInterface{ID: fmt.Sprintf("eni-%05d", n), SubnetID: "subnet-" + zone, DeleteOnTermination: true},
	}}}, id
}

// runChaos runs one seed.
func runChaos(t *testing.T, seed uint64, length time.Duration, f fault) *chaos {
	t.Helper()
	x := &chaos{fault: f, length: length, fsms: map[string]*fsm.FSM{}, history: map[string][]porcupine.Operation{}}
	synctest.Test(t, func(t *testing.T) {
		x.t = t // its context is of the bubble, and the outer one's is not
		x.c = testcluster.New(t, testcluster.Config{Nodes: members, Seed: seed, StateMachine: x.stateMachine,
			Configure: func(id string, c *raftnode.Config) {
				c.Prepare, c.RetryFor = x.prepare(id), 2*time.Second
				c.SnapshotEvery, c.SnapshotCheck, c.Trailing = 200, 2*time.Second, 50
			}})
		defer x.c.Close()
		x.furnish()
		x.start = time.Now()
		var wg sync.WaitGroup
		for n, client := range []func(context.Context, int, *rand.Rand){x.sharesTokens, x.sharesTokens, x.sharesTokens, x.tags, x.tags, x.tags, x.allocates, x.allocates, x.allocates} {
			wg.Go(func() { client(t.Context(), n, rand.New(rand.NewPCG(seed, uint64(n)+100))) })
		}
		x.harm = x.c.Sabotage(t.Context(), rand.New(rand.NewPCG(seed, 99)), length)
		wg.Wait()
		x.compare(t)
	})
	return x
}

// compare waits until all replicas hold the same entries and checks that they hold the same state.
func (x *chaos) compare(t *testing.T) {
	t.Helper()
	for range 600 {
		same := true
		for id := range x.fsms {
			same = same && x.fsms[id].Applied() == x.fsms[testcluster.ID(0)].Applied()
		}
		if same {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for id, f := range x.fsms {
		if first := x.fsms[testcluster.ID(0)]; f.Applied() != first.Applied() || f.Hash() != first.Hash() {
			t.Errorf("replica %s is at %d with hash %x, n0 at %d with %x", id, f.Applied(), f.Hash(), first.Applied(), first.Hash())
		}
	}
	for _, w := range []string{"w1", "w2"} {
		v := x.fsms[testcluster.ID(0)].View()
		n, _ := state.Nodes.Get(v, state.AnyAccount, w)
		if used := v.Allocated(w); !used.Fits(n.Schedulable) {
			t.Errorf("node %s is overcommitted: %+v of %+v", w, used, n.Schedulable)
		}
	}
}
