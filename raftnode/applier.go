// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"container/heap"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"
)

// termMark is the extension of the entry with which a new leader opens its term. It has no data and is not shown to
// the state machine.
//
// Naively, "everything up to index i is applied" would be raft.AppliedIndex() >= i. That is only what was handed to
// the state machine's goroutine, not what it has done. Our own count is exact, but raft does not show us its no-op
// entries, so it could stay behind a commit index for ever. A leader therefore starts its term with an entry of ours
// and serves only then: from there on every index it commits is one that we see.
var termMark = []byte("term")

// applier is the state machine as raft sees it: it counts what was applied and wakes those who wait for it.
type applier struct {
	sm     StateMachine
	closed <-chan struct{} // ends all waits

	mu      sync.Mutex
	applied uint64 // highest index that the state machine has seen
	term    uint64 // of that entry
	waiting waitHeap
	pending map[*byte]*proposal // by the first byte of the entry
}

// proposal is an entry that this node appended as the leader and waits for.
type proposal struct {
	key    *byte         // nil when it will not be recognised
	done   chan struct{} // closed when it is applied
	result []byte
	index  uint64
}

var (
	_ raft.FSM         = (*applier)(nil)
	_ raft.BatchingFSM = (*applier)(nil)
)

func newApplier(sm StateMachine, closed <-chan struct{}) *applier {
	return &applier{sm: sm, closed: closed, pending: map[*byte]*proposal{}}
}

// expect says that data is about to be appended. Entries that a leader appended come to be applied in the very memory
// that they were proposed in, so that they can be recognised. An entry without bytes, or with bytes that somebody else
// is waiting for too, is not: its proposal is never done, and the proposer has to ask raft.
func (a *applier) expect(data []byte) *proposal {
	p := &proposal{done: make(chan struct{})}
	if len(data) == 0 {
		return p
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending[&data[0]] == nil {
		p.key = &data[0]
		a.pending[p.key] = p
	}
	return p
}

// unexpect ends what expect began.
func (a *applier) unexpect(p *proposal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.key != nil && a.pending[p.key] == p {
		delete(a.pending, p.key)
	}
}

// Apply applies one entry.
func (a *applier) Apply(l *raft.Log) any { return a.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch applies entries in order. The answer to a term mark is its term, to a command the state machine's bytes.
func (a *applier) ApplyBatch(logs []*raft.Log) []any {
	answers := make([]any, len(logs))
	for i, l := range logs {
		switch {
		case l.Type != raft.LogCommand: // a configuration: raft keeps it, we only count it
		case len(l.Extensions) == 0:
			answers[i] = a.sm.Apply(Entry{Index: l.Index, Term: l.Term, Data: l.Data})
		case string(l.Extensions) == string(termMark):
			answers[i] = l.Term
		default:
			panic(fmt.Sprintf("raftnode: entry %d of term %d has the unknown extension %q: this member is too old for its group", l.Index, l.Term, l.Extensions))
		}
	}
	last := logs[len(logs)-1]
	a.advance(last.Index, last.Term)
	a.answer(logs, answers)
	return answers
}

// answer wakes the proposers of entries that were applied.
func (a *applier) answer(logs []*raft.Log, answers []any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.pending) == 0 {
		return
	}
	for i, l := range logs {
		if len(l.Data) == 0 {
			continue
		}
		p := a.pending[&l.Data[0]]
		result, ok := answers[i].([]byte)
		if p == nil || !ok {
			continue
		}
		delete(a.pending, p.key)
		p.result, p.index = result, l.Index
		close(p.done)
	}
}

func (a *applier) advance(index, term uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if index < a.applied {
		return
	}
	a.applied, a.term = index, term
	for len(a.waiting) > 0 && a.waiting[0].index <= index {
		close(heap.Pop(&a.waiting).(*waiter).done)
	}
}

// at is the last applied index and its term.
func (a *applier) at() (index, term uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.applied, a.term
}

// wait returns when index is applied, or with the cause of ctx, or with ErrClosed.
func (a *applier) wait(ctx context.Context, index uint64) error {
	a.mu.Lock()
	if a.applied >= index {
		a.mu.Unlock()
		return nil
	}
	w := &waiter{index: index, done: make(chan struct{})}
	heap.Push(&a.waiting, w)
	a.mu.Unlock()
	why := ErrClosed
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-a.closed:
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.at >= 0 {
		heap.Remove(&a.waiting, w.at)
	}
	return fmt.Errorf("wait for entry %d (applied %d): %w", index, a.applied, why)
}

type waiter struct {
	index uint64
	done  chan struct{}
	at    int // position in the heap, -1 outside
}

// waitHeap has the lowest index first.
type waitHeap []*waiter

func (h waitHeap) Len() int           { return len(h) }
func (h waitHeap) Less(i, j int) bool { return h[i].index < h[j].index }
func (h waitHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].at, h[j].at = i, j }
func (h *waitHeap) Push(x any)        { w := x.(*waiter); w.at = len(*h); *h = append(*h, w) }
func (h *waitHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	w.at = -1
	return w
}

// A snapshot stream starts with a head, then the state machine's bytes follow. raft does not tell a state machine the
// index of the snapshot that it restores, so the stream has to.
//
//	offset 0  8 bytes  "HIVERAFT"
//	       8  1 byte   version, 1
//	       9  8 bytes  index of the last entry in it, big endian
//	      17  8 bytes  term of that entry, big endian
const (
	snapMagic    = "HIVERAFT"
	snapVersion  = 1
	snapHeadSize = len(snapMagic) + 1 + 8 + 8
)

func snapHead(index, term uint64) []byte {
	b := append([]byte(snapMagic), snapVersion)
	b = binary.BigEndian.AppendUint64(b, index)
	return binary.BigEndian.AppendUint64(b, term)
}

func parseSnapHead(r io.Reader) (index, term uint64, err error) {
	b := make([]byte, snapHeadSize)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, 0, fmt.Errorf("read snapshot head: %w", err)
	}
	if string(b[:len(snapMagic)]) != snapMagic {
		return 0, 0, fmt.Errorf("read snapshot head: magic %q, want %q", b[:len(snapMagic)], snapMagic)
	}
	if v := b[len(snapMagic)]; v != snapVersion {
		return 0, 0, fmt.Errorf("read snapshot head: version %d, this program knows %d", v, snapVersion)
	}
	b = b[len(snapMagic)+1:]
	return binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), nil
}

// Snapshot captures the state and its place in the log.
func (a *applier) Snapshot() (raft.FSMSnapshot, error) {
	s, err := a.sm.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("capture state: %w", err)
	}
	index, term := a.at()
	return &fsmSnapshot{Snapshot: s, head: snapHead(index, term)}, nil
}

// Restore replaces the state.
func (a *applier) Restore(rc io.ReadCloser) error {
	defer rc.Close()
	index, term, err := parseSnapHead(rc)
	if err != nil {
		return err
	}
	if err := a.sm.Restore(rc); err != nil {
		return fmt.Errorf("restore state at entry %d: %w", index, err)
	}
	a.advance(index, term)
	return nil
}

type fsmSnapshot struct {
	Snapshot
	head []byte
}

// Persist writes the snapshot to raft's store.
func (s *fsmSnapshot) Persist(sink raft.SnapshotSink) error {
	if err := s.write(sink); err != nil {
		sink.Cancel()
		return err
	}
	return sink.Close()
}

func (s *fsmSnapshot) write(w io.Writer) error {
	if _, err := w.Write(s.head); err != nil {
		return fmt.Errorf("write snapshot head: %w", err)
	}
	return s.Snapshot.Persist(w)
}
