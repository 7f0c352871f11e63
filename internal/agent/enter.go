// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/rpc"
)

const (
	methodEnter = "member.Enter"
	// codeRefused is an answer of the log's rules; asking another member would not help.
	codeRefused rpc.Code = "member.refused"

	enterTime  = 10 * time.Second
	enterPause = 500 * time.Millisecond
)

// enterRequest says that a node has started, and where it is now.
type enterRequest struct {
	ClusterAddr string `codec:"cluster"`
	GossipAddr  string `codec:"gossip"`
}

type enterResponse struct{}

// handleEnter answers nodes that start: their addresses go into the log and they become learners, unless they are
// members of the log already. Any member can do that for them, for both are forwarded to the leader.
func (a *Agent) handleEnter() {
	rpc.Handle(a.truth.server, methodEnter, func(ctx context.Context, peer rpc.NodeID, q enterRequest) (enterResponse, error) {
		err := a.region.Propose(ctx, command.AdvertiseNode{NodeID: peer, ClusterAddr: q.ClusterAddr, GossipAddr: q.GossipAddr}, nil)
		var refusal *command.Error
		if errors.As(err, &refusal) {
			return enterResponse{}, rpc.Errorf(codeRefused, "%s", refusal.Message)
		}
		if err != nil {
			return enterResponse{}, err
		}
		return enterResponse{}, a.truth.node.AddLearner(ctx, peer)
	})
}

// enter has the node taken into the log. A founder that is the only voter needs nobody's leave; everybody else asks the
// other members in turn until one says yes. It comes before anything that needs a leader: a node that has moved is
// found by no leader until the others know its address.
func (a *Agent) enter(ctx context.Context) error {
	q := enterRequest{ClusterAddr: a.truth.advertised, GossipAddr: a.gossip.Addr()}
	var told time.Time
	for !a.truth.alone() {
		if a.truth.leads() { // elected at its new address, and the only one who can tell the others
			return a.region.Propose(ctx, command.AdvertiseNode{NodeID: a.id.NodeID, ClusterAddr: q.ClusterAddr, GossipAddr: q.GossipAddr}, nil)
		}
		var faults []error
		for _, member := range a.others() {
			if a.truth.leads() {
				break
			}
			callCtx, cancel := context.WithTimeout(ctx, enterTime)
			_, err := rpc.Call[enterRequest, enterResponse](callCtx, a.truth.client, member, methodEnter, q)
			cancel()
			switch {
			case err == nil:
				return nil
			case ctx.Err() != nil:
				return ctx.Err()
			case rpc.Refused(err):
				return admin.Errorf(admin.KindDenied, "hive admin uninstall, and then hive admin join with a new token", "the member %s refuses this node's certificate: the node was removed from the region", member)
			case rpc.CodeOf(err) == codeRefused:
				return admin.Errorf(admin.KindDenied, "remove the data directory and join again with a new token", "the cluster refuses this node: %w", err)
			}
			faults = append(faults, err)
		}
		if len(faults) == 0 {
			faults = append(faults, fmt.Errorf("no other member is known: %s names none", a.at.clusterFile()))
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			a.log.Info("waiting for a member to take this node in", "reason", errors.Join(faults...))
		}
		if err := sleep(ctx, enterPause); err != nil {
			return err
		}
	}
	return nil
}

// others are the ids of the other members, as the state and the settings file know them.
func (a *Agent) others() []string {
	ids := map[string]bool{}
	for _, m := range a.truth.seeds {
		ids[m.NodeID] = true
	}
	for m := range state.Members.All(a.region.Local()) {
		ids[m.NodeID] = !m.Ejected
	}
	delete(ids, a.id.NodeID)
	maps.DeleteFunc(ids, func(_ string, in bool) bool { return !in })
	return slices.Sorted(maps.Keys(ids))
}

// gossipSeeds are the gossip addresses of the other members.
func (a *Agent) gossipSeeds() []string {
	at := map[string]string{}
	for _, m := range a.truth.seeds {
		at[m.NodeID] = m.Gossip
	}
	for m := range state.Members.All(a.region.Local()) {
		at[m.NodeID] = m.GossipAddr
		if m.Ejected {
			delete(at, m.NodeID)
		}
	}
	delete(at, a.id.NodeID)
	maps.DeleteFunc(at, func(_, address string) bool { return address == "" })
	return slices.Sorted(maps.Values(at))
}
