// SPDX-License-Identifier: Apache-2.0

package metricstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/internal/vfs/powercut"
)

// script appends and syncs on a disk that may fail at any moment; it returns how many samples were appended and how
// many of them were synced.
func script(fsys *powercut.FS, first int) (appended, synced int) {
	s, err := New(Config{FS: fsys, Dir: "/metrics", MaxBytes: 1 << 20})
	if err != nil {
		panic(err)
	}
	if s.Open() != nil {
		return 0, 0
	}
	for i := range 30 {
		at := t0.Add(time.Duration(first+i) * 40 * time.Minute) // a segment ends now and then
		if s.Append(at, sample(fmt.Sprintf("i-%d", i%3), at, float64(first+i)), sample("i-all", at, float64(first+i))) != nil {
			return appended, synced
		}
		appended++
		if i%4 != 3 {
			continue
		}
		if s.Sync() != nil {
			return appended, synced
		}
		synced = appended
	}
	return appended, synced
}

// prefix checks that the store holds a prefix of what was appended, with all that had to stay.
func prefix(t *testing.T, fsys *powercut.FS, atLeast, atMost int) (lost bool) {
	t.Helper()
	s, err := New(Config{FS: fsys, Dir: "/metrics", MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(); err != nil {
		t.Fatalf("open after the crash: %v", err)
	}
	defer s.Close()
	got := cpus(t, s, t0.Add(48*time.Hour), "i-all")
	var want []float64
	for i := range got {
		want = append(want, float64(i))
	}
	if !cmp.Equal(got, want) || len(got) > atMost {
		t.Fatalf("%v of %d appended samples are left", got, atMost)
	}
	return len(got) < atLeast
}

// TestPowerCut_AtEveryMoment: what was synced stays, and what stays is a prefix.
func TestPowerCut_AtEveryMoment(t *testing.T) {
	t.Parallel()
	for moment := 0; ; moment++ {
		fsys := powercut.New(uint64(moment))
		fsys.FailAfter(moment)
		appended, synced := script(fsys, 0)
		fsys.Crash()
		// The failed append may have reached the disk.
		if prefix(t, fsys, synced, appended+1) {
			t.Fatalf("power cut after %d operations: synced samples are gone", moment)
		}
		if appended == 30 {
			return
		}
	}
}

// TestKill_AtEveryMoment: the death of the process loses nothing that was appended.
func TestKill_AtEveryMoment(t *testing.T) {
	t.Parallel()
	for moment := 0; ; moment++ {
		fsys := powercut.New(uint64(moment))
		fsys.FailAfter(moment)
		appended, _ := script(fsys, 0)
		fsys.Kill()
		if prefix(t, fsys, appended, appended+1) {
			t.Fatalf("killed after %d operations: appended samples are gone", moment)
		}
		if appended == 30 {
			return
		}
	}
}

// TestPowerCut_HasTeeth: on a disk that lies about syncs the check above finds losses.
func TestPowerCut_HasTeeth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		fsys := powercut.New(seed)
		fsys.IgnoreSyncs()
		appended, synced := script(fsys, 0)
		fsys.Crash()
		s, err := New(Config{FS: fsys, Dir: "/metrics", MaxBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Open(); err != nil || len(cpus(t, s, t0.Add(48*time.Hour), "i-all")) < synced {
			return
		}
		if appended != 30 {
			t.Fatalf("%d appended", appended)
		}
	}
	t.Error("no loss on a disk without syncs")
}
