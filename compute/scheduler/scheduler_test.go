// SPDX-License-Identifier: Apache-2.0

package scheduler_test

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// flat charges what the shape says: no overcommit, no overhead.
type flat struct{}

func (flat) Charge(_ string, s state.Shape, _ string) state.Resources {
	return state.Resources{MilliCPU: int64(s.VCPUs) * 1000, MemoryMiB: s.MemoryMiB}
}

// world is a state machine that a transcript builds up.
type world struct {
	t     *testing.T
	fsm   *fsm.FSM
	index uint64
	nodes map[string]state.Node
}

const account = "111111111111"

func (w *world) apply(c command.Command, into any) error {
	w.index++
	e := command.Envelope{Time: state.Time(w.index), Command: c}
	binary.BigEndian.PutUint64(e.Request[:], w.index)
	b, err := command.Encode(e)
	if err != nil {
		return err
	}
	return command.DecodeResult(w.fsm.Apply(w.index, b), into)
}

func (w *world) must(c command.Command) {
	w.t.Helper()
	if err := w.apply(c, nil); err != nil {
		w.t.Fatalf("apply %T: %v", c, err)
	}
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, fsm: fsm.New(), nodes: map[string]state.Node{}}
	w.must(command.InitRegion{ClusterID: "c-1", Name: "r1", FormatLevel: 1, PublicPool: "127.80.0.0/16",
		Zones: []state.Zone{{Name: "r1a", ID: "r1-az1"}, {Name: "r1b", ID: "r1-az2"}}})
	w.must(command.CreateAccount{Account: state.Account{ID: account, Name: "a"},
		VPC: state.VPC{ID: "vpc-1", CIDR: "172.31.0.0/16"}, Group: state.SecurityGroup{ID: "sg-1"},
		Subnets: []state.Subnet{{ID: "subnet-r1a", CIDR: "172.31.0.0/20", Zone: "r1a"}, {ID: "subnet-r1b", CIDR: "172.31.16.0/20", Zone: "r1b"}}})
	return w
}

func number(t *testing.T, d *datadriven.TestData, key string, def int) int {
	for _, arg := range d.CmdArgs {
		if arg.Key == key {
			n, err := strconv.Atoi(arg.Vals[0])
			if err != nil {
				t.Fatalf("%s: %v", d.Pos, err)
			}
			return n
		}
	}
	return def
}

func text(d *datadriven.TestData, key, def string) string {
	for _, arg := range d.CmdArgs {
		if arg.Key == key {
			return arg.Vals[0]
		}
	}
	return def
}

// TestPlans replays the transcripts in testdata; `go test -rewrite` writes their expected parts anew.
func TestPlans(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		w := newWorld(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return w.step(t, d) })
	})
}

