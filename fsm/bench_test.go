// SPDX-License-Identifier: Apache-2.0

//go:build bench

package fsm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// TestBenchSnapshot captures, writes and restores a region of 100,000 objects. The goals are one second for taking and writing
// it, and five for a cold start, of which restoring is the most.
func TestBenchSnapshot(t *testing.T) {
	full := fsmtest.NewCrowd(t, 25_000).FSM
	objects := 0
	for _, table := range []state.AnyTable{state.Instances, state.Volumes, state.NetworkInterfaces, state.TagSets} {
		objects += table.Count(full.View())
	}
	file := filepath.Join(t.TempDir(), "snapshot")
	var captured, written, restored laps
	for range 11 {
		var s *fsm.Snapshot
		captured.lap(t, func() { s = full.Snapshot() })
		written.lap(t, func() { write(t, s, file) })
		var cold *fsm.FSM
		restored.lap(t, func() { cold = restore(t, file) })
		if cold.Hash() != full.Hash() {
			t.Fatal("the restored state differs")
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("snapshot: %d objects, %d KiB: captured in %v, written and synced in %v, restored in %v\n", objects, info.Size()>>10, &captured, &written, &restored)
}

// laps are the times of a step, and the processor time of this process in it, which other work on the machine disturbs less.
type laps struct{ wall, cpu []time.Duration }

func (l *laps) lap(t *testing.T, step func()) {
	t.Helper()
	runtime.GC() // the garbage of the step before is not this one's
	cpu, start := cpuTime(t), time.Now()
	step()
	l.wall, l.cpu = append(l.wall, time.Since(start)), append(l.cpu, cpuTime(t)-cpu)
}

func (l *laps) String() string {
	slices.Sort(l.wall)
	slices.Sort(l.cpu)
	half, last := len(l.wall)/2, len(l.wall)-1
	return fmt.Sprintf("%v (worst %v; %v CPU)", l.wall[half].Round(10*time.Microsecond), l.wall[last].Round(10*time.Microsecond), l.cpu[half].Round(10*time.Microsecond))
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func write(t *testing.T, s *fsm.Snapshot, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := s.Persist(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func restore(t *testing.T, path string) *fsm.FSM {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cold := fsm.New()
	if err := cold.Restore(f); err != nil {
		t.Fatal(err)
	}
	return cold
}
