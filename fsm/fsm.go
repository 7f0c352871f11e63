// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/snapshot"
	"github.com/hivecloud/hive/fsm/state"
)

// FSM is one replica of the region's truth. Apply and Restore are called by one goroutine; everything else by any.
type FSM struct {
	mu      sync.RWMutex // guards the fields below; held for writing only while a transaction is made visible
	store   *state.Store
	index   uint64
	time    state.Time
	changed chan struct{} // closed and replaced after each Apply and Restore
}

// New returns an empty replica.
func New() *FSM {
	return &FSM{store: state.NewStore(), changed: make(chan struct{})}
}

// View is a consistent snapshot of the rows as of the last applied entry.
func (f *FSM) View() *state.View {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.store.View()
}

// Applied is the index of the last applied entry.
func (f *FSM) Applied() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.index
}

// Now is the newest time that any applied command carried.
func (f *FSM) Now() state.Time {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.time
}

// Changed is closed when the state changes after the call. Watchers take the channel first and a View second.
func (f *FSM) Changed() <-chan struct{} {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.changed
}

// Hash is a hash of the whole state: equal on replicas that applied the same entries.
func (f *FSM) Hash() [32]byte {
	hash, _ := f.HashAt()
	return hash
}

// HashAt is Hash and the index of the last entry that it covers. Two calls would not do: an entry may come between them.
func (f *FSM) HashAt() (hash [32]byte, index uint64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return hashOf(f.store, f.time), f.index
}

func hashOf(s *state.Store, now state.Time) [32]byte {
	var b [40]byte
	for i, lane := range s.Hash() {
		binary.BigEndian.PutUint64(b[i*8:], lane)
	}
	binary.BigEndian.PutUint64(b[32:], uint64(now))
	return sha256.Sum256(b[:])
}

// apply is what a command's rule sees.
type apply struct {
	*state.Txn
	now    state.Time
	index  uint64
	region state.Region
}

// Apply applies the log entry at index and answers with an encoded result (command.DecodeResult reads it). An entry
// at or below the last applied index is skipped. It panics on an entry that this binary cannot understand.
func (f *FSM) Apply(index uint64, data []byte) []byte {
	if index <= f.Applied() {
		return command.EncodeResult(nil, command.Errorf("AlreadyApplied", "Entry %d was applied before.", index))
	}
	e, err := command.Decode(data)
	if err != nil {
		if errors.Is(err, command.ErrUnknownType) && e.Ignorable {
			f.publish(index, f.time, nil)
			return command.EncodeResult(nil, nil)
		}
		panic(fmt.Sprintf("apply entry %d of type %s: %v: this binary is too old for the log or the log is damaged",
			index, e.Type.Name(), err))
	}
	now := max(e.Time, f.time)
	tx := f.store.Begin()
	if seen, ok := state.Requests.First(tx.View, state.ByName, e.Request.String()); ok {
		tx.Abort()
		f.publish(index, now, nil)
		return seen.Result
	}
	region, _ := tx.Region()
	a := &apply{Txn: tx, now: now, index: index, region: region}
	value, refusal := a.run(e.Command)
	if refusal != nil {
		tx.Abort()
		tx = f.store.Begin()
	}
	result := command.EncodeResult(value, refusal)
	state.Requests.Put(tx, &state.Request{Slot: index % state.RequestSlots, ID: e.Request.String(), Index: index, Result: result})
	f.publish(index, now, tx)
	return result
}

// publish makes a transaction (which may be nil) visible together with index and time.
func (f *FSM) publish(index uint64, now state.Time, tx *state.Txn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if tx != nil {
		tx.Commit()
	}
	f.index, f.time = index, now
	close(f.changed)
	f.changed = make(chan struct{})
}

