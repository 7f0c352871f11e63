// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/raftnode"
	"github.com/hivecloud/hive/raftnode/region"
)

// LogCheck is what VerifyLog found in a stopped node's log.
type LogCheck struct {
	raftnode.Verified
	ClusterID string `json:"clusterId"`
	StateHash string `json:"stateHash"`
	Applied   uint64 `json:"applied"` // the last entry in the hash
}

// VerifyLog reads every entry of a stopped node's log, checks its checksum, replays it and computes the state's hash.
func VerifyLog(ctx context.Context, c *config.Config) (LogCheck, error) {
	at := layout{c.Node.DataDir}
	if _, err := readIdentity(at.node()); err != nil {
		return LogCheck{}, err
	}
	f := fsm.New()
	v, err := raftnode.Verify(ctx, at.raft(), checkEntry, region.StateMachine(f))
	if err != nil {
		return LogCheck{}, stoppedNode(err, "this node's log cannot be trusted: restore a backup, or let another node give it a new copy")
	}
	hash := f.Hash()
	r, _ := f.View().Region()
	return LogCheck{Verified: v, ClusterID: r.ClusterID, StateHash: hex.EncodeToString(hash[:]), Applied: f.Applied()}, nil
}

// checkEntry decodes one entry, which checks its CRC.
func checkEntry(e raftnode.Entry) error {
	envelope, err := command.Decode(e.Data)
	if errors.Is(err, command.ErrUnknownType) && envelope.Ignorable {
		return nil
	}
	return err
}

// stoppedNode explains an error of a tool that works on a stopped node.
func stoppedNode(err error, hint string) error {
	if errors.Is(err, raftnode.ErrLocked) {
		return admin.Errorf(admin.KindConflict, "end the agent first: hive admin shutdown", "an agent has the log open: %w", err)
	}
	return admin.Errorf(admin.KindFailure, hint, "%w", err)
}

// Recovered is what RecoverLog did.
type Recovered struct {
	Node      string   `json:"node"`
	ClusterID string   `json:"clusterId"`
	Voters    []string `json:"votersBefore"`
	Index     uint64   `json:"index"` // the last entry that was kept
	StateHash string   `json:"stateHash"`
}

// RecoverLog makes a stopped node the only voter of its region, after a majority of the voters was lost for good. It
// refuses while an agent has the log open, where there is nothing to recover, and, unless the operator said yes to the
// consequence, where other voters may be alive.
func RecoverLog(c *config.Config, yes bool) (Recovered, error) {
	at := layout{c.Node.DataDir}
	id, err := readIdentity(at.node())
	if err != nil {
		return Recovered{}, err
	}
	before, err := raftnode.Inspect(at.raft())
	if err != nil {
		return Recovered{}, stoppedNode(err, "restore a backup instead: hive backup restore")
	}
	out := Recovered{Node: id.NodeID, ClusterID: id.ClusterID, Voters: []string{}}
	var others []string
	for _, p := range before.Peers {
		if !p.Voter {
			continue
		}
		out.Voters = append(out.Voters, p.ID)
		if p.ID != id.NodeID {
			others = append(others, p.ID)
		}
	}
	if len(others) == 0 && len(out.Voters) == 1 {
		return out, admin.Errorf(admin.KindConflict, "start it with hive agent", "there is nothing to recover: %s is the region's only voter and needs nobody else", id.NodeID)
	}
	if !yes {
		return out, admin.Errorf(admin.KindUsage, "make sure that they never run again with their present data directories, then repeat the command with --yes",
			"this makes %s the only voter of %s. If one of the other voters (%s) is alive or comes back, the region splits into two that both answer. Writes that only they have are lost",
			id.NodeID, id.Region, strings.Join(others, ", "))
	}
	f := fsm.New()
	if err := raftnode.Recover(at.raft(), id.NodeID, region.StateMachine(f), nil); err != nil {
		return out, stoppedNode(err, "check the log with hive raft log verify")
	}
	hash := f.Hash()
	out.Index, out.StateHash = f.Applied(), hex.EncodeToString(hash[:])
	if r, _ := f.View().Region(); r.ClusterID != id.ClusterID {
		return out, fmt.Errorf("the log is of cluster %q, this node of %q", r.ClusterID, id.ClusterID)
	}
	return out, nil
}
