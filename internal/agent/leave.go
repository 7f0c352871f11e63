// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/raftnode"
)

const (
	methodLeave = "member.Leave"
	// leaveTime bounds one member's answer.
	leaveTime = 20 * time.Second
	// answerTime is how long the answer to a node that has left may take on its way.
	answerTime = time.Second
	// guestGrace is what guests get that a drain has left, which are none unless somebody started one meanwhile.
	guestGrace = 10 * time.Second
)

// leaveRequest asks another member to take the asker out of the region.
type leaveRequest struct {
	Force bool `codec:"force"`
}

type leaveResponse struct{}

// handleLeave takes members out that ask for it. They cannot do it themselves: from the moment on in which the region
// knows, nobody listens to them.
func (a *Agent) handleLeave() {
	rpc.Handle(a.truth.server, methodLeave, func(ctx context.Context, peer rpc.NodeID, q leaveRequest) (leaveResponse, error) {
		defer a.farewells.begin(peer)()
		err := a.removeNode(ctx, peer, q.Force)
		var e *admin.Error
		if errors.As(err, &e) && e.Kind != admin.KindUnavailable {
			return leaveResponse{}, rpc.Errorf(codeRefused, "%s", e.Message)
		}
		return leaveResponse{}, err
	})
}

// farewells are the nodes that are being taken out at their own request. Their streams to this node live on until the answer
// is sent; the region's rules refuse whatever else they ask.
type farewells struct {
	mu   sync.Mutex
	open map[string]int
	last map[string]time.Time // when the newest answer was given
}

func (f *farewells) begin(node string) (end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open, f.last = map[string]int{}, map[string]time.Time{}
	}
	f.open[node]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.open[node]--
		f.last[node] = time.Now()
	}
}

// under tells whether a node still waits for its answer.
func (f *farewells) under(node string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[node] > 0 || time.Since(f.last[node]) < answerTime
}

// removeNode takes a node out of the region, and then out of the log. The region goes first: it may refuse, and from
// then on the node's certificate counts for nothing. A removal that was interrupted in between is finished by asking again.
func (a *Agent) removeNode(ctx context.Context, id string, force bool) error {
	if err := a.region.Propose(ctx, command.RemoveNode{NodeID: id, Force: force}, nil); err != nil {
		return nodeError(err)
	}
	if err := a.truth.node.Remove(ctx, id); err != nil && !errors.Is(err, raftnode.ErrMembership) {
		return admin.Errorf(admin.KindUnavailable, "repeat the command", "the node is denied, but still stands in the log's configuration: %w", err)
	}
	return nil
}

// leave streams how this node leaves its region.
func (s *adminServer) leave(w http.ResponseWriter, r *http.Request) {
	in, err := decode[admin.LeaveRequest](r)
	if err != nil {
		admin.WriteError(w, err)
		return
	}
	lines := newLines(w)
	say := func(step string) { lines.send(admin.ShutdownEvent{Step: step}) }
	if err := s.a.leave(r.Context(), in.Force, say); err != nil {
		lines.send(admin.ShutdownEvent{Step: "the node is still a member", Error: admin.AsError(operatorError(err))})
		return
	}
	// There is no way back from here: what goes wrong is said, and the agent ends all the same.
	if err := s.a.afterLeaving(r.Context(), say); err != nil {
		s.log.Error("the node has left, and something of it remains", "error", err)
		say("something remains, which hive admin uninstall ends: " + err.Error())
	}
	say("the agent ends")
	s.a.end()
}

// leave empties this node, gives its vote to another, and has itself taken out of the region.
func (a *Agent) leave(ctx context.Context, force bool, say func(string)) error {
	v, err := a.region.View(ctx)
	if err != nil {
		return err
	}
	self, ok := state.Nodes.Get(v, state.AnyAccount, a.id.NodeID)
	if !ok || state.Nodes.Count(v) == 1 {
		return admin.Errorf(admin.KindConflict, "hive admin uninstall ends the region with it", "this is the only node of its region")
	}
	if err := a.emptied(ctx, force, say); err != nil {
		return err
	}
	if err := a.resign(ctx, self, say); err != nil {
		return err
	}
	return a.askToGo(ctx, force)
}

