// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/internal/vfs"
)

// Volume is an open volume. Its methods are those of blockstore.Volume.
type Volume struct {
	id    string
	dir   string
	fs    vfs.FS
	lock  vfs.File
	data  vfs.File
	epoch uint64
	size  atomic.Int64
	sync  *syncer

	slowPunch, slowZero atomic.Bool // the file system cannot punch or zero: zeros are written

	life   sync.RWMutex // read-locked by every request; Close takes it whole
	closed bool

	growMu sync.Mutex // one Grow at a time: a smaller one must not cut what a larger one added

	metaMu sync.Mutex
	meta   volumeMeta
}

var (
	_ blockstore.Volume     = (*Volume)(nil)
	_ blockstore.TryReader  = (*Volume)(nil)
	_ blockstore.FastZeroer = (*Volume)(nil)
)

// OpenVolume opens a volume for the owner that was granted epoch, which must be at least 1. The epoch is durable
// when it returns: every lower one is refused from then on.
// Errors: blockstore.ErrNotFound, ErrInUse (open already), ErrFenced (a higher epoch was here), ErrFailed (a flush was
// lost in this epoch; ask for a higher one), ErrCorrupt.
func (s *Store) OpenVolume(_ context.Context, id string, epoch uint64) (*Volume, error) {
	if epoch == 0 {
		return nil, fmt.Errorf("open volume %s at epoch 0: %w", id, blockstore.ErrInvalid)
	}
	v, err := s.openVolume(id, epoch)
	if err != nil {
		return nil, fmt.Errorf("open volume %s at epoch %d: %w", id, epoch, err)
	}
	return v, nil
}

// GrowVolume makes a volume longer that nobody has open (else blockstore.ErrInUse; then ask the open volume). Its epoch stays.
// Errors: those of OpenVolume and Volume.Grow.
func (s *Store) GrowVolume(ctx context.Context, id string, size int64) error {
	v, err := s.openVolume(id, 0)
	if err != nil {
		return fmt.Errorf("grow volume %s: %w", id, err)
	}
	return errors.Join(v.Grow(ctx, size), v.Close(ctx))
}

// openVolume opens at an epoch; 0 means whatever the last one was.
func (s *Store) openVolume(id string, epoch uint64) (_ *Volume, err error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	defer s.names.lock(volumeKey(id))()
	v := &Volume{id: id, dir: s.volumeDir(id), fs: s.fs}
	// The lock comes first: what is read below must not change under us.
	v.lock, err = s.takeLock(filepath.Join(v.dir, lockName), 0)
	if notExist(err) {
		if _, err := s.readMeta(v.dir); err != nil {
			return nil, err // not found, or corrupt
		}
		return nil, fmt.Errorf("lock file is missing: %w", blockstore.ErrCorrupt)
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			v.release()
		}
	}()
	if v.meta, err = s.readVolumeMeta(id); err != nil {
		return nil, err
	}
	if epoch == 0 {
		epoch = v.meta.Epoch
	}
	v.epoch = epoch
	if epoch < v.meta.Epoch {
		return nil, fmt.Errorf("epoch %d was here: %w", v.meta.Epoch, blockstore.ErrFenced)
	}
	if v.meta.FailedEpoch != 0 && epoch <= v.meta.FailedEpoch {
		return nil, blockstore.ErrFailed
	}
	if err := v.openData(); err != nil {
		return nil, err
	}
	if epoch > v.meta.Epoch {
		return v, v.replaceMeta(func(m *volumeMeta) { m.Epoch = epoch })
	}
	// A process that died may have replaced the metadata without making the rename durable.
	return v, v.fs.SyncDir(v.dir)
}

