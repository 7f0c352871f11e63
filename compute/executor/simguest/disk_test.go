// SPDX-License-Identifier: Apache-2.0

package simguest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/compute/executor/simguest"
)

func mustKeep(t *testing.T, dir string) *simguest.Host {
	t.Helper()
	h := simguest.NewHost(100 << 30)
	if err := h.Keep(dir); err != nil {
		t.Fatal(err)
	}
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Disks outlive their host where it was told to keep them; what was deleted stays deleted.
func TestKeptDisks_AreThereAgain(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), t.Context()
	raw := filepath.Join(dir, "file.raw")
	must(t, os.WriteFile(raw, []byte("abc"), 0o600))
	kept := filepath.Join(dir, "disks")
	h := mustKeep(t, kept)
	size, sum, err := h.ImportSnapshot(ctx, "snap-1", raw)
	if err != nil || size != 3 || sum != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" { // FIPS 180-2, B.1
		t.Fatalf("import: %d %s %v", size, sum, err)
	}
	must(t, h.AddSnapshot("snap-2", 7))
	must(t, h.Create(ctx, "vol-1", 40<<30, "snap-1"))
	must(t, h.Create(ctx, "vol-2", 10<<30, ""))
	must(t, h.Delete(ctx, "vol-2"))
	must(t, h.DeleteSnapshot(ctx, "snap-2"))
	must(t, os.WriteFile(filepath.Join(kept, "volumes", "vol-3.tmp-CUTOFF"), nil, 0o600)) // of a crash

	h = mustKeep(t, kept)
	if !h.HasVolume("vol-1") || h.HasVolume("vol-2") || h.HasVolume("vol-3.tmp-CUTOFF") || !h.HasSnapshot("snap-1") || h.HasSnapshot("snap-2") {
		t.Error("other disks are there than before")
	}
	if free, _ := h.Free(ctx); free != 60<<30 {
		t.Errorf("%d bytes are free, want 60 GiB", free)
	}
	if err := h.Create(ctx, "vol-4", 61<<30, ""); !errors.Is(err, executor.ErrNoSpace) {
		t.Errorf("a volume larger than what is left: %v", err)
	}
}

func TestKeptDisks_DamageIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustKeep(t, dir)
	must(t, os.WriteFile(filepath.Join(dir, "volumes", "vol-1"), []byte("many\n"), 0o600))
	if err := simguest.NewHost(1).Keep(dir); err == nil || !strings.Contains(err.Error(), "vol-1") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}
