// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// moveWait is how long a drain waits for instances that are to be made anew elsewhere after everything is down.
const moveWait = 10 * time.Second

// nodeDrain asks everything to leave a node and streams how it goes.
func (s *adminServer) nodeDrain(w http.ResponseWriter, r *http.Request) {
	in, err := decode[admin.DrainRequest](r)
	var n *state.Node
	if err == nil {
		_, n, err = s.nodeCall(r.Context(), r)
	}
	if err == nil {
		err = s.a.region.Propose(r.Context(), command.DrainNode{NodeID: n.ID, Draining: true}, nil)
	}
	if err != nil {
		admin.WriteError(w, operatorError(nodeError(err)))
		return
	}
	out := newLines(w)
	if in.NoWait {
		out.send(admin.DrainEvent{Step: "the node takes no new work; its instances are leaving", Left: running(s.a.region.Local(), n.ID), Done: true})
		return
	}
	d := &drain{node: n.ID, seen: map[string]string{}, send: out.send}
	if err := d.follow(r.Context(), s.a.region.Local, s.a.region.Changed); err != nil {
		out.send(admin.DrainEvent{Step: "the drain is not followed to its end; it goes on", Error: admin.AsError(err)})
	}
}

// drain follows the instances that leave a node.
type drain struct {
	node string
	seen map[string]string // by instance: what was last said about it
	send func(any)
}

// follow says what happens until nothing runs on the node any more.
func (d *drain) follow(ctx context.Context, local func() *state.View, changes func() <-chan struct{}) error {
	var empty time.Time
	for {
		changed := changes()
		v := local()
		left, moving := d.look(v)
		if !v.Standing(d.node).Draining {
			return admin.Errorf(admin.KindConflict, "hive node drain starts it again", "somebody ended the drain")
		}
		if left > 0 {
			empty = time.Time{}
		} else if empty.IsZero() {
			empty = time.Now()
		}
		if left == 0 && (moving == 0 || time.Since(empty) > moveWait) {
			d.send(admin.DrainEvent{Step: "nothing runs on the node any more", Done: true})
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-time.After(time.Second):
		}
	}
}

// look says what is new, and counts what still runs and what is still to move.
func (d *drain) look(v *state.View) (left, moving int) {
	left = running(v, d.node)
	for i := range state.Instances.List(v, state.ByNode, d.node) {
		if _, known := d.seen[i.ID]; known || i.Holds() {
			d.say(i.ID, i.State.String(), left)
		}
		if i.State == state.Stopped && i.Reason.Code == state.ReasonDrain && v.Remakes(i) {
			moving++
		}
	}
	for id := range d.seen {
		if i, ok := state.Instances.Get(v, state.AnyAccount, id); ok && i.NodeID != d.node {
			d.say(id, "made anew on "+nodeName(v, i.NodeID), left)
		}
	}
	return left, moving
}

func (d *drain) say(id, step string, left int) {
	if d.seen[id] != step {
		d.seen[id] = step
		d.send(admin.DrainEvent{Instance: id, Step: step, Left: left})
	}
}

// running counts the instances that take something of a node.
func running(v *state.View, node string) int {
	n := 0
	for i := range state.Instances.List(v, state.ByNode, node) {
		if i.Holds() {
			n++
		}
	}
	return n
}

// events streams what happened, and with follow what happens.
func (s *adminServer) events(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(cmpOr(r.URL.Query().Get("after"), "0"), 10, 64)
	if err != nil {
		admin.WriteError(w, admin.Errorf(admin.KindUsage, "hive events --help", "after: %w", fmt.Errorf("%q is no number", r.URL.Query().Get("after"))))
		return
	}
	if err := s.a.region.Fresh(r.Context()); err != nil {
		admin.WriteError(w, operatorError(err))
		return
	}
	out := newLines(w)
	for {
		changed := s.a.region.Changed()
		v := s.a.region.Local()
		for _, e := range v.EventsAfter(after) {
			out.send(eventRow(v, e))
			after = e.Seq
		}
		if r.URL.Query().Get("follow") != "true" {
			return
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// eventRow is an event as an operator sees it.
func eventRow(v *state.View, e *state.Event) admin.Event {
	out := admin.Event{Seq: e.Seq, At: e.Time.Std(), Kind: e.Kind, NodeID: e.NodeID, Instance: e.InstanceID, Message: e.Message, Node: nodeName(v, e.NodeID)}
	if r, ok := state.RemovedNodes.Get(v, state.AnyAccount, e.NodeID); ok {
		out.Node = r.Name
	}
	return out
}
