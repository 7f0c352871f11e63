// SPDX-License-Identifier: Apache-2.0

package powercut

import (
	"math/rand/v2"
)

const (
	pageSize   = 4096
	sectorSize = 512 // the unit a device writes in one piece
)

// pages is the content of a file: a page that is missing is a hole.
type pages struct {
	size int64
	data map[int64]*[pageSize]byte
}

func newPages() *pages { return &pages{data: make(map[int64]*[pageSize]byte)} }

func (p *pages) clone() *pages {
	c := &pages{size: p.size, data: make(map[int64]*[pageSize]byte, len(p.data))}
	for i, page := range p.data {
		dup := *page
		c.data[i] = &dup
	}
	return c
}

// each cuts [off, off+n) at page borders.
func each(off, n int64, visit func(page int64, from, to int, done int64)) {
	for done := int64(0); done < n; {
		at := off + done
		from := int(at % pageSize)
		to := int(min(int64(pageSize), int64(from)+n-done))
		visit(at/pageSize, from, to, done)
		done += int64(to - from)
	}
}

func (p *pages) read(b []byte, off int64) {
	each(off, int64(len(b)), func(i int64, from, to int, done int64) {
		part := b[done : done+int64(to-from)]
		if page := p.data[i]; page != nil {
			copy(part, page[from:to])
			return
		}
		clear(part)
	})
}

func (p *pages) write(b []byte, off int64) {
	each(off, int64(len(b)), func(i int64, from, to int, done int64) {
		page := p.data[i]
		if page == nil {
			page = new([pageSize]byte)
			p.data[i] = page
		}
		copy(page[from:to], b[done:])
	})
	p.size = max(p.size, off+int64(len(b)))
}

// zero clears [off, off+n) up to the end of the file. Whole pages become holes unless keep is set.
func (p *pages) zero(off, n int64, keep bool) {
	n = min(n, p.size-off)
	each(off, n, func(i int64, from, to int, _ int64) {
		page := p.data[i]
		switch {
		case page == nil && keep:
			p.data[i] = new([pageSize]byte)
		case page == nil:
		case to-from == pageSize && !keep:
			delete(p.data, i)
		default:
			clear(page[from:to])
		}
	})
}

func (p *pages) truncate(size int64) {
	if size < p.size {
		for i := range p.data {
			if i*pageSize >= size {
				delete(p.data, i)
			}
		}
		if page := p.data[size/pageSize]; page != nil {
			clear(page[size%pageSize:])
		}
	}
	p.size = size
}

// dataOp is one change of a file's content.
type dataOp struct {
	kind opKind
	off  int64
	n    int64 // zero: length; truncate: new size
	data []byte
}

type opKind int

const (
	opWrite opKind = iota
	opPunch
	opZero
	opTruncate
)

func (p *pages) apply(op dataOp) {
	switch op.kind {
	case opWrite:
		p.write(op.data, op.off)
	case opPunch:
		p.zero(op.off, op.n, false)
	case opZero:
		p.zero(op.off, op.n, true)
	case opTruncate:
		p.truncate(op.n)
	}
}

// applyTorn does to the content what a power cut may leave of op: nothing, all, or of a write any of its sectors.
func (p *pages) applyTorn(op dataOp, r *rand.Rand) {
	fate := r.IntN(3)
	if fate == 0 {
		return
	}
	if fate == 1 || op.kind != opWrite {
		p.apply(op)
		return
	}
	end := op.off + int64(len(op.data))
	for at := op.off; at < end; {
		next := min((at/sectorSize+1)*sectorSize, end)
		if r.IntN(2) == 0 {
			p.write(op.data[at-op.off:next-op.off], at)
		}
		at = next
	}
}
