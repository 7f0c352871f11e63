// SPDX-License-Identifier: Apache-2.0

package nbd_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/memvol"
	"github.com/hivecloud/hive/blockstore/nbd"
	"github.com/hivecloud/hive/blockstore/nbd/nbdtest"
)

// recorder writes down what the engine is asked for. It hides that its volume is in memory.
type recorder struct {
	blockstore.Volume
	mu    sync.Mutex
	calls []string
}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

func (r *recorder) WriteAt(ctx context.Context, p []byte, off int64, fua bool) error {
	r.note("write %d+%d fua=%v", off, len(p), fua)
	return r.Volume.WriteAt(ctx, p, off, fua)
}

func (r *recorder) Flush(ctx context.Context) error {
	r.note("flush")
	return r.Volume.Flush(ctx)
}

func (r *recorder) Trim(ctx context.Context, off, n int64) error {
	r.note("trim %d+%d", off, n)
	return r.Volume.Trim(ctx, off, n)
}

func (r *recorder) Zero(ctx context.Context, off, n int64, mayUnmap, fua bool) error {
	r.note("zero %d+%d unmap=%v fua=%v", off, n, mayUnmap, fua)
	return r.Volume.Zero(ctx, off, n, mayUnmap, fua)
}

// TestFUA_IsAnsweredOnlyAfterTheEngineMadeItDurable holds the front end to what the client asked for.
func TestFUA_IsAnsweredOnlyAfterTheEngineMadeItDurable(t *testing.T) {
	t.Parallel()
	r := &recorder{Volume: memvol.New(1 << 20)}
	_, socket := start(t, nbd.Config{Volume: r})
	c := dial(t, socket)
	for _, step := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"write", func() error { return c.Write(10, make([]byte, 5), 0) }, []string{"write 10+5 fua=false"}},
		{"write fua", func() error { return c.Write(10, make([]byte, 5), nbdtest.FUA) }, []string{"write 10+5 fua=false", "flush"}},
		{"flush", c.Flush, []string{"flush"}},
		{"trim", func() error { return c.Trim(0, 7) }, []string{"trim 0+7"}},
		{"trim fua", func() error { _, err := c.Do(4, nbdtest.FUA, 0, 7, nil); return err }, []string{"trim 0+7", "flush"}},
		{"zero", func() error { return c.Zero(0, 7, 0) }, []string{"zero 0+7 unmap=true fua=false"}},
		{"zero no hole fua", func() error { return c.Zero(0, 7, nbdtest.NoHole|nbdtest.FUA) }, []string{"zero 0+7 unmap=false fua=true"}},
	} {
		must(t, step.do())
		if d := cmp.Diff(step.want, r.take()); d != "" {
			t.Errorf("%s: %s", step.name, d)
		}
	}
}
