// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// released reads a file that a release wrote.
func released(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestReleased_LevelOneLog replays a log that v0.1.0 wrote (entries of a twin test, each behind its length as u32): every
// rule of format level 1 has to come to the same state, and the snapshot of that state to the same bytes, because nodes
// of both versions apply the same entries and read each other's snapshots while an upgrade is under way.
func TestReleased_LevelOneLog(t *testing.T) {
	t.Parallel()
	log, want := released(t, "level1.log.gz"), released(t, "level1.snap.gz")
	f := fsm.New()
	var index uint64
	for len(log) > 0 {
		n := binary.BigEndian.Uint32(log)
		index++
		f.Apply(index, log[4:4+n])
		log = log[4+n:]
	}
	var got bytes.Buffer
	if err := f.Snapshot().Persist(&got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("the snapshot after %d released entries has %d bytes and is not the one v0.1.0 wrote (%d bytes)", index, got.Len(), len(want))
	}
	again := fsm.New()
	if err := again.Restore(bytes.NewReader(want)); err != nil {
		t.Fatal(err)
	}
	if again.Hash() != f.Hash() {
		t.Fatal("the state restored from v0.1.0's snapshot has another hash")
	}
}

// levelled is a region at a format level with one node that knows a level.
func levelled(t *testing.T, region, node int) func(command.Command) *command.Error {
	t.Helper()
	f, index := fsm.New(), uint64(0)
	apply := func(c command.Command) *command.Error {
		t.Helper()
		index++
		e := command.Envelope{Time: state.Time(index), Command: c}
		binary.BigEndian.PutUint64(e.Request[:], index)
		b, err := command.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if err := command.DecodeResult(f.Apply(index, b), nil); err != nil {
			return err.(*command.Error)
		}
		return nil
	}
	must := func(c command.Command) {
		t.Helper()
		if refusal := apply(c); refusal != nil {
			t.Fatal(refusal)
		}
	}
	must(command.InitRegion{ClusterID: "c-1", Name: "r", FormatLevel: region, Zones: []state.Zone{{Name: "z1", ID: "z1"}}})
	n := twinNode("n-1")
	n.FormatLevel = node
	must(command.RegisterNode{Node: n})
	return apply
}

func TestSetFormatLevel(t *testing.T) {
	t.Parallel()
	code := func(e *command.Error) string {
		if e == nil {
			return ""
		}
		return e.Code
	}
	if got := code(levelled(t, 1, 1)(command.SetFormatLevel{Level: 2})); got != "NodeTooOld" {
		t.Errorf("raising it above what a node knows: %q", got)
	}
	apply := levelled(t, 1, 2)
	for _, step := range []struct {
		to   int
		want string
	}{{2, ""}, {2, ""}, {1, "InvalidFormatLevel"}, {state.FormatLevel + 1, "InvalidFormatLevel"}} {
		if got := code(apply(command.SetFormatLevel{Level: step.to})); got != step.want {
			t.Errorf("level %d: %q, want %q", step.to, got, step.want)
		}
	}
	if got := code(apply(command.SetSetting{Key: state.SettingReserve, Value: "10"})); got != "" {
		t.Errorf("a setting of level 2 in a region of level 2: %q", got)
	}
	old := twinNode("n-2")
	old.FormatLevel = 1
	if got := code(apply(command.RegisterNode{Node: old})); got != "NodeTooOld" {
		t.Errorf("a node with an older binary registers: %q", got)
	}
}

// A setting that came later is refused in a region of level 1 in the words of v0.1.0: its nodes keep the same result.
func TestSetSetting_LaterOneIsUnknownAtLevelOne(t *testing.T) {
	t.Parallel()
	refusal := levelled(t, 1, 2)(command.SetSetting{Key: state.SettingMTU, Value: "1400"})
	want := `There is no setting "network.mtu"; there are api.read-burst, api.read-rate, api.write-burst, api.write-rate, ebs.volume-type, ec2.imds-tokens, ` +
		`ec2.terminated-visible, quota.access-keys, quota.key-pairs, quota.storage-gib, quota.vcpus, region.zones.`
	if refusal == nil || refusal.Message != want {
		t.Fatalf("got %v\nwant %s", refusal, want)
	}
}
