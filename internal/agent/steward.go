// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/gossip"
	"github.com/hivecloud/hive/internal/clusterfile"
	"github.com/hivecloud/hive/internal/vfs"
)

const (
	// stewardEvery is how often the leader looks after the cluster.
	stewardEvery = time.Second
	changeTime   = 10 * time.Second
	blockSize    = 4096
)

// steward is what the leader does for the cluster: it decides who votes, publishes the settings and carries rotations on. It is level
// triggered; a new leader goes on where the old one stopped.
func (a *Agent) steward(ctx context.Context) error {
	for sleep(ctx, stewardEvery) == nil {
		if !a.truth.leads() {
			continue
		}
		if _, ok := a.region.Local().Cluster(); !ok {
			continue
		}
		if err := errors.Join(a.seatVoters(ctx), a.publishSettings(ctx), a.advanceRotations(ctx)); err != nil && ctx.Err() == nil {
			a.log.Warn("the cluster is not as it should be, trying again", "error", err)
		}
	}
	return nil
}

// seatVoters makes one change of the log's configuration, if one is due.
func (a *Agent) seatVoters(ctx context.Context) error {
	change, ok := nextSeat(a.seats(), a.config.Raft.ReplaceAfter)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	a.log.Info("changing the members of the log", "change", change.op, "node", change.node, "reason", change.reason)
	var err error
	switch change.op {
	case seatPromote:
		err = a.truth.node.AddVoter(ctx, change.node)
	case seatDemote:
		err = a.truth.node.Demote(ctx, change.node)
	case seatYield:
		err = a.truth.node.TransferLeadership(ctx, change.to)
	case seatRemove:
		if err = a.truth.node.Remove(ctx, change.node); err == nil {
			a.gossip.Forget(change.node)
		}
	}
	if err != nil {
		return fmt.Errorf("%s node %s: %w", change.op, change.node, err)
	}
	return nil
}

// seats are the members of the log as this node sees them.
func (a *Agent) seats() []seat {
	v := a.region.Local()
	var out []seat
	for _, p := range a.truth.node.Peers() {
		s := seat{ID: p.ID, Domain: p.ID, Voter: p.Voter, Leader: p.ID == a.id.NodeID}
		m, isMember := state.Members.Get(v, state.AnyAccount, p.ID)
		s.Gone = !isMember || m.Ejected
		if n, ok := state.Nodes.Get(v, state.AnyAccount, p.ID); ok {
			s.Domain = n.FailureDomain
			// Who leads holds the virtual address, if there is one.
			s.Fit = !s.Gone && m.Registered != 0 && n.HasCap("raft") && (n.HasCap("api") || !a.config.Network.VirtualIP.IsValid())
		}
		s.Alive, s.Dead = a.liveness(p.ID)
		out = append(out, s)
	}
	return out
}

// liveness is whether gossip hears of a node, and for how long it has not. One that was never heard of counts from the
// start of this agent.
func (a *Agent) liveness(id string) (alive bool, dead time.Duration) {
	if id == a.id.NodeID {
		return true, 0
	}
	m, ok := a.gossip.Member(id)
	switch {
	case !ok:
		return false, time.Since(a.started)
	case m.State != gossip.Alive:
		return false, time.Since(m.Since)
	}
	return true, 0
}

// publishSettings puts new settings into the log when the present ones are no longer true.
func (a *Agent) publishSettings(ctx context.Context) error {
	v := a.region.Local()
	c, _ := v.Cluster()
	now := a.settings(v, c)
	if now.Epoch = c.Epoch; len(now.Members) == 0 {
		return nil // this node has not registered yet
	}
	seed, err := openKey(a.ring, c, keySettings)
	if err != nil {
		return err
	}
	key := ed25519.NewKeyFromSeed(seed)
	if same, err := clusterfile.Sign(now, key); err != nil || bytes.Equal(same, c.Settings) {
		return err
	}
	now.Epoch++
	text, err := clusterfile.Sign(now, key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	if err := a.region.Propose(ctx, command.PublishSettings{Epoch: now.Epoch, Settings: text}, nil); err != nil {
		return fmt.Errorf("publish settings of epoch %d: %w", now.Epoch, err)
	}
	return nil
}

// settings are the settings as they should be now.
func (a *Agent) settings(v *state.View, c state.Cluster) clusterfile.File {
	out := clusterfile.File{ClusterID: a.id.ClusterID, TargetSize: c.TargetSize, Members: []clusterfile.Member{},
		Services: clusterfile.Services{EC2: clusterfile.EC2{Endpoints: []string{}}, EBS: clusterfile.EBS{Replicas: 1, BlockSize: blockSize}}}
	for n := range state.Nodes.All(v) {
		m, ok := state.Members.Get(v, state.AnyAccount, n.ID)
		if !ok || m.Ejected {
			continue
		}
		out.Members = append(out.Members, clusterfile.Member{NodeID: n.ID, Addr: m.ClusterAddr, Gossip: m.GossipAddr, Caps: n.Caps})
		if n.HasCap("api") {
			out.Services.EC2.Endpoints = append(out.Services.EC2.Endpoints, n.APIAddr)
		}
	}
	raft := clusterfile.Raft{Cluster: a.id.ClusterID, Voters: []string{}}
	for _, p := range a.truth.node.Peers() {
		if p.Voter {
			raft.Voters = append(raft.Voters, p.ID)
		}
	}
	raft.Quorum = len(raft.Voters)/2 + 1
	out.Services.Raft = raft
	return out
}

// keepSettings writes cluster.json as the log has it, on every node, and the names in it where they are wanted, until the
// context ends.
func (a *Agent) keepSettings(ctx context.Context) error {
	var written []byte
	for {
		changed := a.region.Changed()
		if c, ok := a.region.Local().Cluster(); ok && len(c.Settings) > 0 && !bytes.Equal(c.Settings, written) {
			if err := a.writeSettings(c); err != nil {
				a.log.Error("settings not written, trying again at the next change", "error", err)
			} else {
				written = c.Settings
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *Agent) writeSettings(c state.Cluster) error {
	f, err := clusterfile.Verify(c.Settings, c.SettingsKey)
	if err != nil {
		return fmt.Errorf("check settings of epoch %d: %w", c.Epoch, err)
	}
	if err := vfs.WriteFileAtomic(vfs.OS(), a.at.clusterFile(), c.Settings, 0o644); err != nil || a.config.Cluster.HostsFile == "" {
		return err
	}
	api := ""
	if v := a.config.Network.VirtualIP; v.IsValid() {
		api = v.String()
	}
	return vfs.WriteFileAtomic(vfs.OS(), a.config.Cluster.HostsFile, clusterfile.Hosts(f, a.id.Region, api), 0o644)
}
