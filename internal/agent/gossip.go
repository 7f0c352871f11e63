// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/gossip"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/vfs"
)

// readGossipKeys reads the keys of the gossip, one a line in hex. The first encrypts and all decrypt: there are two while
// the key is being rotated.
func readGossipKeys(path string) ([][]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read gossip key: %w", err)
	}
	var keys [][]byte
	for _, line := range strings.Fields(string(b)) {
		key, err := hex.DecodeString(line)
		if err != nil || len(key) != gossipKeyLen {
			return nil, fmt.Errorf("read gossip key %s: want %d bytes in hex a line", path, gossipKeyLen)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("read gossip key %s: no key in it", path)
	}
	return keys, nil
}

func writeGossipKeys(path string, keys [][]byte) error {
	var b strings.Builder
	for _, key := range keys {
		b.WriteString(hex.EncodeToString(key) + "\n")
	}
	return vfs.WriteFileAtomic(vfs.OS(), path, []byte(b.String()), 0o600)
}

// useGossipKeys makes the running gossip hold these keys and no others, and encrypt with the first.
func (a *Agent) useGossipKeys(keys [][]byte) error {
	for _, key := range keys {
		if err := a.gossip.InstallKey(key); err != nil {
			return fmt.Errorf("install gossip key: %w", err)
		}
	}
	if err := a.gossip.UseKey(keys[0]); err != nil {
		return fmt.Errorf("use gossip key: %w", err)
	}
	for _, have := range a.gossip.Keys() {
		if slices.ContainsFunc(keys, func(k []byte) bool { return slices.Equal(k, have) }) {
			continue
		}
		if err := a.gossip.RemoveKey(have); err != nil {
			return fmt.Errorf("forget gossip key: %w", err)
		}
	}
	return nil
}

// newGossip makes the node's part in the membership; it starts nothing. Its seeds are the nodes of the region.
func (a *Agent) newGossip() (*gossip.Gossip, error) {
	keys, err := readGossipKeys(a.at.gossipKey())
	if err != nil {
		return nil, err
	}
	bind, at := string(a.config.Listen.Gossip), ""
	if a.config.Listen.Gossip.Port() != 0 { // otherwise it is known when it is bound
		at = advertise(a.config, bind, a.truth.local)
	}
	return gossip.New(gossip.Config{
		NodeID: a.id.NodeID, Region: a.id.ClusterID, Bind: bind, Advertise: at, Keys: keys, Seeds: a.gossipSeeds, Logger: a.options.Logger,
		Meta: gossip.Meta{Cluster: a.truth.advertised, API: advertise(a.config, a.apiAddr, a.truth.local), Version: a.options.Version, Format: state.FormatLevel,
			Zone: a.config.Node.AZ, Domain: a.config.Node.FailureDomain},
	})
}

// memberStates are the members by gossip, id to state.
func (a *Agent) memberStates() map[string]string {
	out := map[string]string{}
	for _, m := range a.gossip.Members() {
		out[m.ID] = string(m.State)
	}
	return out
}

func (a *Agent) memberCounts() map[string]int {
	out := map[string]int{}
	for _, s := range a.memberStates() {
		out[s]++
	}
	return out
}

// members are the nodes as gossip and log see them.
func (a *Agent) members() []admin.Member {
	v := a.region.Local()
	raft := map[string]string{}
	for _, p := range a.truth.node.Peers() {
		raft[p.ID] = "learner"
		if p.Voter {
			raft[p.ID] = "voter"
		}
	}
	if leader := a.truth.leader(); leader != "" {
		raft[leader] = "leader"
	}
	seen := a.memberStates()
	out := []admin.Member{}
	for n := range state.Nodes.All(v) {
		m := admin.Member{Node: n.Name, NodeID: n.ID, Address: n.ClusterAddr, Gossip: "unknown", Raft: "none", Version: n.Version, Caps: n.Caps, Self: n.ID == a.id.NodeID}
		if s, ok := seen[n.ID]; ok {
			m.Gossip = s
		}
		if s, ok := raft[n.ID]; ok {
			m.Raft = s
		}
		out = append(out, m)
	}
	return out
}
