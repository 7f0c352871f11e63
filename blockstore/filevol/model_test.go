// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/internal/vfs/powercut"
)

// The model of a disk: what every byte reads as now, and what it may read as after a power cut. Rule of the whole
// suite: a flush that succeeded leaves each byte one choice.
type model struct {
	now     []byte
	choices [][]byte // besides now
}

func (m *model) grow(size int64) {
	more := int(size) - len(m.now)
	m.now = append(m.now, make([]byte, more)...)
	m.choices = append(m.choices, make([][]byte, more)...)
}

// set changes a range; durable leaves no other choice.
func (m *model) set(off, n int64, b byte, durable bool) {
	for i := off; i < off+n; i++ {
		if durable {
			m.choices[i] = nil
		} else if !slices.Contains(m.choices[i], m.now[i]) {
			m.choices[i] = append(m.choices[i], m.now[i])
		}
		m.now[i] = b
	}
}

func (m *model) flush() { clear(m.choices) }

// matches checks what was read; after a crash each byte may be an older one, which it then is for good.
func (m *model) matches(got []byte, crashed bool) error {
	for i, b := range got {
		if b != m.now[i] && !(crashed && slices.Contains(m.choices[i], b)) {
			return fmt.Errorf("byte %d is %#x, want %#x (crashed %v, or one of %x)", i, b, m.now[i], crashed, m.choices[i])
		}
	}
	if crashed {
		m.now = bytes.Clone(got)
		m.flush()
	}
	return nil
}

// run is a volume under test beside its model.
type run struct {
	rand  *rand.Rand
	cut   *powercut.FS
	fs    vfs.FS
	store *Store
	vol   *Volume
	epoch uint64
	model model
	log   []string
}

const modelVolume = "vol-1"

func (r *run) note(format string, args ...any) { r.log = append(r.log, fmt.Sprintf(format, args...)) }

// open starts a store and the volume, as a new process does.
func (r *run) open(ctx context.Context) error {
	store, err := New(Config{Dir: "/store", FS: r.fs})
	if err != nil {
		return err
	}
	if err := store.Open(); err != nil {
		return err
	}
	r.store = store
	if r.epoch > 1 {
		if _, err := store.OpenVolume(ctx, modelVolume, r.epoch-1); !errors.Is(err, blockstore.ErrFenced) {
			return fmt.Errorf("epoch %d after %d: %v, want ErrFenced", r.epoch-1, r.epoch, err)
		}
	}
	r.epoch += r.rand.Uint64N(2)
	r.vol, err = store.OpenVolume(ctx, modelVolume, r.epoch)
	return err
}

func (r *run) check(crashed bool) error {
	if got, want := r.vol.Size(), int64(len(r.model.now)); got != want {
		return fmt.Errorf("size %d, want %d", got, want)
	}
	got := make([]byte, r.vol.Size())
	if err := r.vol.ReadAt(context.Background(), got, 0); err != nil {
		return err
	}
	return r.model.matches(got, crashed)
}

// span is a random range, often aligned, never empty.
func (r *run) span() (off, n int64) {
	size := int64(len(r.model.now))
	if r.rand.IntN(2) == 0 {
		off = r.rand.Int64N(size/4096) * 4096
		return off, min(size-off, (1+r.rand.Int64N(3))*4096)
	}
	off = r.rand.Int64N(size)
	return off, min(size-off, 1+r.rand.Int64N(9000))
}