// run finds the rule of a command.
func (a *apply) run(c command.Command) (any, *command.Error) {
	if _, isInit := c.(command.InitRegion); !isInit && a.region.Key == "" {
		return nil, command.Errorf("RegionNotInitialized", "The region has not been initialised.")
	}
	// A setting that came later is unknown to the version before, and has to be here in the same words: setSetting.
	if _, setting := c.(command.SetSetting); !setting {
		if refusal := command.TooNew(c, a.level()); refusal != nil {
			return nil, refusal
		}
	}
	switch c := c.(type) {
	case command.InitRegion:
		return a.initRegion(c)
	case command.SetFormatLevel:
		return a.setFormatLevel(c)
	case command.Tick:
		return a.tick()
	case command.RegisterNode:
		return a.registerNode(c)
	case command.ReportNode:
		return a.reportNode(c)
	case command.SetSetting:
		return a.setSetting(c)
	case command.RestoreRegion:
		return a.restoreRegion()
	case command.CreateAccount:
		return a.createAccount(c)
	case command.CreateAccessKey:
		return a.createAccessKey(c)
	case command.UpdateAccessKey:
		return a.updateAccessKey(c)
	case command.DeleteAccessKey:
		return a.deleteAccessKey(c)
	case command.CreateKeyPair:
		return a.createKeyPair(c)
	case command.DeleteKeyPair:
		return a.deleteKeyPair(c)
	case command.CreateTags:
		return a.createTags(c)
	case command.DeleteTags:
		return a.deleteTags(c)
	}
	return a.runMember(c)
}

// runMember is the second third of run: who belongs to the cluster.
func (a *apply) runMember(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.InitCluster:
		return a.initCluster(c)
	case command.CreateJoinToken:
		return a.createJoinToken(c)
	case command.RevokeJoinToken:
		return a.revokeJoinToken(c)
	case command.AdmitNode:
		return a.admitNode(c)
	case command.AdvertiseNode:
		return a.advertiseNode(c)
	case command.EjectNode:
		return a.ejectNode(c)
	case command.ReportSnapshot:
		return a.reportSnapshot(c)
	case command.PublishSettings:
		return a.publishSettings(c)
	}
	return a.runRotation(c)
}

// runResource is the last third of run: instances, volumes and images.
func (a *apply) runResource(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.RunInstances:
		return a.runInstances(c)
	case command.StartInstances:
		return a.startInstances(c)
	case command.StopInstances:
		return a.stopInstances(c)
	case command.RebootInstances:
		return a.rebootInstances(c)
	case command.TerminateInstances:
		return a.terminateInstances(c)
	case command.ModifyInstance:
		return a.modifyInstance(c)
	case command.MonitorInstances:
		return a.monitorInstances(c)
	case command.ReportInstances:
		return a.reportInstances(c)
	case command.ReportVolumes:
		return a.reportVolumes(c)
	case command.ImportImage:
		return a.importImage(c)
	case command.RegisterImage:
		return a.registerImage(c)
	case command.DeregisterImage:
		return a.deregisterImage(c)
	case command.ModifyImage:
		return a.modifyImage(c)
	case command.DeleteSnapshot:
		return a.deleteSnapshot(c)
	}
	return a.runProfile(c)
}

// runPlacement is the third part of run: placement groups.
func (a *apply) runPlacement(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.CreatePlacementGroup:
		return a.createPlacementGroup(c)
	case command.DeletePlacementGroup:
		return a.deletePlacementGroup(c)
	case command.ModifyInstancePlacement:
		return a.modifyInstancePlacement(c)
	}
	return a.runIdentity(c)
}

// Snapshot is the state at one index, immutable, to be written out while Apply goes on.
type Snapshot struct {
	view *state.View
	head snapshot.Header
}

// Snapshot takes a snapshot; it is quick and blocks nothing.
func (f *FSM) Snapshot() *Snapshot {
	f.mu.RLock()
	defer f.mu.RUnlock()
	view := f.store.View()
	region, _ := view.Region()
	return &Snapshot{view: view, head: snapshot.Header{
		FormatLevel: max(region.FormatLevel, 1), Index: f.index, Time: int64(f.time), ClusterID: region.ClusterID,
		StateHash: hashOf(f.store, f.time),
	}}
}

// Persist writes the snapshot.
func (s *Snapshot) Persist(w io.Writer) error { return snapshot.Write(w, s.head, s.view) }

// Restore replaces the state by a snapshot's. On an error the state is as it was.
func (f *FSM) Restore(r io.Reader) error {
	head, store, err := snapshot.Read(r)
	if err != nil {
		return err
	}
	if got := hashOf(store, state.Time(head.Time)); got != head.StateHash {
		return fmt.Errorf("restore snapshot at index %d: state hash %x, header says %x: %w", head.Index, got, head.StateHash, snapshot.ErrCorrupt)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store, f.index, f.time = store, head.Index, state.Time(head.Time)
	close(f.changed)
	f.changed = make(chan struct{})
	return nil
}
