// SPDX-License-Identifier: Apache-2.0

package powercut

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// node is a file or a directory. Each has a durable and a live image.
type node struct {
	dir bool

	// of a directory
	names, durableNames map[string]*node

	// of a file
	content, durable *pages
	pending          []dataOp
	locked           *file // the handle that holds the lock
}

func newDir() *node {
	return &node{dir: true, names: map[string]*node{}, durableNames: map[string]*node{}}
}

func newFile() *node { return &node{content: newPages(), durable: newPages()} }

// edit binds a name in a directory, or unbinds it when to is nil.
type edit struct {
	dir    *node
	name   string
	to     *node
	synced bool
}

// nameOp is a change of names that happens whole or not at all: one edit, or the two of a rename.
type nameOp struct{ edits []edit }

func (o *nameOp) durable() bool {
	for _, e := range o.edits {
		if !e.synced {
			return false
		}
	}
	return true
}

func (o *nameOp) applyDurable() {
	for _, e := range o.edits {
		if e.to == nil {
			delete(e.dir.durableNames, e.name)
			continue
		}
		e.dir.durableNames[e.name] = e.to
	}
}

// bind records edits and shows them in the live image at once.
func (f *FS) bind(edits ...edit) {
	for _, e := range edits {
		if e.to == nil {
			delete(e.dir.names, e.name)
			continue
		}
		e.dir.names[e.name] = e.to
	}
	f.pendingNames = append(f.pendingNames, &nameOp{edits: edits})
}

// syncDir makes the edits of dir durable and moves what is durable up to the first pending operation.
func (f *FS) syncDir(dir *node) {
	for _, op := range f.pendingNames {
		for i := range op.edits {
			if op.edits[i].dir == dir {
				op.edits[i].synced = true
			}
		}
	}
	done := 0
	for done < len(f.pendingNames) && f.pendingNames[done].durable() {
		f.pendingNames[done].applyDurable()
		done++
	}
	f.pendingNames = slices.Delete(f.pendingNames, 0, done)
}

// crash keeps what was synced and a random part of the rest.
func (f *FS) crash() {
	for _, op := range f.pendingNames {
		if op.durable() || f.rand.IntN(2) == 0 {
			op.applyDurable()
		}
	}
	f.pendingNames = nil
	f.root.crash(f.rand)
}

func (n *node) crash(r *rand.Rand) {
	n.locked = nil
	if !n.dir {
		for _, op := range n.pending {
			n.durable.applyTorn(op, r)
		}
		n.pending = nil
		n.content = n.durable.clone()
		return
	}
	n.names = maps.Clone(n.durableNames)
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		n.names[name].crash(r)
	}
}

func (n *node) unlock() {
	n.locked = nil
	for _, child := range n.names {
		child.unlock()
	}
}

func split(path string) []string {
	path = strings.Trim(filepath.Clean(path), "/")
	if path == "." || path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// find walks to path; the error is a bare errno for the caller to dress.
func (f *FS) find(path string) (*node, error) {
	n := f.root
	for _, name := range split(path) {
		if !n.dir {
			return nil, syscall.ENOTDIR
		}
		if n = n.names[name]; n == nil {
			return nil, syscall.ENOENT
		}
	}
	return n, nil
}

// parent finds the directory of path and the last name in it.
func (f *FS) parent(path string) (*node, string, error) {
	parts := split(path)
	if len(parts) == 0 {
		return nil, "", syscall.EINVAL
	}
	dir, err := f.find(strings.Join(parts[:len(parts)-1], "/"))
	if err != nil {
		return nil, "", err
	}
	if !dir.dir {
		return nil, "", syscall.ENOTDIR
	}
	return dir, parts[len(parts)-1], nil
}

// info describes a node; it is a snapshot.
type info struct {
	name string
	size int64
	dir  bool
}

func (n *node) info(name string) info {
	if n.dir {
		return info{name: name, dir: true}
	}
	return info{name: name, size: n.content.size}
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) IsDir() bool        { return i.dir }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}