func (r *run) step(ctx context.Context) error {
	off, n := r.span()
	fua := r.rand.IntN(4) == 0
	b := byte(1 + r.rand.IntN(255))
	switch k := r.rand.IntN(100); {
	case k < 50:
		r.note("write %d+%d = %#x fua %v", off, n, b, fua)
		r.model.set(off, n, b, fua)
		return r.vol.WriteAt(ctx, bytes.Repeat([]byte{b}, int(n)), off, fua)
	case k < 60:
		unmap := r.rand.IntN(2) == 0
		r.note("zero %d+%d unmap %v fua %v", off, n, unmap, fua)
		r.model.set(off, n, 0, fua)
		return r.vol.Zero(ctx, off, n, unmap, fua)
	case k < 65:
		r.note("trim %d+%d", off, n)
		r.model.set(off, n, 0, false)
		return r.vol.Trim(ctx, off, n)
	case k < 80:
		r.note("flush")
		r.model.flush()
		return r.vol.Flush(ctx)
	case k < 82:
		size := int64(len(r.model.now)) + 4096*r.rand.Int64N(4)
		r.note("grow to %d", size)
		r.model.grow(size)
		return r.vol.Grow(ctx, size)
	case k < 86:
		r.note("close and open")
		if err := errors.Join(r.vol.Close(ctx), r.store.Close()); err != nil {
			return err
		}
		r.model.flush()
		return errors.Join(r.open(ctx), r.check(false))
	case k < 92:
		r.note("kill")
		r.cut.Kill()
		if err := r.open(ctx); err != nil {
			return err
		}
		return r.check(false)
	case k < 98:
		r.note("power cut")
		r.cut.Crash()
		if err := r.open(ctx); err != nil {
			return err
		}
		return r.check(true)
	default:
		return r.check(false)
	}
}

// runModel is one random life of a volume; wrap may put a faulty layer between engine and disk.
func runModel(ctx context.Context, seed uint64, steps int, wrap func(*powercut.FS) vfs.FS) (err error) {
	cut := powercut.New(seed)
	r := &run{rand: rand.New(rand.NewPCG(seed, 1)), cut: cut, fs: wrap(cut), epoch: 1}
	defer func() {
		if err != nil {
			err = fmt.Errorf("seed %d: %w\n%v", seed, err, r.log)
		}
	}()
	setup, err := New(Config{Dir: "/store", FS: r.fs})
	if err != nil {
		return err
	}
	size := int64(8 * 4096)
	if err := errors.Join(setup.Open(), setup.CreateVolume(ctx, VolumeSpec{ID: modelVolume, SizeBytes: size}), setup.Close()); err != nil {
		return err
	}
	r.model.grow(size)
	if err := r.open(ctx); err != nil {
		return err
	}
	for range steps {
		if err := r.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func honest(f *powercut.FS) vfs.FS { return f }

// modelSeeds is raised by long runs.
var modelSeeds = flag.Uint64("seeds", 120, "random lives of a volume to check against the model")

func TestModel_EverythingFlushedSurvivesPowerCutsAndKills(t *testing.T) {
	t.Parallel()
	for seed := range *modelSeeds {
		if err := runModel(t.Context(), seed, 60, honest); err != nil {
			t.Fatal(err)
		}
	}
}

// lazyFS is an engine's mistake in disguise: chosen syncs succeed and do nothing.
type lazyFS struct {
	vfs.FS
	skip func(name string, nth int) bool
}

type lazyFile struct {
	vfs.File
	fs    *lazyFS
	syncs int
}

func (f *lazyFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	h, err := f.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &lazyFile{File: h, fs: f}, nil
}

func (h *lazyFile) Datasync() error {
	h.syncs++
	if h.fs.skip(h.Name(), h.syncs) {
		return nil
	}
	return h.File.Datasync()
}

// TestModel_HasTeeth runs the model against engines that are wrong; it must notice each.
func TestModel_HasTeeth(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(*powercut.FS) vfs.FS{
		"flush skips fdatasync": func(f *powercut.FS) vfs.FS {
			return &lazyFS{FS: f, skip: func(string, int) bool { return true }}
		},
		// What an engine does that takes a fresh handle for clean: writes of the process before it are never synced.
		"first flush after open skips fdatasync": func(f *powercut.FS) vfs.FS {
			return &lazyFS{FS: f, skip: func(_ string, nth int) bool { return nth == 1 }}
		},
		"disk ignores every sync": func(f *powercut.FS) vfs.FS { f.IgnoreSyncs(); return f },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(300) {
				if runModel(t.Context(), seed, 60, wrap) != nil {
					return
				}
			}
			t.Fatal("300 runs noticed nothing")
		})
	}
}