// openData opens the raw file and makes its length what the metadata says: longer is the rest of a Grow that was cut
// short and holds nothing; shorter cannot be.
func (v *Volume) openData() (err error) {
	v.data, err = v.fs.OpenFile(filepath.Join(v.dir, dataName), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	v.sync = newSyncer(v.data.Datasync, v.fail)
	size, err := v.data.Size()
	if err != nil {
		return err
	}
	if size < v.meta.SizeBytes {
		return fmt.Errorf("raw file has %d of %d bytes: %w", size, v.meta.SizeBytes, blockstore.ErrCorrupt)
	}
	if size > v.meta.SizeBytes {
		if err := v.data.Truncate(v.meta.SizeBytes); err != nil {
			return err
		}
	}
	v.size.Store(v.meta.SizeBytes)
	// Punching behind the end changes nothing but tells whether this file system can.
	v.slowPunch.Store(errors.Is(v.data.PunchHole(v.meta.SizeBytes, blockstore.BlockBytes), vfs.ErrNotSupported))
	return nil
}

// release closes what is open, the lock last: nobody else may come in before the data file is closed.
func (v *Volume) release() error {
	var errs []error
	for _, f := range []vfs.File{v.data, v.lock} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// replaceMeta changes the metadata on disk, then in memory.
func (v *Volume) replaceMeta(change func(*volumeMeta)) error {
	v.metaMu.Lock()
	defer v.metaMu.Unlock()
	next := v.meta
	change(&next)
	if err := vfs.WriteFileAtomic(v.fs, filepath.Join(v.dir, metaName), next.encode(), 0o600); err != nil {
		return dress(fmt.Errorf("replace metadata: %w", err))
	}
	v.meta = next
	return nil
}

// fail remembers on disk that a flush was lost. When even that fails there is nothing left to do: this process refuses
// the volume anyway.
func (v *Volume) fail() {
	_ = v.replaceMeta(func(m *volumeMeta) { m.FailedEpoch = v.epoch })
}

// ID is the volume's id.
func (v *Volume) ID() string { return v.id }

// Epoch is what the volume was opened under.
func (v *Volume) Epoch() uint64 { return v.epoch }

// Size is the length in bytes.
func (v *Volume) Size() int64 { return v.size.Load() }

// enter lets a request in: the volume is open, has not failed, and the range lies inside. When it returns nil the
// caller must call v.life.RUnlock.
func (v *Volume) enter(off, n int64) error {
	v.life.RLock()
	err := v.sync.failed()
	if err == nil {
		err = blockstore.CheckRange(off, n, v.size.Load())
	}
	if v.closed {
		err = blockstore.ErrClosed
	}
	if err != nil {
		v.life.RUnlock()
	}
	return err
}

// ReadAt fills p from off.
func (v *Volume) ReadAt(_ context.Context, p []byte, off int64) error {
	if err := v.enter(off, int64(len(p))); err != nil {
		return err
	}
	defer v.life.RUnlock()
	if n, err := v.data.ReadAt(p, off); n < len(p) {
		return v.wrap("read", errors.Join(err, io.ErrUnexpectedEOF))
	}
	return nil
}

// TryReadAt reads what is in the page cache.
func (v *Volume) TryReadAt(p []byte, off int64) error {
	if err := v.enter(off, int64(len(p))); err != nil {
		return err
	}
	defer v.life.RUnlock()
	n, err := v.data.ReadAtNowait(p, off)
	if errors.Is(err, vfs.ErrWouldBlock) || (err == nil && n < len(p)) {
		return blockstore.ErrWouldBlock
	}
	if err != nil {
		return v.wrap("read", err)
	}
	return nil
}

// WriteAt stores p at off.
func (v *Volume) WriteAt(_ context.Context, p []byte, off int64, fua bool) error {
	if err := v.enter(off, int64(len(p))); err != nil {
		return err
	}
	defer v.life.RUnlock()
	_, err := v.data.WriteAt(p, off)
	v.sync.dirty() // also after an error: a part may be there
	if err != nil {
		return v.wrap("write", err)
	}
	return v.flushIf(fua)
}

// Zero makes a range read as zeros.
func (v *Volume) Zero(ctx context.Context, off, n int64, mayUnmap, fua bool) error {
	if err := v.enter(off, n); err != nil {
		return err
	}
	defer v.life.RUnlock()
	if n == 0 {
		return v.flushIf(fua)
	}
	zero, slow := v.data.ZeroRange, &v.slowZero
	if mayUnmap {
		zero, slow = v.data.PunchHole, &v.slowPunch
	}
	err := zero(off, n)
	if errors.Is(err, vfs.ErrNotSupported) {
		slow.Store(true)
		err = v.writeZeros(ctx, off, n)
	}
	v.sync.dirty()
	if err != nil {
		return v.wrap("zero", err)
	}
	return v.flushIf(fua)
}

func (v *Volume) writeZeros(ctx context.Context, off, n int64) error {
	for n > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		part := zeros[:min(n, int64(len(zeros)))]
		if _, err := v.data.WriteAt(part, off); err != nil {
			return err
		}
		off, n = off+int64(len(part)), n-int64(len(part))
	}
	return nil
}

// FastZero tells whether the file system can zero a range by itself; for ranges that stay allocated it is known
// only after the first.
func (v *Volume) FastZero(mayUnmap bool) bool {
	if mayUnmap {
		return !v.slowPunch.Load()
	}
	return !v.slowZero.Load()
}

// Trim gives a range back to the file system where that can take it.
func (v *Volume) Trim(_ context.Context, off, n int64) error {
	if err := v.enter(off, n); err != nil {
		return err
	}
	defer v.life.RUnlock()
	if n == 0 {
		return nil
	}
	err := v.data.PunchHole(off, n)
	v.sync.dirty()
	if err != nil && !errors.Is(err, vfs.ErrNotSupported) {
		return v.wrap("trim", err)
	}
	return nil
}

// Flush makes durable what was answered before.
func (v *Volume) Flush(context.Context) error {
	if err := v.enter(0, 0); err != nil {
		return err
	}
	defer v.life.RUnlock()
	return v.flushIf(true)
}

func (v *Volume) flushIf(wanted bool) error {
	if !wanted {
		return nil
	}
	if err := v.sync.flush(); err != nil {
		return fmt.Errorf("flush volume %s: %w", v.id, err)
	}
	return nil
}

// Grow makes the volume longer. The file grows and is synced before the metadata says so: see openData.
func (v *Volume) Grow(_ context.Context, size int64) error {
	if err := v.enter(0, 0); err != nil {
		return err
	}
	defer v.life.RUnlock()
	if err := checkSize(size); err != nil {
		return fmt.Errorf("grow volume %s: %w", v.id, err)
	}
	v.growMu.Lock()
	defer v.growMu.Unlock()
	have := v.size.Load()
	if size == have {
		return nil
	}
	if size < have {
		return fmt.Errorf("grow volume %s from %d to %d bytes: %w", v.id, have, size, blockstore.ErrShrink)
	}
	if err := v.data.Truncate(size); err != nil {
		return v.wrap("grow", err)
	}
	v.sync.dirty()
	if err := v.flushIf(true); err != nil {
		return err
	}
	if err := v.replaceMeta(func(m *volumeMeta) { m.SizeBytes = size }); err != nil {
		return v.wrap("grow", err)
	}
	v.size.Store(size)
	return nil
}

// Extents tells data from holes.
func (v *Volume) Extents(_ context.Context, off, n int64) ([]blockstore.Extent, error) {
	if err := v.enter(off, n); err != nil {
		return nil, err
	}
	defer v.life.RUnlock()
	var list []blockstore.Extent
	for at, end := off, off+n; at < end && len(list) < blockstore.MaxExtents; {
		hole := true
		next, err := v.data.NextData(at)
		if errors.Is(err, io.EOF) {
			next, err = end, nil
		}
		if err == nil && next == at {
			hole = false
			next, err = v.data.NextHole(at)
		}
		if err != nil {
			return nil, v.wrap("map", err)
		}
		next = min(next, end)
		list = append(list, blockstore.Extent{Off: at, Len: next - at, Hole: hole})
		at = next
	}
	return list, nil
}

// Failed is the lost flush that stopped the volume, or nil.
func (v *Volume) Failed() error { return v.sync.failed() }

// Close flushes and closes, and waits for the requests under way first.
func (v *Volume) Close(context.Context) error { return v.close(true) }

// Detach closes without a flush, as the death of the process would: nothing that was answered is lost, but what was not flushed
// stays to be flushed by whoever opens the volume next. It is for a process that will be back in a moment, whose guests should
// not wait for the disk.
func (v *Volume) Detach() error { return v.close(false) }

func (v *Volume) close(flush bool) error {
	v.life.Lock()
	defer v.life.Unlock()
	if v.closed {
		return blockstore.ErrClosed
	}
	v.closed = true
	err := v.flushIf(flush)
	return errors.Join(err, v.release())
}

func (v *Volume) wrap(verb string, err error) error {
	return dress(fmt.Errorf("%s volume %s: %w", verb, v.id, err))
}
