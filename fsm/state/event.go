// SPDX-License-Identifier: Apache-2.0

package state

import (
	"cmp"
	"fmt"
	"slices"
)

// EventSlots is how many events the region remembers; older ones are forgotten.
const EventSlots = 1024

// Kinds of events.
const (
	EventNodeRegistered     = "node.registered"
	EventNodeRestarted      = "node.restarted"
	EventNodeReturned       = "node.returned"
	EventNodeLost           = "node.lost"
	EventNodeCordoned       = "node.cordoned"
	EventNodeUncordoned     = "node.uncordoned"
	EventNodeDraining       = "node.draining"
	EventNodeUndrained      = "node.undrained"
	EventNodeRemoved        = "node.removed"
	EventNodeCapabilities   = "node.capabilities"
	EventInstanceStopped    = "instance.stopped"
	EventInstanceRecovered  = "instance.recovered"
	EventInstanceTerminated = "instance.terminated"
	EventFormatLevel        = "region.format-level"
	EventRotation           = "region.rotation"
)

// Event is something that happened to the region's machines, for operators. Events live in a ring of EventSlots.
type Event struct {
	Slot       uint64 // Seq modulo EventSlots
	Seq        uint64 // counts from 1
	Time       Time
	Kind       string
	NodeID     string
	InstanceID string // or ""
	Message    string // one sentence
}

// Events by slot.
var Events = &Table[Event]{name: "events", id: 38, key: func(e *Event) string { return fmt.Sprintf("%04d", e.Slot) }}

// EventHeadKey is the key of the one EventHead row.
const EventHeadKey = "head"

// EventHead counts the events that ever happened.
type EventHead struct {
	Key  string // always EventHeadKey
	Last uint64 // Seq of the newest event
}

// EventHeads holds the one EventHead row.
var EventHeads = &Table[EventHead]{name: "event_heads", id: 39, key: func(h *EventHead) string { return h.Key }}

// EventsAfter are the remembered events with a greater Seq, oldest first.
func (v *View) EventsAfter(seq uint64) []*Event {
	var out []*Event
	for e := range Events.All(v) {
		if e.Seq > seq {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// AddEvent remembers an event; Slot and Seq are filled in.
func (tx *Txn) AddEvent(e Event) {
	head := EventHead{Key: EventHeadKey}
	if old, ok := EventHeads.Get(tx.View, AnyAccount, EventHeadKey); ok {
		head = *old
	}
	head.Last++
	e.Seq, e.Slot = head.Last, head.Last%EventSlots
	EventHeads.Put(tx, &head)
	Events.Put(tx, &e)
}