// afterLeaving marks the node as one that has left, and ends what runs beside the agent.
func (a *Agent) afterLeaving(ctx context.Context, say func(string)) error {
	say("the region has forgotten the node; its certificate counts for nothing from now on")
	err := vfs.WriteFileAtomic(vfs.OS(), a.at.left(), []byte(time.Now().UTC().Format(time.RFC3339)+"\n"), 0o600)
	if err != nil {
		err = fmt.Errorf("mark the node as one that has left: %w", err)
	}
	return errors.Join(err, a.drain(ctx, guestGrace, say))
}

// emptied drains this node, and refuses when something of the region would be lost with it.
func (a *Agent) emptied(ctx context.Context, force bool, say func(string)) error {
	if err := a.region.Propose(ctx, command.DrainNode{NodeID: a.id.NodeID, Draining: true}, nil); err != nil {
		return nodeError(err)
	}
	d := &drain{node: a.id.NodeID, seen: map[string]string{}, send: func(v any) {
		if e, ok := v.(admin.DrainEvent); ok && e.Instance != "" {
			say(e.Instance + ": " + e.Step)
		}
	}}
	if err := d.follow(ctx, a.region.Local, a.region.Changed); err != nil {
		return err
	}
	instances, volumes, snapshots := a.region.Local().Held(a.id.NodeID)
	if instances+volumes+snapshots > 0 && !force {
		return admin.Errorf(admin.KindConflict, "terminate what is there, or repeat the command with --force; hive node undrain "+a.id.Node+" takes the node back",
			"the node holds %d instances, %d volumes and the only copy of %d snapshots, which would be lost to the region; it is drained and stays a member", instances, volumes, snapshots)
	}
	say("nothing runs on the node any more")
	return nil
}

// resign gives up this node's vote: the leader seats another node first, if there is one.
func (a *Agent) resign(ctx context.Context, self *state.Node, say func(string)) error {
	rest := slices.DeleteFunc(slices.Clone(self.Caps), func(c string) bool { return c == "raft" })
	if len(rest) == len(self.Caps) || len(rest) == 0 {
		return nil // it does not want to vote; or it can do nothing else, and its removal is all there is
	}
	if err := a.region.Propose(ctx, command.SetCapabilities{NodeID: self.ID, Caps: rest}, nil); err != nil {
		return nodeError(err)
	}
	for said := false; a.votes(); said = true {
		if !said {
			say("another node takes over the vote")
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
			defer cancel()
			return errors.Join(admin.Errorf(admin.KindConflict, "hive raft list-peers shows who votes; bring the other nodes back first", "no other node can take over the vote: too few of them are alive"),
				a.region.Propose(undo, command.SetCapabilities{NodeID: self.ID, Caps: self.Caps}, nil))
		}
	}
	return nil
}

// votes tells whether this node is a voter of the log.
func (a *Agent) votes() bool {
	for _, p := range a.truth.node.Peers() {
		if p.ID == a.id.NodeID {
			return p.Voter
		}
	}
	return false
}

// askToGo asks the other members in turn to take this node out.
func (a *Agent) askToGo(ctx context.Context, force bool) error {
	var faults []error
	for m := range state.Members.All(a.region.Local()) {
		if m.NodeID == a.id.NodeID || m.Ejected {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, leaveTime)
		_, err := rpc.Call[leaveRequest, leaveResponse](ctx, a.truth.client, m.NodeID, methodLeave, leaveRequest{Force: force})
		cancel()
		if err == nil || rpc.Refused(err) || a.region.Local().Denied(a.id.NodeID) { // the answer may be lost with the connection
			return nil
		}
		if rpc.CodeOf(err) == codeRefused {
			return admin.Errorf(admin.KindConflict, "hive node show "+a.id.Node+" shows what it holds", "%w", err)
		}
		faults = append(faults, fmt.Errorf("%s: %w", m.Name, err))
	}
	return admin.Errorf(admin.KindUnavailable, "hive members shows who is there", "no member took this node out: %w", errors.Join(faults...))
}

// checkLeft refuses to run a node that has left its region.
func (l layout) checkLeft() error {
	when, err := os.ReadFile(l.left())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look whether the node has left its region: %w", err)
	}
	return admin.Errorf(admin.KindConflict, "hive admin uninstall removes its files; hive admin join makes the machine a new node", "this node left its region at %.20s", when)
}
