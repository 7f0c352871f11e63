// SPDX-License-Identifier: Apache-2.0

package faultfs

import (
	"strings"
)

// Op names an operation that can fail.
type Op string

// The operations. Sync covers Sync and Datasync; Zero covers ZeroRange, Punch covers PunchHole.
const (
	Open     Op = "open"
	Mkdir    Op = "mkdir"
	Rename   Op = "rename"
	Remove   Op = "remove"
	ReadDir  Op = "readdir"
	Stat     Op = "stat"
	SyncDir  Op = "syncdir"
	Free     Op = "free"
	Read     Op = "read"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync"
	Punch    Op = "punch"
	Zero     Op = "zero"
	Seek     Op = "seek"
	Copy     Op = "copy"
	Lock     Op = "lock"
)

// Rule makes an operation fail.
type Rule struct {
	// Op is the operation.
	Op Op
	// Path restricts the rule to names that contain it; empty means every name.
	Path string
	// Skip lets that many matching operations pass first.
	Skip int
	// Times is how many operations fail after those; 0 means all of them.
	Times int
	// Err is what the operation returns, usually a syscall.Errno.
	Err error
	// Short is how many bytes of a failing write still reach the file.
	Short int

	seen int
}

// Add makes r count from now on. The rule is copied.
func (f *FS) Add(r Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &r)
}

// Clear removes all rules.
func (f *FS) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// Count tells how many operations of this kind were asked for, whether they failed or not.
func (f *FS) Count(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[op]
}

// check counts the operation and returns the rule that makes it fail, or nil.
func (f *FS) check(op Op, path string) *Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[op]++
	for _, r := range f.rules {
		if r.Op != op || !strings.Contains(path, r.Path) {
			continue
		}
		r.seen++
		if r.seen > r.Skip && (r.Times == 0 || r.seen <= r.Skip+r.Times) {
			return r
		}
	}
	return nil
}
