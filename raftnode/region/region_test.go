// SPDX-License-Identifier: Apache-2.0

package region_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/raftnode/region"
)

const account = "111111111111"

// lockstep is a log whose leader prepares every entry that waits on one state, before it appends any: the worst that
// concurrent proposers can meet.
type lockstep struct {
	fsm     *fsm.FSM
	prepare func(context.Context, []byte) ([]byte, error)
	waiting chan entry
	index   uint64
}

type entry struct {
	data   []byte
	answer chan []byte
}

func (l *lockstep) Propose(_ context.Context, data []byte) ([]byte, uint64, error) {
	e := entry{data, make(chan []byte)}
	l.waiting <- e
	return <-e.answer, 0, nil
}

func (l *lockstep) ReadIndex(context.Context) error { return nil }

// round carries out what waits now; false when nothing does.
func (l *lockstep) round(t *testing.T) bool {
	t.Helper()
	synctest.Wait()
	var batch []entry
	for range len(l.waiting) {
		e := <-l.waiting
		var err error
		if e.data, err = l.prepare(t.Context(), e.data); err != nil {
			t.Fatal(err)
		}
		batch = append(batch, e)
	}
	for _, e := range batch {
		l.index++
		e.answer <- l.fsm.Apply(l.index, e.data)
	}
	return len(batch) > 0
}

func (l *lockstep) must(t *testing.T, c command.Command) {
	t.Helper()
	l.index++
	e := command.Envelope{Command: c, Request: command.RequestID{byte(l.index), 1}}
	b, err := command.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := command.DecodeResult(l.fsm.Apply(l.index, b), nil); err != nil {
		t.Fatal(err)
	}
}

// first plans every instance on the first node that its group allows.
type first struct{}

func (first) Plan(v *state.View, c command.Command) command.Command {
	run := c.(command.RunInstances)
	g, _ := state.PlacementGroups.Get(v, account, run.Launches[0].Instance.PlacementGroupID)
	run.Planned, run.Plan, run.Refusal = true, nil, command.Errorf("InsufficientInstanceCapacity", "No node is left.")
	for n := range state.Nodes.All(v) {
		if v.GroupUse(g, nil).Forbids(n, 0) == "" {
			run.Plan, run.Refusal = []command.Assignment{{NodeID: n.ID}}, nil
			break
		}
	}
	return run
}

func newLockstep(t *testing.T, nodes int) *lockstep {
	t.Helper()
	l := &lockstep{fsm: fsm.New(), waiting: make(chan entry, 100)}
	l.prepare = region.Prepare(l.fsm, first{})
	l.must(t, command.InitRegion{ClusterID: "c-1", Name: "r1", FormatLevel: 1, PublicPool: "127.80.0.0/16", Zones: []state.Zone{{Name: "r1a", ID: "r1-az1"}}})
	l.must(t, command.CreateAccount{Account: state.Account{ID: account, Name: "a"}, VPC: state.VPC{ID: "vpc-1", CIDR: "172.31.0.0/16"},
		Group: state.SecurityGroup{ID: "sg-1"}, Subnets: []state.Subnet{{ID: "subnet-1", CIDR: "172.31.0.0/20", Zone: "r1a"}}})
	for n := range nodes {
		id := fmt.Sprintf("n-%02d", n)
		l.must(t, command.RegisterNode{Node: state.Node{ID: id, Name: id, Zone: "r1a", Caps: []string{"ec2"}, Types: []string{"t3.nano"}}})
	}
	l.must(t, command.ImportImage{Snapshot: state.Snapshot{ID: "snap-1", AccountID: account, SizeGiB: 1}, Image: state.Image{ID: "ami-1", AccountID: account, Name: "a"}})
	l.must(t, command.CreatePlacementGroup{Group: state.PlacementGroup{ID: "pg-1", AccountID: account, Name: "g", Strategy: state.SpreadStrategy, SpreadLevel: state.SpreadHost}})
	return l
}

// Forty launches into a spread group at the same moment, each planned on the state before all of them, find forty nodes;
// one more finds none and says so.
func TestPropose_LaunchesAtOnceFindTheirPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const nodes = 40
		l := newLockstep(t, nodes)
		r := region.New("n-00", l.fsm, l)
		errs := make(chan error, nodes+1)
		for n := range nodes + 1 {
			go func() {
				id := fmt.Sprint(n)
				errs <- r.Propose(t.Context(), command.RunInstances{AccountID: account, MinCount: 1, Launches: []command.Launch{{
					Instance:  state.Instance{ID: "i-" + id, AccountID: account, ImageID: "ami-1", Zone: "r1a", Type: "t3.nano", SubnetID: "subnet-1", PlacementGroupID: "pg-1"},
					Interface: state.NetworkInterface{ID: "eni-" + id, SubnetID: "subnet-1"}}}}, nil)
			}()
		}
		for l.round(t) {
		}
		refused := 0
		for range nodes + 1 {
			var refusal *command.Error
			if err := <-errs; errors.As(err, &refusal) && refusal.Code == "InsufficientInstanceCapacity" && refusal.Message == "No node is left." {
				refused++
			} else if err != nil {
				t.Errorf("launch: %v", err)
			}
		}
		if got := state.Instances.Count(l.fsm.View()); got != nodes || refused != 1 {
			t.Errorf("%d instances and %d refusals, want %d and 1", got, refused, nodes)
		}
	})
}

// What a later format level brought is kept out of the log of a region that is below it: a node with the version before
// could not apply it. The test's log has no leader, so a command that got there would wait for ever.
func TestPropose_LaterCommandsWaitForTheUpgrade(t *testing.T) {
	t.Parallel()
	l := newLockstep(t, 1)
	r := region.New("n-00", l.fsm, l)
	later := 0
	for _, c := range command.All() {
		if command.Since(c) == 1 {
			continue
		}
		later++
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		var refusal *command.Error
		if err := r.Propose(ctx, c, nil); !errors.As(err, &refusal) || refusal.Code != command.UnsupportedFormatLevel {
			t.Errorf("%T: got %v", c, err)
		}
		cancel()
	}
	var refusal *command.Error
	if err := r.Propose(t.Context(), command.SetSetting{Key: state.SettingMTU, Value: "1400"}, nil); !errors.As(err, &refusal) || refusal.Code != command.UnsupportedFormatLevel {
		t.Errorf("a later setting: got %v", err)
	}
	if later == 0 || len(l.waiting) > 0 {
		t.Errorf("%d later commands, %d entries in the log", later, len(l.waiting))
	}
}
