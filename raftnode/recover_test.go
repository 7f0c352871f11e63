// SPDX-License-Identifier: Apache-2.0

package raftnode_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/raftnode"
)

func anyEntry(raftnode.Entry) error { return nil }

// filledDir is the directory of a closed member of a group that has a second one, which never ran; x is 39.
func filledDir(t *testing.T, s *realSite, kind raftnode.LogKind) string {
	t.Helper()
	dir, process := t.TempDir(), s.node("a")
	defer process.stop()
	node := process.open(t, "region", newKV(), dir, kind)
	must(t, node.Bootstrap(limit(t)))
	for i := range 40 {
		_, _, err := node.Propose(limit(t), set(fmt.Sprint(i), "x", fmt.Sprint(i)))
		must(t, err)
		if i == 20 {
			_, err := node.SnapshotNow(limit(t))
			must(t, err)
		}
	}
	must(t, node.AddLearner(limit(t), "ghost"))
	must(t, node.Close())
	return dir
}

// The newest snapshot is known with its time, also to a member that restarted.
func TestLastSnapshot_IsToldWithItsTime(t *testing.T) {
	t.Parallel()
	s, dir := newRealSite(t), t.TempDir()
	first := s.snapshotOnce(t, dir)
	process := s.node("a")
	defer process.stop()
	node := process.open(t, "region", newKV(), dir, raftnode.Bolt)
	if again, found, err := node.LastSnapshot(); !found || err != nil || again != first {
		t.Errorf("after a restart: %+v, %v; before %+v", again, err, first)
	}
	must(t, node.Close())
}

// snapshotOnce runs a member in a new directory until it has taken a snapshot, which is returned.
func (s *realSite) snapshotOnce(t *testing.T, dir string) raftnode.KeptSnapshot {
	t.Helper()
	process := s.node("a")
	defer process.stop()
	node := process.open(t, "region", newKV(), dir, raftnode.Bolt)
	must(t, node.Bootstrap(limit(t)))
	_, _, err := node.Propose(limit(t), set("1", "x", "1"))
	must(t, err)
	if got, found, err := node.LastSnapshot(); found || err != nil {
		t.Errorf("before any snapshot: %+v, %v", got, err)
	}
	before := time.Now().Truncate(time.Millisecond)
	at, err := node.SnapshotNow(limit(t))
	must(t, err)
	after := time.Now()
	first, found, err := node.LastSnapshot()
	if !found || err != nil || first.Index != at || first.Term == 0 || first.Size == 0 || first.Taken.Before(before) || first.Taken.After(after) {
		t.Errorf("snapshot at %d between %v and %v: %+v, %v", at, before, after, first, err)
	}
	must(t, node.Close())
	if _, _, err := node.LastSnapshot(); !errors.Is(err, raftnode.ErrClosed) {
		t.Errorf("of a closed member: %v", err)
	}
	return first
}

func TestRecover_SurvivorLeadsAloneWithItsState(t *testing.T) {
	t.Parallel()
	for _, kind := range []raftnode.LogKind{raftnode.Bolt, raftnode.WAL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newRealSite(t)
			dir := filledDir(t, s, kind)
			sm := newKV()
			must(t, raftnode.Recover(dir, "a", sm, testLogger()))
			if got := sm.get("x"); got != "39" || sm.effects() != 40 {
				t.Errorf("recovered x=%q after %d effects", got, sm.effects())
			}
			now, err := raftnode.Inspect(dir)
			must(t, err)
			if diff := cmp.Diff([]raftnode.Peer{{ID: "a", Voter: true}}, now.Peers); diff != "" {
				t.Error(diff)
			}
			process := s.node("a")
			defer process.stop()
			again := newKV()
			node := process.open(t, "region", again, dir, kind)
			defer node.Close()
			untilLeads(t, node)
			_, _, err = node.Propose(limit(t), set("after", "y", "1"))
			must(t, err)
			if x, y := again.get("x"), again.get("y"); x != "39" || y != "1" {
				t.Errorf("after restart x=%q y=%q", x, y)
			}
			if err := raftnode.Recover(dir, "a", newKV(), nil); !errors.Is(err, raftnode.ErrLocked) {
				t.Errorf("recover of a running member: got %v", err)
			}
		})
	}
}

func TestVerify_ReplaysToTheStateAndFindsDamage(t *testing.T) {
	t.Parallel()
	s := newRealSite(t)
	dir := filledDir(t, s, raftnode.Bolt)
	sm := newKV()
	seen := 0
	v, err := raftnode.Verify(t.Context(), dir, func(raftnode.Entry) error { seen++; return nil }, sm)
	must(t, err)
	if sm.get("x") != "39" || sm.effects() != 40 || uint64(seen) != v.Commands || v.Snapshot == 0 || v.Replayed == 0 || v.Replayed >= 40 || v.Entries <= v.Commands {
		t.Errorf("x=%q after %d effects, %d checked, %+v", sm.get("x"), sm.effects(), seen, v)
	}
	second, err := raftnode.Verify(t.Context(), dir, anyEntry, newKV())
	must(t, err)
	if diff := cmp.Diff(v, second); diff != "" {
		t.Errorf("a check changed what it read: %s", diff)
	}
	bad := errors.New("damaged")
	if _, err := raftnode.Verify(t.Context(), dir, func(e raftnode.Entry) error {
		if bytes.Contains(e.Data, []byte(`"30"`)) {
			return bad
		}
		return nil
	}, newKV()); !errors.Is(err, bad) || !strings.Contains(err.Error(), "entry ") {
		t.Errorf("a damaged entry: got %v", err)
	}
	// Without its snapshot the log does not begin at the beginning.
	must(t, os.RemoveAll(filepath.Join(dir, "snapshots")))
	if _, err := raftnode.Verify(t.Context(), dir, anyEntry, newKV()); err == nil || !strings.Contains(err.Error(), "entries are missing") {
		t.Errorf("a lost snapshot: got %v", err)
	}
	if _, err := raftnode.Verify(t.Context(), t.TempDir(), anyEntry, newKV()); err == nil {
		t.Error("an empty directory was verified")
	}
}
