// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// TestRegionAtSize_LossAndDrain runs a whole region of many nodes in one process: real log, state machine, scheduler, leases
// and executors, and simulated guests. Half of the instances are to be made anew where their node is lost.
func TestRegionAtSize_LossAndDrain(t *testing.T) {
	t.Parallel()
	nodes, instances := 10, 100
	if os.Getenv("HIVE_SOAK") != "" {
		nodes, instances = 50, 2000
	}
	run(t, nodes, 1, func(w *world) {
		defer w.lap(fmt.Sprintf("%d nodes, %d instances", nodes, instances))()
		w.fill(instances)
		w.loseSome("n7", "n8", w.leader())
		w.drain("n6")
		w.sameEverywhere()
	})
}

// lap says how long a step took in virtual time.
func (w *world) lap(what string) func() {
	begun := time.Now()
	return func() { w.t.Logf("%s: %v of virtual time", what, time.Since(begun).Round(time.Millisecond)) }
}

// fill launches that many instances, a hundred at a time, and waits until all run, evenly over the nodes.
func (w *world) fill(instances int) {
	w.t.Helper()
	defer w.lap("launched")()
	for first := 0; first < instances; first += 100 {
		c := command.RunInstances{AccountID: account, MinCount: 100}
		for n := first; n < first+100; n++ {
			c.Launches = append(c.Launches, crowdLaunch(n))
		}
		w.must(w.propose(w.leader(), c))
	}
	w.until("all run", time.Minute, func() bool {
		running := 0
		for i := range state.Instances.All(w.view()) {
			if i.State == state.Running && w.check.where(i.ID) == i.NodeID {
				running++
			}
		}
		return running == instances
	})
	share := instances / len(w.nodes)
	for id := range w.nodes {
		if has := len(w.on(id)); has < share-1 || has > share+1 {
			w.t.Errorf("node %s has %d instances, an even share is %d", id, has, share)
		}
	}
}

// crowdLaunch is the n-th instance of many; every other one is to be made anew.
func crowdLaunch(n int) command.Launch {
	id := fmt.Sprintf("i-%05d", n)
	l := command.Launch{
		Instance: state.Instance{ID: id, AccountID: account, ImageID: image, Zone: "z1", Type: "t3.nano", Shape: state.Shape{VCPUs: 1, MemoryMiB: 512},
			SubnetID: crowdSubnet, ShutdownBehavior: "stop", AutoRecovery: "default", RootDevice: "/dev/sda1",
			Devices: []state.Device{{Name: "/dev/sda1", VolumeID: "vol-" + id, DeleteOnTermination: true}}},
		Interface: state.NetworkInterface{ID: "eni-" + id, SubnetID: crowdSubnet, DeleteOnTermination: true},
		Volumes:   []state.Volume{{ID: "vol-" + id, SizeGiB: 1, SnapshotID: "snap-1"}},
	}
	if n%2 == 0 {
		l.Tags = []command.LaunchTags{{ResourceID: id, ResourceType: "instance", Tags: []state.Tag{{Key: state.RecoveryTag, Value: "remake"}}}}
	}
	return l
}

// on are the instances that a node has.
func (w *world) on(node string) []string {
	var ids []string
	for i := range state.Instances.List(w.view(), state.ByNode, node) {
		ids = append(ids, i.ID)
	}
	return ids
}

// loseSome cuts nodes off at one moment, and checks that each of their instances runs elsewhere, or says why it does not,
// within the budget of the loss of a leader; then lets them come back.
func (w *world) loseSome(victims ...string) {
	w.t.Helper()
	was := map[string]string{}
	for _, v := range victims {
		for _, id := range w.on(v) {
			was[id] = v
		}
	}
	if len(was) == 0 {
		w.t.Fatal("the nodes to be lost have no instances")
	}
	cut := w.lap(fmt.Sprintf("lost %v with %d instances", victims, len(was)))
	for _, v := range victims {
		w.cluster.Net.Isolate(v)
	}
	w.until("every instance of the lost nodes runs elsewhere or says why not", leaderBudget, func() bool {
		for id, node := range was {
			i := w.instance(id)
			elsewhere := i.State == state.Running && i.NodeID != node && w.check.where(id) == i.NodeID
			explained := i.State == state.Stopped && i.Reason.Message != "" && !w.view().Remakes(i)
			if !elsewhere && !explained {
				return false
			}
		}
		return true
	})
	cut()
	w.cluster.Net.HealAll()
	w.until("the lost nodes are back and rid of their old guests", time.Minute, func() bool {
		for id, node := range was {
			if s := w.view().Standing(node); s.Lost || !s.Armed {
				return false
			}
			if _, guest := w.nodes[node].host.Guest(id); guest {
				return false
			}
		}
		return true
	})
}

// drain empties a node: what is to be made anew runs elsewhere, and the rest has stopped and says why.
func (w *world) drain(node string) {
	w.t.Helper()
	defer w.lap("drained")()
	had := w.on(node)
	w.must(w.propose(w.leader(), command.DrainNode{NodeID: node, Draining: true}))
	w.until("the node is empty of guests", 2*time.Minute, func() bool {
		for _, id := range had {
			i := w.instance(id)
			moved := i.State == state.Running && i.NodeID != node && w.check.where(id) == i.NodeID
			stopped := i.State == state.Stopped && !w.view().Remakes(i) && i.Reason.Message != ""
			if !moved && !stopped {
				return false
			}
		}
		return true
	})
}

// sameEverywhere waits until all replicas hold the same entries, and compares their states.
func (w *world) sameEverywhere() {
	w.t.Helper()
	for _, n := range w.nodes {
		n.stop()
	}
	leader := w.fsms[w.leader()]
	w.until("all replicas hold the same entries", time.Minute, func() bool {
		for _, f := range w.fsms {
			if f.Applied() != leader.Applied() {
				return false
			}
		}
		return true
	})
	for id, f := range w.fsms {
		if f.Hash() != leader.Hash() {
			w.t.Errorf("the state of %s differs from the leader's", id)
		}
	}
}
