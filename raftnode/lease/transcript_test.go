// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// script is a transcript under way.
type script struct {
	*world
	seen uint64    // newest event that was printed
	zero time.Time // what times are counted from
}

// TestTranscripts replays the stories in testdata; `go test -rewrite` writes their expected parts anew.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{world: newWorld(t, 3, 1)}
			defer s.end()
			s.settle(10 * time.Second)
			if leader := s.leader(); leader != "n0" {
				t.Fatalf("the transcripts are about a region that n0 leads, not %s", leader)
			}
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.step(t, d) })
			for _, fault := range s.check.found() {
				t.Error(fault)
			}
		})
	})
}

// step carries out one line of a story.
func (s *script) step(t *testing.T, d *datadriven.TestData) string {
	arg := func(n int) string { return d.CmdArgs[n].Key }
	switch d.Cmd {
	case "launch": // launch i-1 n2 [remake]
		recovery := ""
		if len(d.CmdArgs) > 2 {
			recovery = arg(2)
		}
		s.launch(arg(0), arg(1), recovery)
		s.settle(3 * time.Second)
		s.seen = s.newest()
		return s.where()
	case "isolate": // isolate n2
		s.until("a fresh renewal", 10*time.Second, func() bool { return s.nodes[arg(0)].holder.Left() > 6900*time.Millisecond })
		s.cluster.Net.Isolate(arg(0))
		s.zero = time.Now()
	case "heal":
		s.cluster.Net.HealAll()
		s.zero = time.Now()
	case "watch": // watch 20s: what happens up to then
		return s.watch(t, arg(0))
	case "drain", "undrain": // drain n2
		s.zero = time.Now()
		s.must(s.propose(s.leader(), command.DrainNode{NodeID: arg(0), Draining: d.Cmd == "drain"}))
	case "start": // start i-1
		s.zero = time.Now()
		if err := s.propose(s.leader(), command.StartInstances{AccountID: account, InstanceIDs: []string{arg(0)}}); err != nil {
			return err.Error() + "\n"
		}
	case "where":
		return s.where()
	default:
		t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	}
	return ""
}

func (s *script) newest() uint64 {
	if all := s.view().EventsAfter(0); len(all) > 0 {
		return all[len(all)-1].Seq
	}
	return 0
}

// where says what each instance is, and where it really runs.
func (s *script) where() string {
	var b strings.Builder
	for i := range state.Instances.All(s.view()) {
		at := s.check.where(i.ID)
		if at == "" {
			at = "nowhere"
		}
		fmt.Fprintf(&b, "%s is %s on %s, runs %s", i.ID, i.State, i.NodeID, at)
		if i.Reason.Message != "" {
			fmt.Fprintf(&b, "; %s", i.Reason.Message)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// marks are when a watch looks. They are far from where things happen: a transcript must not depend on which millisecond a
// renewal or an election came in.
var marks = []time.Duration{3 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second}

// watch prints what has changed at each mark, counted from the newest cut.
func (s *script) watch(t *testing.T, how string) string {
	long, err := time.ParseDuration(how)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	last := s.where()
	for _, mark := range marks {
		if mark > long {
			break
		}
		s.settle(mark - time.Since(s.zero))
		for _, e := range s.view().EventsAfter(s.seen) {
			s.seen = e.Seq
			fmt.Fprintf(&b, "within %3v  %s: %s\n", mark, e.Kind, e.Message)
		}
		now := s.where()
		for line := range strings.Lines(now) {
			if !strings.Contains(last, line) {
				fmt.Fprintf(&b, "within %3v  %s", mark, line)
			}
		}
		last = now
	}
	return b.String()
}
