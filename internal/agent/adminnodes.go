// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// knownCaps are the capabilities that a node can have.
var knownCaps = []string{"api", "ebs", "ec2", "raft", "s3", "vpc"}

// findNode finds a node by name or id.
func findNode(v *state.View, name string) (*state.Node, error) {
	if n, ok := state.Nodes.Get(v, state.AnyAccount, name); ok {
		return n, nil
	}
	if n, ok := state.Nodes.First(v, state.ByName, name); ok {
		return n, nil
	}
	for r := range state.RemovedNodes.All(v) {
		if r.NodeID == name || r.Name == name {
			return nil, admin.Errorf(admin.KindNotFound, "hive node list shows the nodes", "the node %s was removed from the region", name)
		}
	}
	return nil, admin.Errorf(admin.KindNotFound, "hive node list shows the nodes", "no node has the id or the name %s", name)
}

// nodeCall finds the node that a request is about in a linearizable view.
func (s *adminServer) nodeCall(ctx context.Context, r *http.Request) (*state.View, *state.Node, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, nil, err
	}
	n, err := findNode(v, r.PathValue("id"))
	return v, n, err
}

// nodeAfter proposes a change to a node and answers with how it is then.
func (s *adminServer) nodeAfter(ctx context.Context, id string, c command.Command) (any, error) {
	if err := s.a.region.Propose(ctx, c, nil); err != nil {
		return nil, nodeError(err)
	}
	v := s.a.region.Local() // holds what was proposed here
	n, err := findNode(v, id)
	if err != nil {
		return nil, err
	}
	return nodeRow(v, n), nil
}

// nodeError adds the next step to refusals that are about nodes.
func nodeError(err error) error {
	var refusal *command.Error
	if !errors.As(err, &refusal) {
		return err
	}
	next := map[string]struct {
		kind admin.Kind
		step string
	}{
		"NodeNotFound":        {admin.KindNotFound, "hive node list shows the nodes"},
		"NodeInUse":           {admin.KindConflict, "hive node drain moves or stops what runs there; --force removes the node with everything on it"},
		"StaleNode":           {admin.KindConflict, "hive node show says how the node is"},
		"InvalidCapabilities": {admin.KindUsage, "name one or more of " + strings.Join(knownCaps, ", ")},
	}[refusal.Code]
	if next.step == "" {
		return err
	}
	return admin.Errorf(next.kind, next.step, "%s", refusal.Message)
}

func (s *adminServer) node(ctx context.Context, r *http.Request) (any, error) {
	v, n, err := s.nodeCall(ctx, r)
	if err != nil {
		return nil, err
	}
	standing := v.Standing(n.ID)
	out := admin.NodeDetail{Node: nodeRow(v, n), Address: n.ClusterAddr, API: n.APIAddr, CPU: n.CPUModel, RegisteredAt: n.Registered.Std(), Epoch: n.Epoch,
		Fenced: standing.Armed, Holding: []admin.Instance{}}
	out.Lease = s.a.lease.ends(ctx)[n.ID]
	if standing.Lost {
		out.LostAt = standing.LostAt.Std()
	}
	if standing.Draining {
		out.DrainAt = standing.Drained.Std()
	}
	for i := range state.Instances.List(v, state.ByNode, n.ID) {
		if i.State != state.Terminated {
			out.Holding = append(out.Holding, instanceRow(v, i))
		}
	}
	return out, nil
}

func (s *adminServer) nodeCordon(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.CordonRequest](r)
	if err != nil {
		return nil, err
	}
	_, n, err := s.nodeCall(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.nodeAfter(ctx, n.ID, command.CordonNode{NodeID: n.ID, Cordoned: in.Cordoned})
}

func (s *adminServer) nodeUndrain(ctx context.Context, r *http.Request) (any, error) {
	_, n, err := s.nodeCall(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.nodeAfter(ctx, n.ID, command.DrainNode{NodeID: n.ID})
}

func (s *adminServer) nodeCapabilities(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.CapabilitiesRequest](r)
	if err != nil {
		return nil, err
	}
	for _, c := range in.Caps {
		if !slices.Contains(knownCaps, c) {
			return nil, admin.Errorf(admin.KindUsage, "name one or more of "+strings.Join(knownCaps, ", "), "no capability is called %q", c)
		}
	}
	_, n, err := s.nodeCall(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.nodeAfter(ctx, n.ID, command.SetCapabilities{NodeID: n.ID, Caps: in.Caps})
}

// removal says what a node's removal costs now.
func (s *adminServer) removal(v *state.View, n *state.Node) admin.Removal {
	out := admin.Removal{Node: n.Name, NodeID: n.ID, Tolerates: s.a.truth.tolerates()}
	out.Instances, out.Volumes, out.Snapshots = v.Held(n.ID)
	for _, p := range s.a.truth.node.Peers() {
		if p.Voter {
			out.Voters++
			out.Voter = out.Voter || p.ID == n.ID
		}
	}
	out.Then = out.Tolerates
	if out.Voter {
		out.Then = max(0, (out.Voters-2)/2)
	}
	return out
}

func (s *adminServer) nodeRemoval(ctx context.Context, r *http.Request) (any, error) {
	v, n, err := s.nodeCall(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.removal(v, n), nil
}

// nodeRemove takes a node out of the region.
func (s *adminServer) nodeRemove(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.RemoveRequest](r)
	if err != nil {
		return nil, err
	}
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	id, out := r.PathValue("id"), admin.Removal{}
	n, err := findNode(v, id)
	if removed, ok := removedNode(v, id); err != nil && ok {
		id, out.Node, out.NodeID = removed.NodeID, removed.Name, removed.NodeID
	} else if err != nil {
		return nil, err
	} else {
		id, out = n.ID, s.removal(v, n)
	}
	if out.Voter && out.Voters == 1 {
		return nil, admin.Errorf(admin.KindConflict, "hive raft list-peers shows who votes", "the node %s is the only voter of the region's log", out.Node)
	}
	return out, s.a.removeNode(ctx, id, in.Force)
}

// removedNode finds a removed node by name or id.
func removedNode(v *state.View, name string) (*state.RemovedNode, bool) {
	for r := range state.RemovedNodes.All(v) {
		if r.NodeID == name || r.Name == name {
			return r, true
		}
	}
	return nil, false
}
