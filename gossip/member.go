// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// State is how a member is.
type State string

// The states of members.
const (
	Alive State = "alive"
	Dead  State = "dead" // does not answer, and neither do others reach it
	Left  State = "left" // said goodbye
)

// Member is one node as gossip sees it.
type Member struct {
	ID      string
	Address string // host:port of its gossip
	State   State
	Since   time.Time // when this node saw it enter the state
	Meta    Meta      // zero when MetaErr is set
	MetaErr error
}

// EventKind says what happened to a member.
type EventKind string

// The kinds of events.
const (
	Joined  EventKind = "joined"  // became alive
	Updated EventKind = "updated" // is alive and says something else about itself, or lives elsewhere
	Failed  EventKind = "failed"  // became dead
	Parted  EventKind = "parted"  // became left
	Gone    EventKind = "gone"    // was forgotten
)

// Event is a change of a member.
type Event struct {
	Kind   EventKind
	Member Member
}

// roster is the members, kept by memberlist's callbacks.
type roster struct {
	mu      sync.Mutex
	members map[string]Member
	changed chan struct{} // closed at the next change
}

func newRoster() *roster {
	return &roster{members: map[string]Member{}, changed: make(chan struct{})}
}

var (
	_ memberlist.EventDelegate = (*roster)(nil)
	_ memberlist.AliveDelegate = (*roster)(nil)
)

// NotifyJoin is called by memberlist.
func (r *roster) NotifyJoin(n *memberlist.Node) { r.put(n, Alive) }

// NotifyUpdate is called by memberlist.
func (r *roster) NotifyUpdate(n *memberlist.Node) { r.put(n, Alive) }

// NotifyLeave is called by memberlist, for the dead and for those that left.
func (r *roster) NotifyLeave(n *memberlist.Node) {
	state := Dead
	if m, err := decodeMeta(n.Meta); err == nil && m.Leaving {
		state = Left
	}
	r.put(n, state)
}

// NotifyAlive refuses a node that calls itself differently in its name and in its description.
func (r *roster) NotifyAlive(n *memberlist.Node) error {
	if m, err := decodeMeta(n.Meta); err == nil && m.Node != n.Name {
		return fmt.Errorf("%w: member %s describes itself as %s", ErrMeta, n.Name, m.Node)
	}
	return nil
}

func (r *roster) put(n *memberlist.Node, state State) {
	m := Member{ID: n.Name, Address: net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port))), State: state, Since: time.Now()}
	m.Meta, m.MetaErr = decodeMeta(n.Meta)
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.members[m.ID]; ok && old.State == state {
		m.Since = old.Since
	}
	r.members[m.ID] = m
	r.ring()
}

// ring wakes whoever waits. The caller holds mu.
func (r *roster) ring() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *roster) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m, ok := r.members[id]; ok && m.State != Alive {
		delete(r.members, id)
		r.ring()
	}
}

func (r *roster) list() (members []Member, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	return members, r.changed
}

// Members are all nodes seen since the start, this one included, in the order of their ids.
func (g *Gossip) Members() []Member {
	members, _ := g.roster.list()
	return members
}

// Member is the node with the given id.
func (g *Gossip) Member(id string) (Member, bool) {
	g.roster.mu.Lock()
	defer g.roster.mu.Unlock()
	m, ok := g.roster.members[id]
	return m, ok
}

// Changed is closed when Members changes after the call. Take the channel first and the members second.
func (g *Gossip) Changed() <-chan struct{} {
	_, changed := g.roster.list()
	return changed
}

// Forget drops a dead or left node from Members: it was removed from the cluster.
func (g *Gossip) Forget(id string) { g.roster.forget(id) }

// Watch calls f for every member that is there now and then for every change, in the caller's goroutine, until ctx
// ends.
func (g *Gossip) Watch(ctx context.Context, f func(Event)) {
	known := map[string]Member{}
	for {
		members, changed := g.roster.list()
		for _, e := range diff(known, members) {
			f(e)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// diff brings known up to date and returns what happened.
func diff(known map[string]Member, members []Member) (events []Event) {
	kinds := map[State]EventKind{Alive: Joined, Dead: Failed, Left: Parted}
	seen := map[string]bool{}
	for _, m := range members {
		seen[m.ID] = true
		old, ok := known[m.ID]
		known[m.ID] = m
		switch {
		case !ok && m.State != Alive:
			// Came and went before it was looked at: nobody waits for it.
		case !ok || old.State != m.State || !old.Since.Equal(m.Since):
			events = append(events, Event{kinds[m.State], m})
		case m.State == Alive && (old.Meta != m.Meta || old.Address != m.Address || (old.MetaErr == nil) != (m.MetaErr == nil)):
			events = append(events, Event{Updated, m})
		}
	}
	for id, m := range known {
		if !seen[id] {
			delete(known, id)
			events = append(events, Event{Gone, m})
		}
	}
	return events
}