// step carries out one command of a transcript.
func (w *world) step(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "node": // node n1 [zone=r1a] [domain=n1] [cpu=4] [mem=4096] [caps=ec2] [type=t3.nano] [disk=100]
		n := state.Node{ID: d.CmdArgs[0].Key, Name: d.CmdArgs[0].Key, Zone: text(d, "zone", "r1a"), FailureDomain: text(d, "domain", d.CmdArgs[0].Key), Accel: "tcg",
			Caps: []string{text(d, "caps", "ec2")}, Types: []string{text(d, "type", "t3.nano")}, FreeStorageGiB: int64(number(t, d, "disk", 100)),
			Schedulable: state.Resources{MilliCPU: int64(number(t, d, "cpu", 4)) * 1000, MemoryMiB: int64(number(t, d, "mem", 4096))}}
		w.must(command.RegisterNode{Node: n})
		return ""
	case "image": // image ami-1 nodes=(n1,n2)
		var nodes []string
		for _, arg := range d.CmdArgs {
			if arg.Key == "nodes" {
				nodes = arg.Vals
			}
		}
		id := d.CmdArgs[0].Key
		w.must(command.ImportImage{Snapshot: state.Snapshot{ID: "snap-" + id, AccountID: account, SizeGiB: 1, Nodes: nodes},
			Image: state.Image{ID: id, AccountID: account, Name: id, Devices: []state.ImageDevice{{Name: "/dev/sda1", SnapshotID: "snap-" + id}}}})
		return ""
	case "group": // group NAME strategy=spread [level=rack] [partitions=2]
		g := state.PlacementGroup{ID: "pg-" + d.CmdArgs[0].Key, AccountID: account, Name: d.CmdArgs[0].Key, Strategy: text(d, "strategy", ""),
			SpreadLevel: text(d, "level", ""), Partitions: number(t, d, "partitions", 0)}
		w.must(command.CreatePlacementGroup{Group: g})
		return ""
	case "run": // run NAME image=ami-1 [count=1] [min=1] [zone=r1a] [vcpus=1] [mem=512] [type=t3.nano] [group=NAME] [partition=1]
		return w.launch(t, d)
	case "see": // see NAME running|stopped|terminated
		i, _ := state.Instances.Get(w.fsm.View(), account, d.CmdArgs[0].Key)
		w.must(command.ReportInstances{NodeID: i.NodeID, Reports: []command.InstanceReport{{InstanceID: i.ID, Epoch: i.Epoch, Saw: d.CmdArgs[1].Key}}})
		return ""
	case "stop":
		w.must(command.StopInstances{AccountID: account, InstanceIDs: []string{d.CmdArgs[0].Key}})
		return ""
	case "start":
		c := scheduler.New(flat{}).Plan(w.fsm.View(), command.StartInstances{AccountID: account, InstanceIDs: []string{d.CmdArgs[0].Key}}).(command.StartInstances)
		if c.Refusal != nil {
			return c.Refusal.Error() + "\n"
		}
		w.must(c)
		return assigned(d.CmdArgs[0].Key, c.Plan[d.CmdArgs[0].Key])
	}
	t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	return ""
}

// assigned is a placement as transcripts show it.
func assigned(id string, p command.Assignment) string {
	if p.Partition == 0 {
		return fmt.Sprintf("%s on %s\n", id, p.NodeID)
	}
	return fmt.Sprintf("%s on %s in partition %d\n", id, p.NodeID, p.Partition)
}

func (w *world) launch(t *testing.T, d *datadriven.TestData) string {
	c := command.RunInstances{AccountID: account, MinCount: number(t, d, "min", 1)}
	name, zone, image := d.CmdArgs[0].Key, text(d, "zone", "r1a"), text(d, "image", "ami-1")
	group := text(d, "group", "")
	if group != "" {
		group = "pg-" + group
	}
	for n := range number(t, d, "count", 1) {
		id := name
		if n > 0 {
			id = fmt.Sprintf("%s.%d", name, n)
		}
		c.Launches = append(c.Launches, command.Launch{
			Instance: state.Instance{ID: id, AccountID: account, ImageID: image, Zone: zone, Type: text(d, "type", "t3.nano"), SubnetID: "subnet-" + zone,
				PlacementGroupID: group, Partition: number(t, d, "partition", 0),
				Shape: state.Shape{VCPUs: number(t, d, "vcpus", 1), MemoryMiB: int64(number(t, d, "mem", 512))}, Devices: []state.Device{{Name: "/dev/sda1", VolumeID: "vol-" + id}}},
			Interface: state.NetworkInterface{ID: "eni-" + id, SubnetID: "subnet-" + zone},
			Volumes:   []state.Volume{{ID: "vol-" + id, SnapshotID: "snap-" + image}},
		})
	}
	c = scheduler.New(flat{}).Plan(w.fsm.View(), c).(command.RunInstances)
	if c.Refusal != nil {
		return c.Refusal.Error() + "\n"
	}
	w.must(c)
	var out strings.Builder
	for n, p := range c.Plan {
		out.WriteString(assigned(c.Launches[n].Instance.ID, p))
	}
	return out.String()
}
