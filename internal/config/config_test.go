// SPDX-License-Identifier: Apache-2.0

package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "rewrite golden files and the reference page; review the diff")

var testHost = &Host{Name: "Rack1-A.example.org", Home: "/home/ada", CPUs: 8, Memory: 32 << 30}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -rewrite once)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); run with -rewrite and review:\n%s", path, diff)
	}
}

func render(t *testing.T, d *Diagnostics) string {
	t.Helper()
	var b strings.Builder
	if err := d.Write(&b, 0, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every fault of a file is reported in one run, in file order, with its line.
func TestDiagnostics_Golden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"faults", "quote", "rules"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, diags := Load(Sources{Paths: []string{"testdata/" + name + ".hcl"}, Host: testHost})
			if !diags.HasErrors() {
				t.Fatal("accepted a faulty file")
			}
			golden(t, "testdata/"+name+".golden", render(t, diags))
		})
	}
}

func TestEnvironmentAndFlagFaults_Golden(t *testing.T) {
	t.Parallel()
	_, diags := Load(Sources{
		Env: []string{
			"HIVE_COMPUTE_RESERVE_MEMORY=lots", "HIVE_NODE_CAP=ec2", "HIVE_AMI=ami-1", "PATH=/bin",
			"HIVE_REGION=us-east-1", "HIVE_CLUSTER_REGION=us-east-2", "HIVE_TELEMETRY_PROMETHEUS=perhaps",
		},
		Flags: map[string]string{"nodes": "three", "az": "us-west-1a"},
		Host:  testHost,
	})
	golden(t, "testdata/environment.golden", render(t, diags))
}

func TestSeveralFiles_FaultsInReadingOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"20-b.hcl": "compute {\n  accel = \"b\"\n}\n", "10-a.hcl": "raft {\n  log = \"a\"\n}\n", "note.txt": "not read",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, diags := Load(Sources{Paths: []string{dir}, Host: testHost})
	var got []string
	for _, d := range diags.List {
		got = append(got, filepath.Base(d.Subject.Filename)+" "+d.Summary)
	}
	want := []string{"10-a.hcl Invalid value for raft.log", "20-b.hcl Invalid value for compute.accel"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFullFile_ValuesAndOrigins(t *testing.T) {
	t.Parallel()
	c, diags := Load(Sources{Paths: []string{"testdata/full.hcl"}, Host: testHost})
	if diags.HasErrors() {
		t.Fatal(render(t, diags))
	}
	if !strings.Contains(render(t, diags), "nats is called raft here") {
		t.Error("no hint about nats")
	}
	if got, want := c.Node.Caps, []string{"ebs", "ec2", "raft"}; !cmp.Equal(got, want) {
		t.Errorf("caps: got %v, want %v", got, want)
	}
	if c.Compute.ReserveMemory != 3<<29 || c.Block.Reserve != 1<<30 || c.Telemetry.Interval != time.Minute {
		t.Errorf("units: got %v %v %v", c.Compute.ReserveMemory, c.Block.Reserve, c.Telemetry.Interval)
	}
	golden(t, "testdata/full.golden", c.HCL(true))
}

// What show prints is a configuration file that means the same.
func TestShow_LoadsBackToTheSameValues(t *testing.T) {
	t.Parallel()
	first, diags := Load(Sources{Paths: []string{"testdata/full.hcl"}, Host: testHost})
	if diags.HasErrors() {
		t.Fatal(render(t, diags))
	}
	path := filepath.Join(t.TempDir(), "shown.hcl")
	if err := os.WriteFile(path, []byte(first.HCL(true)), 0o600); err != nil {
		t.Fatal(err)
	}
	second, diags := Load(Sources{Paths: []string{path}, Host: &Host{}})
	if diags.HasErrors() {
		t.Fatal(render(t, diags))
	}
	if changes := first.Diff(second); len(changes) != 0 {
		t.Errorf("changed by printing: %+v", changes)
	}
}

func TestLaterSourceWins(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.hcl", "log {\n  level = \"warn\"\n  format = \"json\"\n}\n")
	write("b.hcl", "log {\n  level = \"error\"\n}\n")
	cases := []struct {
		name   string
		env    []string
		flags  map[string]string
		want   string
		origin string
	}{
		{"second file", nil, nil, "error", "file " + filepath.Join(dir, "b.hcl") + ":2"},
		{"environment", []string{"HIVE_LOG_LEVEL=debug"}, nil, "debug", "environment HIVE_LOG_LEVEL"},
		{"flag", []string{"HIVE_LOG_LEVEL=debug"}, map[string]string{"log-level": "trace"}, "trace", "flag --log-level"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, diags := Load(Sources{Paths: []string{dir}, Env: tc.env, Flags: tc.flags, Host: testHost})
			if diags.HasErrors() {
				t.Fatal(render(t, diags))
			}
			if c.Log.Level != tc.want || c.Origin("log.level").String() != tc.origin {
				t.Errorf("got %s from %s, want %s from %s", c.Log.Level, c.Origin("log.level"), tc.want, tc.origin)
			}
			if c.Log.Format != "json" {
				t.Errorf("the first file's other argument was lost: %s", c.Log.Format)
			}
		})
	}
}

