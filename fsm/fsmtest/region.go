// SPDX-License-Identifier: Apache-2.0

// Package fsmtest is a region in one process for tests of what stands above the state machine: the real state
// machine, no log, no network, and a planner that puts every instance on the first node that offers its type.
package fsmtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// NodeID is the one node of a test region; Zone is its zone.
const (
	NodeID = "n-test"
	Zone   = "eu-test-1a"
	Name   = "eu-test-1"
)

// Region is a region of one replica.
type Region struct {
	FSM *fsm.FSM

	mu    sync.Mutex
	index uint64
	now   time.Time
}

// NewRegion returns an initialised region with one node that offers types (t3.* and t2.* when none are given) and
// no accounts.
func NewRegion(tb testing.TB, types ...string) *Region {
	tb.Helper()
	r := &Region{FSM: fsm.New(), now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	if len(types) == 0 {
		for _, family := range []string{"t2", "t3"} {
			for _, size := range []string{"nano", "micro", "small", "medium", "large", "xlarge", "2xlarge"} {
				types = append(types, family+"."+size)
			}
		}
	}
	r.must(tb, command.InitRegion{
		ClusterID: "c-00000001", Name: Name, FormatLevel: state.FormatLevel, PublicPool: "127.80.0.0/16", MaxVCPUs: 1024,
		Zones: []state.Zone{{Name: Zone, ID: "eut1-az1", State: "available"}, {Name: Name + "b", ID: "eut1-az2", State: "available"}},
	})
	r.must(tb, command.RegisterNode{Node: state.Node{
		ID: NodeID, Name: "test", Zone: Zone, Caps: []string{"api", "ebs", "ec2", "raft", "s3", "vpc"}, Accel: "tcg",
		Physical: state.Resources{MilliCPU: 64000, MemoryMiB: 1 << 20}, Schedulable: state.Resources{MilliCPU: 64000, MemoryMiB: 1 << 20},
		Types: types, FormatLevel: state.FormatLevel,
	}})
	return r
}

// AddAccount makes an account of 12 digits with a root user, an admin user "admin" and a default VPC.
func (r *Region) AddAccount(tb testing.TB, id string) {
	tb.Helper()
	r.must(tb, newAccount(id))
}

// AddImage makes an image of one root snapshot of size GiB and answers with the image's id.
func (r *Region) AddImage(tb testing.TB, account, name string, size int64) string {
	tb.Helper()
	n := r.FSM.Applied() + 1
	image, snap := fmt.Sprintf("ami-%017x", n), fmt.Sprintf("snap-%017x", n)
	r.must(tb, command.ImportImage{
		Snapshot: state.Snapshot{ID: snap, AccountID: account, VolumeID: "vol-ffffffff", SizeGiB: size, Bytes: size << 30, Nodes: []string{NodeID}},
		Image: state.Image{ID: image, AccountID: account, Name: name, Arch: "x86_64", RootDevice: "/dev/sda1", BootMode: "uefi-preferred", ENASupport: true,
			Devices: []state.ImageDevice{{Name: "/dev/sda1", SnapshotID: snap, SizeGiB: size, Type: "gp3", DeleteOnTermination: true}}},
	})
	return image
}

// Observe reports one observation of an instance by its node.
func (r *Region) Observe(tb testing.TB, instance, saw string) {
	tb.Helper()
	i, ok := state.Instances.Get(r.FSM.View(), state.AnyAccount, instance)
	if !ok {
		tb.Fatalf("observe instance %s: no such instance", instance)
	}
	r.must(tb, command.ReportInstances{NodeID: i.NodeID, Reports: []command.InstanceReport{
		{InstanceID: i.ID, Epoch: i.Epoch, Generation: i.Generation, Saw: saw}}})
}

// Advance moves the region's clock.
func (r *Region) Advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// View is the state now.
func (r *Region) View(context.Context) (*state.View, error) { return r.FSM.View(), nil }

// Local is the state now.
func (r *Region) Local() *state.View { return r.FSM.View() }

// Changed is closed when the state changes after the call.
func (r *Region) Changed() <-chan struct{} { return r.FSM.Changed() }

// Propose plans and applies a command, through its encoding as the log would. A refusal is a *command.Error.
func (r *Region) Propose(_ context.Context, c command.Command, into any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index++
	r.now = r.now.Add(time.Millisecond)
	e := command.Envelope{Time: state.At(r.now), Node: NodeID, Command: r.plan(c)}
	binary.BigEndian.PutUint64(e.Request[:], r.index)
	b, err := command.Encode(e)
	if err != nil {
		return err
	}
	return command.DecodeResult(r.FSM.Apply(r.index, b), into)
}

// plan puts everything on the one node, unless a planner was there before.
func (r *Region) plan(c command.Command) command.Command {
	place := func(i state.Instance) command.Assignment {
		return command.Assignment{NodeID: NodeID, BootMode: "legacy-bios",
			Charge: state.Resources{MilliCPU: int64(i.Shape.VCPUs) * 250, MemoryMiB: i.Shape.MemoryMiB}}
	}
	switch c := c.(type) {
	case command.RunInstances:
		if c.Planned {
			return c
		}
		c.Planned = true
		for _, l := range c.Launches {
			c.Plan = append(c.Plan, place(l.Instance))
		}
		return c
	case command.StartInstances:
		if c.Planned {
			return c
		}
		c.Planned, c.Plan = true, map[string]command.Assignment{}
		for _, id := range c.InstanceIDs {
			if i, ok := state.Instances.Get(r.FSM.View(), state.AnyAccount, id); ok {
				c.Plan[id] = place(*i)
			}
		}
		return c
	}
	return c
}

func (r *Region) must(tb testing.TB, c command.Command) {
	tb.Helper()
	if err := r.Propose(tb.Context(), c, nil); err != nil {
		tb.Fatalf("propose %T: %v", c, err)
	}
}
