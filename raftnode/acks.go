// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// ackTransport is raft's network transport, which also notes for each member when the newest request was sent that
// the member acknowledged.
type ackTransport struct {
	*raft.NetworkTransport
	acks acks
	in   *inbound
	// serving says that in runs. Set by serve, before anybody can call Close.
	serving bool
}

var (
	_ raft.Transport   = (*ackTransport)(nil)
	_ raft.WithPreVote = (*ackTransport)(nil)
	_ raft.WithClose   = (*ackTransport)(nil)
)

func newAckTransport(t *raft.NetworkTransport) *ackTransport {
	return &ackTransport{NetworkTransport: t, acks: newAcks(), in: newInbound()}
}

// Consumer is where raft takes the requests of others from; they come once serve was called.
func (t *ackTransport) Consumer() <-chan raft.RPC { return t.in.out }

// serve lets the requests of others through to r, whose log is logs. Close ends it.
func (t *ackTransport) serve(r *raft.Raft, logs raft.LogStore) {
	t.in.logs, t.in.latest = logs, func() (uint64, uint64) { return snapshotOf(r) }
	go t.in.run(t.NetworkTransport.Consumer()) // Close waits for it
	t.serving = true
}

// Close ends the transport: raft calls it when it shuts down.
func (t *ackTransport) Close() error {
	err := t.NetworkTransport.Close()
	if t.serving {
		t.serving = false
		t.in.stop()
	}
	return err
}

// AppendEntries sends entries or a heartbeat. The time is taken before sending: what the answer proves, it proves for
// that moment and not for the moment of its arrival.
func (t *ackTransport) AppendEntries(id raft.ServerID, target raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	sent := time.Now()
	err := t.NetworkTransport.AppendEntries(id, target, req, resp)
	if err == nil && resp.Success && resp.Term == req.Term {
		t.acks.note(id, req.Term, sent)
	}
	return err
}

// AppendEntriesPipeline opens a stream of entries. Its acknowledgements are not looked at: heartbeats go beside it and
// suffice.
func (t *ackTransport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	inner, err := t.NetworkTransport.AppendEntriesPipeline(id, target)
	if err != nil {
		return nil, err
	}
	p := &patientPipeline{AppendPipeline: inner, out: make(chan raft.AppendFuture), closed: make(chan struct{})}
	go p.pump() // ends with Close, which raft always calls
	return p, nil
}

// patientPipeline keeps answers until somebody takes them.
//
// The pipeline of raft v1.7.3 hands an answer over before it takes the next request. A leader that learns from an
// answer that it was deposed stops taking answers at once but may send one more request: then the sender waits for the
// pipeline and the pipeline for a taker, for ever, and so does whoever shuts the node down. Here the pipeline never
// waits for a taker.
type patientPipeline struct {
	raft.AppendPipeline
	out    chan raft.AppendFuture
	once   sync.Once
	closed chan struct{}
}

var _ raft.AppendPipeline = (*patientPipeline)(nil)

// Consumer is where answers are taken from.
func (p *patientPipeline) Consumer() <-chan raft.AppendFuture { return p.out }

// Close ends the pipeline. Answers that were not taken are dropped.
func (p *patientPipeline) Close() error {
	p.once.Do(func() { close(p.closed) })
	return p.AppendPipeline.Close()
}

func (p *patientPipeline) pump() {
	var kept []raft.AppendFuture
	for {
		var out chan raft.AppendFuture
		var first raft.AppendFuture
		if len(kept) > 0 {
			out, first = p.out, kept[0]
		}
		select {
		case f := <-p.AppendPipeline.Consumer():
			kept = append(kept, f)
		case out <- first:
			kept = kept[1:]
		case <-p.closed:
			return
		}
	}
}

// acks are the newest acknowledged send times of one term.
type acks struct {
	mu      sync.Mutex
	term    uint64
	sent    map[raft.ServerID]time.Time
	probing map[raft.ServerID]bool // members with a heartbeat of ours under way
	changed chan struct{}          // closed at the next change
}

func newAcks() acks {
	return acks{sent: map[raft.ServerID]time.Time{}, probing: map[raft.ServerID]bool{}, changed: make(chan struct{})}
}

func (a *acks) note(id raft.ServerID, term uint64, sent time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case term < a.term:
		return
	case term > a.term:
		a.term = term
		clear(a.sent)
	}
	if sent.After(a.sent[id]) {
		a.sent[id] = sent
		a.ring()
	}
}

// ring wakes whoever waits. The caller holds mu.
func (a *acks) ring() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// since counts the members of ids that acknowledged, in term, something sent at or after t, and returns the others
// that have no heartbeat of ours under way: those are marked as having one now, and the caller must send it.
func (a *acks) since(t time.Time, term uint64, ids []raft.ServerID) (fresh int, probe []raft.ServerID, changed <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		sent, ok := a.sent[id]
		switch {
		case ok && a.term == term && !sent.Before(t):
			fresh++
		case !a.probing[id]:
			a.probing[id] = true
			probe = append(probe, id)
		}
	}
	return fresh, probe, a.changed
}

// probed says that the heartbeat that since asked for is over.
func (a *acks) probed(id raft.ServerID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.probing, id)
	a.ring()
}