func TestDefaults_AreValidAndDerived(t *testing.T) {
	t.Parallel()
	c, diags := Load(Sources{Host: testHost})
	if len(diags.List) != 0 {
		t.Fatal(render(t, diags))
	}
	if c.Node.Name != "rack1-a" || c.Node.AZ != "us-east-1a" || c.Node.FailureDomain != "rack1-a" {
		t.Errorf("names: %+v", c.Node)
	}
	if c.Compute.ReserveCPU != 1 || c.Compute.ReserveMemory != 3276<<20 || c.Limits.APIBurst != 400 {
		t.Errorf("derived amounts: %+v %+v", c.Compute, c.Limits)
	}
	if c.Block.DataDir != "/var/lib/hive/volumes" || c.AdminSocket() != "/var/lib/hive/run/admin.sock" {
		t.Errorf("paths: %s %s", c.Block.DataDir, c.AdminSocket())
	}
}

func TestHomeDirectory_IsExpanded(t *testing.T) {
	t.Parallel()
	c, diags := Load(Sources{Flags: map[string]string{"data-dir": "~/hive/"}, Host: testHost})
	if diags.HasErrors() || c.Node.DataDir != "/home/ada/hive" {
		t.Errorf("got %s, %s", c.Node.DataDir, render(t, diags))
	}
}

func TestMissingPath_IsNamed(t *testing.T) {
	t.Parallel()
	_, diags := Load(Sources{Paths: []string{"/nonexistent/hive.hcl"}, Host: testHost})
	if !diags.HasErrors() || !strings.Contains(render(t, diags), "/nonexistent/hive.hcl") {
		t.Errorf("got %s", render(t, diags))
	}
}

func TestDataDirTooLongForSockets(t *testing.T) {
	t.Parallel()
	_, diags := Load(Sources{Flags: map[string]string{"data-dir": "/" + strings.Repeat("x", 68)}, Host: testHost})
	if !strings.Contains(render(t, diags), "4 bytes too long") {
		t.Errorf("got %s", render(t, diags))
	}
}

func TestGiven_KeepsWhatWasGivenAndNoMore(t *testing.T) {
	t.Parallel()
	c, diags := Load(Sources{
		Paths: []string{"testdata/full.hcl"}, Env: []string{"HIVE_LISTEN_API=127.0.0.1:1443"},
		Flags: map[string]string{"node": "n7", "data-dir": "/srv/n7"}, Host: testHost,
	})
	if diags.HasErrors() {
		t.Fatal(render(t, diags))
	}
	want := "node {\n  name = \"n7\"\n}\n\nlisten {\n  api = \"127.0.0.1:1443\"\n}\n"
	if diff := cmp.Diff(want, c.Given(FromEnv, FromFlag)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(c.Given(FromFile), `accel = "tcg"`) {
		t.Errorf("values of files are missing: %s", c.Given(FromFile))
	}
}

func TestDiff_NamesWhatReloadCanApply(t *testing.T) {
	t.Parallel()
	a, _ := Load(Sources{Host: testHost})
	b, _ := Load(Sources{Host: testHost, Flags: map[string]string{"log-level": "debug", "node": "other"}})
	got := map[string]bool{}
	for _, ch := range a.Diff(b) {
		got[ch.Path] = ch.Reload
	}
	want := map[string]bool{"node.name": false, "node.failure_domain": false, "log.level": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseBytes(t *testing.T) {
	t.Parallel()
	good := map[string]Bytes{"0": 0, "512MiB": 512 << 20, "4 gib": 4 << 30, "1.5TB": 15e11, "10": 10, "7B": 7}
	for text, want := range good {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "-1GiB", "1e3", "4G", "1..5GiB", "99999999999TiB", ".", "NaNGiB"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q: accepted as %d", text, got)
		}
	}
}

func TestSuggestion_OnlyWhenNear(t *testing.T) {
	t.Parallel()
	known := []string{"accel", "reserve_cpu"}
	if got := didYouMean("acell", known); !strings.Contains(got, "accel") {
		t.Errorf("no suggestion for a swap: %q", got)
	}
	if got := didYouMean("zzz", known); got != "" {
		t.Errorf("suggested %q for nonsense", got)
	}
}

// Every key is documented, and the page in the tree is the one the schema says.
func TestReference_IsCurrent(t *testing.T) {
	t.Parallel()
	for _, f := range leaves(&Config{}) {
		if f.tag.Get("doc") == "" {
			t.Errorf("%s has no doc tag", f.path())
		}
	}
	golden(t, "../../docs/reference/config.md", Reference())
}

func FuzzLoad(f *testing.F) {
	for _, name := range []string{"full", "faults", "quote", "rules"} {
		src, err := os.ReadFile("testdata/" + name + ".hcl")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		path := filepath.Join(t.TempDir(), "fuzz.hcl")
		if err := os.WriteFile(path, src, 0o600); err != nil {
			t.Fatal(err)
		}
		c, diags := Load(Sources{Paths: []string{path}, Host: testHost})
		render(t, diags)
		if !diags.HasErrors() && len(c.Node.Caps) == 0 {
			t.Errorf("accepted a node without capabilities")
		}
	})
}
