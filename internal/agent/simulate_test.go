// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// newcomer is an agent of a data directory that does nothing yet.
func newcomer(t *testing.T, dir string, simulates bool) *Agent {
	t.Helper()
	c := nodeConfig(t, "a")
	c.Node.DataDir, c.Block.DataDir = dir, filepath.Join(dir, "volumes")
	return &Agent{config: c, log: hclog.NewNullLogger(), at: layout{dir}, id: identity{NodeID: "n-a"}, options: Options{Executable: "hive", SimulateGuests: simulates}}
}

func mustMkdir(t *testing.T, parts ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(parts...), 0o700); err != nil {
		t.Fatal(err)
	}
}

// refused checks that an operator is told what is wrong and what to do.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("not refused")
	}
	e := admin.AsError(err)
	if e.Kind != admin.KindConflict {
		t.Fatalf("got %v, want a conflict", err)
	}
	for _, w := range words {
		if !strings.Contains(e.Error()+" "+e.Hint, w) {
			t.Errorf("%q is not in %q, next %q", w, e.Error(), e.Hint)
		}
	}
}

func TestSimulation_RefusesWhatIsReal(t *testing.T) {
	t.Parallel()
	for _, held := range []string{"volumes/volumes/vol-0123456789abcdef0", "volumes/snapshots/snap-0123456789abcdef0", "guests/i-0123456789abcdef0"} {
		dir := t.TempDir()
		mustMkdir(t, dir, held)
		refused(t, newcomer(t, dir, true).checkSimulation(), held, "without --simulate-guests")
		if err := newcomer(t, dir, false).checkSimulation(); err != nil {
			t.Errorf("a real start on %s: %v", held, err)
		}
	}
}

func TestSimulation_EmptyDirectoryIsEithers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustMkdir(t, dir, "volumes", "volumes") // of a real agent that has run nothing yet
	for _, simulates := range []bool{true, false} {
		if err := newcomer(t, dir, simulates).checkSimulation(); err != nil {
			t.Errorf("simulates %v: %v", simulates, err)
		}
	}
}

func TestSimulation_MarkedDirectoryStaysSimulated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := newcomer(t, dir, true)
	if err := first.simulate(&fetcher{a: first}); err != nil {
		t.Fatal(err)
	}
	if err := first.blocks.Create(t.Context(), "vol-1", 8<<30, ""); err != nil {
		t.Fatal(err)
	}
	refused(t, newcomer(t, dir, false).checkSimulation(), "are simulated", "--simulate-guests")
	again := newcomer(t, dir, true)
	if err := again.checkSimulation(); err != nil {
		t.Fatal(err)
	}
	if err := again.simulate(&fetcher{a: again}); err != nil {
		t.Fatal(err)
	}
	if err := again.blocks.Has(t.Context(), "vol-1"); err != nil {
		t.Errorf("a volume that was there before the restart: %v", err)
	}
	again.unmark()
	if _, err := os.Stat(again.at.simulated()); err != nil {
		t.Errorf("the mark of a simulation that is in use: %v", err)
	}
}

// A region is simulated as a whole or not at all, whoever comes second.
func TestSimulation_IsTheRegions(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	if err := newcomer(t, t.TempDir(), false).agrees(r.Local()); err != nil {
		t.Errorf("a real node among real ones: %v", err)
	}
	stranger := newcomer(t, t.TempDir(), true)
	if err := stranger.simulate(&fetcher{a: stranger}); err != nil {
		t.Fatal(err)
	}
	refused(t, stranger.agrees(r.Local()), "are real", "without --simulate-guests")
	if _, err := os.Stat(stranger.at.simulated()); !os.IsNotExist(err) {
		t.Errorf("the mark is there after the refusal, so that no real agent could start either: %v", err)
	}
	n, _ := state.Nodes.Get(r.Local(), state.AnyAccount, fsmtest.NodeID)
	simulatedNode := *n
	simulatedNode.Accel = simulation
	if err := r.Propose(t.Context(), command.RegisterNode{Node: simulatedNode}, nil); err != nil {
		t.Fatal(err)
	}
	if err := newcomer(t, t.TempDir(), true).agrees(r.Local()); err != nil {
		t.Errorf("a simulated node among simulated ones: %v", err)
	}
	refused(t, newcomer(t, t.TempDir(), false).agrees(r.Local()), "are simulated", "with --simulate-guests")
}

// What a simulated node registers does not depend on the machine that the agent runs on.
func TestSimulation_OffersThePretendedMachine(t *testing.T) {
	t.Parallel()
	h := simulatedHost(nodeConfig(t, "a"))
	n := h.register(identity{NodeID: "n-a"}, nodeConfig(t, "a"), "", "", "").Node
	if n.Accel != "simulated" || n.Physical != (state.Resources{MilliCPU: 64_000, MemoryMiB: 256 << 10}) || !n.Offers("t3.nano") || !n.Offers("m5.large") || n.Offers("m7g.large") {
		t.Errorf("%+v", n)
	}
}

func TestSimulatedConsole_ContinuesWhereItWasRead(t *testing.T) {
	t.Parallel()
	a := newcomer(t, t.TempDir(), true)
	if err := a.simulate(&fetcher{a: a}); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	end, err := a.guests.CopyConsole(&b, "i-1", 0)
	if err != nil || !strings.Contains(b.String(), "simulated guest i-1") || end != int64(b.Len()) {
		t.Fatalf("got %q to %d, %v", b.String(), end, err)
	}
	if next, err := a.guests.CopyConsole(&b, "i-1", end); err != nil || next != end || int64(b.Len()) != end {
		t.Errorf("the second reading: to %d, %v", next, err)
	}
}

// The bytes of a simulated snapshot are never sent, and a node that would send some is not believed.
func TestSimulatedSnapshot_ComesWithoutBytes(t *testing.T) {
	t.Parallel()
	a := newcomer(t, t.TempDir(), true)
	if err := a.simulate(&fetcher{a: a}); err != nil {
		t.Fatal(err)
	}
	row := &state.Snapshot{ID: "snap-1", Bytes: 5 << 30}
	answer := func(id string) (head dataAnswer, after error) {
		near, far := net.Pipe()
		defer near.Close()
		go func() { _ = a.simulation.answerSnapshot(far, id, row); far.Close() }()
		if err := readLine(near, &head); err != nil {
			t.Fatal(err)
		}
		return head, receiveRuns(near, nothing{}, head.Size)
	}
	if head, _ := answer("snap-1"); head.Error == "" {
		t.Errorf("a snapshot that is not there was answered: %+v", head)
	}
	if err := a.simulation.AddSnapshot("snap-1", row.Bytes); err != nil {
		t.Fatal(err)
	}
	if head, err := answer("snap-1"); head.Size != row.Bytes || err != nil {
		t.Errorf("got %+v, %v", head, err)
	}
	if _, err := (nothing{}).WriteAt([]byte("x"), 0); err == nil {
		t.Error("bytes of a simulated snapshot were taken")
	}
}
