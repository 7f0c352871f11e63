// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"bytes"
	"io"
	"sync"
)

// Recent keeps the newest lines that were written to it, for a bundle of what went wrong: the log itself may be in a
// journal that the agent cannot read. It is safe for concurrent use.
type Recent struct {
	mu    sync.Mutex // guards the fields below
	limit int
	text  []byte
}

// NewRecent keeps up to limit bytes.
func NewRecent(limit int) *Recent { return &Recent{limit: limit} }

var (
	_ io.Writer   = (*Recent)(nil)
	_ io.WriterTo = (*Recent)(nil)
)

// Write takes log lines in. It never fails.
func (r *Recent) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, p...)
	if len(r.text) <= 2*r.limit { // cutting every time would copy the whole for each line
		return len(p), nil
	}
	r.text = append([]byte(nil), tail(r.text, r.limit)...)
	return len(p), nil
}

// tail is the last whole lines of text that fit into limit.
func tail(text []byte, limit int) []byte {
	if len(text) <= limit {
		return text
	}
	text = text[len(text)-limit:]
	if at := bytes.IndexByte(text, '\n'); at >= 0 {
		text = text[at+1:]
	}
	return text
}

// WriteTo writes what is kept.
func (r *Recent) WriteTo(w io.Writer) (int64, error) {
	r.mu.Lock()
	text := bytes.Clone(tail(r.text, r.limit))
	r.mu.Unlock()
	n, err := w.Write(text)
	return int64(n), err
}
