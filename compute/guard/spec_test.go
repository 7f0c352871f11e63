// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivecloud/hive/compute/qemu"
)

func TestSpec_SurvivesTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := testSpec()
	withNet(Port{PublicIP: netip.MustParseAddr("127.0.1.2"), Port: 22, GuestPort: 22})(&want)
	want.RunAs = &RunAs{UID: 1, GID: 2, Groups: []uint32{3}}
	if err := WriteSpec(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSpec(dir)
	if err != nil {
		t.Fatal(err)
	}
	want.Version = SpecVersion
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, ".*")); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestSpec_StrictDecoding(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := WriteSpec(dir, testSpec()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, specName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"unknown member":       strings.Replace(string(good), `"run_id"`, `"surprise": 1, "run_id"`, 1),
		"unknown nested":       strings.Replace(string(good), `"cores"`, `"surprise": 1, "cores"`, 1),
		"two documents":        string(good) + "{}",
		"a later version":      strings.Replace(string(good), `"version": 1`, `"version": 2`, 1),
		"half a file":          string(good[:len(good)/2]),
		"empty":                "",
		"a number for a dir":   strings.Replace(string(good), `"run-1"`, `7`, 1),
		"negative grace":       strings.Replace(string(good), `"shutdown_grace_seconds": 600`, `"shutdown_grace_seconds": -1`, 1),
		"volume without claim": strings.Replace(string(good), `"id": "`+volumeID, `"id": "vol-other`, 1),
	} {
		if text == string(good) {
			t.Errorf("%s: the case changes nothing", name)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSpec(dir); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSpec_Refusals(t *testing.T) {
	t.Parallel()
	port := Port{PublicIP: netip.MustParseAddr("127.0.1.2"), Port: 22, GuestPort: 22}
	for name, c := range map[string]struct {
		change func(*Spec)
		want   string
	}{
		"no run id":          {func(s *Spec) { s.RunID = "" }, "run id"},
		"disk with a socket": {func(s *Spec) { s.Guest.Disks[0].Socket = "/x" }, "socket"},
		"run dir chosen":     {func(s *Spec) { s.Guest.RunDir = "/x" }, "run dir"},
		"disk unclaimed":     {func(s *Spec) { s.Volumes = nil }, "no volume claim"},
		"claim without disk": {func(s *Spec) { s.Guest.Disks = nil }, "no disk"},
		"claimed twice":      {func(s *Spec) { s.Volumes = append(s.Volumes, s.Volumes[0]) }, "twice"},
		"uefi without vars":  {func(s *Spec) { s.Guest.UEFI = &qemu.UEFI{Code: "/x"}; s.Guest.MemoryMiB = 256 }, "variable store"},
		"port without nic":   {func(s *Spec) { s.Ports = []Port{port} }, "first interface"},
		"public address":     {withNet(Port{PublicIP: netip.MustParseAddr("10.0.0.1"), Port: 22, GuestPort: 22}), "127.0.0.0/8"},
		"port 0":             {withNet(Port{PublicIP: port.PublicIP, GuestPort: 22}), "above 0"},
		"port twice":         {withNet(port, port), "listed twice"},
		"broken guest":       {func(s *Spec) { s.Guest.Cores = 0 }, "topology"},
		"forwards of its own": {func(s *Spec) {
			withNet()(s)
			s.Guest.NICs[0].User.Forwards = []qemu.Forward{{HostPort: 1, GuestPort: 2}}
		}, "forwards"},
	} {
		s := testSpec()
		c.change(&s)
		if err := WriteSpec(t.TempDir(), s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	deep := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := WriteSpec(deep, testSpec()); err == nil || !strings.Contains(err.Error(), "shorter data directory") {
		t.Errorf("deep directory: %v", err)
	}
}

func TestSpec_MachineLeavesTheSpecAlone(t *testing.T) {
	t.Parallel()
	s := testSpec()
	withNet(Port{PublicIP: netip.MustParseAddr("127.0.1.2"), Port: 22, GuestPort: 2222})(&s)
	m := s.machine("/d", []uint16{40000})
	if got := m.NICs[0].User.Forwards; len(got) != 1 || got[0] != (qemu.Forward{HostPort: 40000, GuestPort: 2222}) {
		t.Errorf("forwards %+v", got)
	}
	if s.Guest.NICs[0].User.Forwards != nil || s.Guest.Disks[0].Socket != "" || m.Disks[0].Socket != "/d/disk-0.sock" {
		t.Errorf("spec was changed: %+v", s.Guest)
	}
}

// FuzzReadSpec: no file makes the guard panic.
func FuzzReadSpec(f *testing.F) {
	dir := f.TempDir()
	if err := WriteSpec(dir, testSpec()); err != nil {
		f.Fatal(err)
	}
	good, _ := os.ReadFile(filepath.Join(dir, specName))
	f.Add(good)
	f.Add([]byte(`{"guest": {"uefi": null, "nics": [{"user": null}]}, "ports": [{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, specName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := ReadSpec(dir)
		if err == nil {
			_ = s.machine(dir, make([]uint16, len(s.Ports)))
		}
	})
}
