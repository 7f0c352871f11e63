// SPDX-License-Identifier: Apache-2.0

package testcluster

import (
	"sync"

	"github.com/hashicorp/raft"

	"github.com/hivecloud/hive/raftnode"
)

// Disk is the log, vote and snapshots of a member, in memory.
type Disk struct {
	*raft.InmemStore
	snapshots *raft.InmemSnapshotStore

	mu      sync.Mutex
	stalled chan struct{} // nil when it works
}

// NewDisk returns an empty disk.
func NewDisk() *Disk {
	return &Disk{InmemStore: raft.NewInmemStore(), snapshots: raft.NewInmemSnapshotStore()}
}

// Storage is the disk as a node opens it. It may be opened again after the node was closed.
func (d *Disk) Storage() *raftnode.Storage {
	return &raftnode.Storage{Logs: d, Stable: d, Snapshots: d.snapshots}
}

// Stall makes all writes wait until Resume.
func (d *Disk) Stall() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stalled == nil {
		d.stalled = make(chan struct{})
	}
}

// Resume lets waiting writes go on.
func (d *Disk) Resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stalled != nil {
		close(d.stalled)
		d.stalled = nil
	}
}

func (d *Disk) wait() {
	d.mu.Lock()
	stalled := d.stalled
	d.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
}

// StoreLog writes an entry.
func (d *Disk) StoreLog(l *raft.Log) error { return d.StoreLogs([]*raft.Log{l}) }

// StoreLogs writes entries.
func (d *Disk) StoreLogs(l []*raft.Log) error {
	d.wait()
	return d.InmemStore.StoreLogs(l)
}

// Set writes a value, such as a vote.
func (d *Disk) Set(key, value []byte) error {
	d.wait()
	return d.InmemStore.Set(key, value)
}

// SetUint64 writes a number, such as a term.
func (d *Disk) SetUint64(key []byte, value uint64) error {
	d.wait()
	return d.InmemStore.SetUint64(key, value)
}
