// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/internal/admin"
)

var rewrite = flag.Bool("rewrite", false, "rewrite golden files; review the diff")

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

// invoke runs one command line as a user would, and returns what it printed.
func invoke(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	code = run(ctx, newApp(strings.NewReader(""), &out, &errs, env), args)
	return out.String(), errs.String(), code
}

var when = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// fixture is what the stand-in agent answers.
var fixture = map[string]any{
	admin.RouteMembers: []admin.Member{
		{Node: "node1", NodeID: "n-node1", Address: "10.0.0.1:8444", Gossip: "alive", Raft: "leader", Lease: when, Version: "0.1.0", Caps: []string{"raft", "ec2"}, Self: true},
		{Node: "node2", NodeID: "n-node2", Address: "10.0.0.2:8444", Gossip: "dead", Raft: "voter", Version: "0.1.0", Caps: []string{"raft"}},
	},
	admin.RouteRaftStatus: admin.RaftStatus{
		State: "leader", Leader: "n-node1", Term: 7, Voters: 3, Tolerates: 1, LastContact: "0s", LastLogIndex: 42, CommitIndex: 42, AppliedIndex: 41,
		SnapshotIndex: 40, SnapshotTerm: 6, SnapshotAt: when, SnapshotSize: 5 << 20, LogStore: "boltdb", FormatLevel: 1, StateHash: "ab12", StateHashIndex: 41,
	},
	admin.RouteRaftPeers: []admin.RaftPeer{{Node: "node1", NodeID: "n-node1", Address: "10.0.0.1:8443", Suffrage: "voter", Leader: true}},
	admin.RouteNodes: []admin.Node{{
		Node: "node1", NodeID: "n-node1", AZ: "us-east-1a", FailureDomain: "rack1", State: "ready", Caps: []string{"ec2", "raft"}, Accelerator: "tcg",
		Version: "0.1.0", VCPUs: 8, VCPUsAllocated: 2.5, Memory: 16 << 30, MemoryAllocated: 1 << 30, Instances: 1, Lease: when,
	}},
	admin.RouteInstances: []admin.Instance{
		{ID: "i-0123456789abcdef0", Account: "000000000001", Name: "web\n\x1b[31m", Type: "t3.micro", State: "running", Node: "node1", PublicIP: "127.80.0.4", LaunchedAt: when},
		{ID: "i-0123456789abcdef1", Account: "000000000001", Type: "t3.nano", State: "stopped", LaunchedAt: when, Image: "ami-1", Reason: "Client.UserInitiatedShutdown"},
	},
	admin.RouteInstance: admin.Instance{
		ID: "i-0123456789abcdef0", Account: "000000000001", Name: "web", Type: "t3.micro", State: "running", Node: "node1", AZ: "us-east-1a",
		Image: "ami-1", KeyName: "k", PrivateIP: "172.31.0.10", PublicIP: "127.80.0.4", LaunchedAt: when, GuardPID: 11, QEMUPID: 12,
		Ports:   map[string]string{"80": "127.80.0.4:80", "22": "127.80.0.4:40022"},
		Volumes: []admin.InstanceVolume{{ID: "vol-1", Device: "/dev/sda1", GiB: 8}},
	},
	admin.RouteImages:          []admin.Image{{ID: "ami-1", Name: "hive-micro", State: "available", Architecture: "x86_64", BootMode: "uefi-preferred", GiB: 1, CreatedAt: when, Account: "000000000001", Snapshot: "snap-1", Public: true}},
	admin.RouteAccounts:        []admin.Account{{ID: "000000000001", Name: "default", Instances: 2, Status: "ACTIVE", CreatedAt: when}},
	admin.RouteAccountCreate:   admin.NewAccount{Account: admin.Account{ID: "000000000002", Name: "research", Status: "ACTIVE"}, Credentials: admin.Credentials{AccessKeyID: "AKIA1", SecretAccessKey: "shh", User: "admin"}},
	admin.RouteAccessKeys:      []admin.AccessKey{{ID: "AKIA1", Account: "000000000001", User: "admin", Status: "Active", CreatedAt: when}},
	admin.RouteAccessKeyCreate: admin.Credentials{Account: "000000000001", User: "admin", AccessKeyID: "AKIA2", SecretAccessKey: "shh2"},
	admin.RouteAccessKeyDelete: struct{}{},
	admin.RouteEnv:             admin.Environment{Endpoint: "https://127.0.0.1:9443", CABundle: "/srv/it's/ca.pem", Region: "us-east-1", Account: "000000000001", AccessKeyID: "AKIA1", SecretAccessKey: "s/h+h"},
	admin.RouteStatus: admin.Status{
		Node: "node1", NodeID: "n-node1", ClusterID: "c-1", Region: "us-east-1", AZ: "us-east-1a", Version: "0.1.0", StartedAt: when, Leader: "",
		Problems: []string{"the region has no leader"}, Nodes: 3, TargetNodes: 3, Tolerates: 1, Accelerator: admin.Accelerator{Name: "tcg", Reason: "no /dev/kvm"},
		Addresses: admin.Addresses{API: "127.0.0.1:9443"}, Processes: []admin.Process{{Kind: "agent", PID: 7}, {Kind: "guard", Name: "i-1", PID: 8}},
	},
	admin.RouteSettings: []admin.Setting{
		{Key: "quota.vcpus", Value: "64", Default: "1024", Changed: true, ChangedAt: when, Form: "a whole number from 0 to 1000000", Doc: "vCPUs that an account's running instances may have."},
		{Key: "region.zones", Value: "us-east-1a", Form: "zone names separated by commas", Doc: "The availability zones that the region lists."},
	},
	admin.RouteSettingSet:   admin.Setting{Key: "quota.vcpus", Value: "64", Default: "1024", Changed: true, ChangedAt: when},
	admin.RouteTokens:       []admin.JoinToken{{ID: "jt-1", Uses: 2, Used: 1, State: "valid", ExpiresAt: when, Note: "for the rack"}},
	admin.RouteTokenCreate:  admin.NewJoinToken{JoinToken: admin.JoinToken{ID: "jt-2", Uses: 1, State: "valid", ExpiresAt: when}, Token: "hivejoin1.abc"},
	admin.RouteTokenRevoke:  struct{}{},
	admin.RouteRaftTransfer: admin.Leader{Node: "node2", NodeID: "n-node2"},
	admin.RouteShutdown:     admin.ShutdownEvent{Step: "the agent ends"},
}

// standIn serves fixture on the admin socket of a data directory. The real
// server is tested where it lives; here it is what commands print that counts.
func standIn(t *testing.T) (dataDir string) {
	t.Helper()
	return standInSaying(t, fixture)
}

// standInSaying serves other answers.
func standInSaying(t *testing.T, answers map[string]any) (dataDir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "cli") // socket paths are limited to 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "run", "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for route, answer := range answers {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			if r.PathValue("id") == "i-9" {
				admin.WriteError(w, admin.Errorf(admin.KindNotFound, "hive instance list shows the instances", "no instance has the id i-9"))
				return
			}
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	mux.HandleFunc(admin.RouteConsole, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Linux version 6.1\nhive-micro login:\n") })
	mux.HandleFunc(admin.RouteDebug, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE hive_instance_cpu_seconds_total counter\nhive_instance_cpu_seconds_total{instance_id=\"i-0123456789abcdef0\"} 12.34\nhive_raft_term 7\n")
	})
	mux.HandleFunc(admin.RouteSnapshotSave, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "HIVESNAP, cut short") })
	srv := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return dir
}

// What each command prints on both streams, and its exit code.
func TestTranscript_Golden(t *testing.T) {
	t.Parallel()
	dir := standIn(t)
	lines := []string{
		"admin token list", "admin token create", "admin token create -o template={{.token}}", "admin token create --uses 99", "admin token revoke jt-1",
		"raft transfer-leadership", "raft transfer-leadership node2 node3", "raft remove-peer node1 --yes", "raft remove-peer node9", "admin join", "admin join nonsense",
		"members", "members -o wide", "raft status", "raft status -o json", "raft list-peers", "node list", "node list -o wide",
		"instance list", "instance list -o json", "instance list -o yaml --account 000000000001", "instance list -o template={{.id}}",
		"instance show i-0123456789abcdef0", "instance show i-0123456789abcdef0 -o wide", "instance console i-0123456789abcdef0",
		"image list", "image list -o wide", "account list", "account create research", "account create research -o json", "access-key list", "access-key create",
		"access-key delete AKIA1 --yes", "access-key delete AKIA1 --yes --quiet", "env", "env --shell fish", "env --shell powershell", "env --profile",
		"env --terraform", "env -o json", "admin status", "admin status -o wide", "admin shutdown",
		"settings list", "settings list -o wide", "settings get", "settings get quota.vcpus -o wide", "settings get quota.vcpus -o json", "settings set quota.vcpus 64",
		"settings set quota.vcpus --reset", "top --once", "top --once -o wide", "top --once -o template={{.region}}", "top --interval 1ms",
		// faults
		"instance show", "instance show i-9", "instance show i-9 -o json", "instance show a b", "instance lst", "instnce list", "instance list -o xml",
		"instance list -o template={{.nope}}", "instance list -o template={{", "access-key delete AKIA1", "env --shell csh", "members --nope",
		"raft snapshot inspect /nonexistent.snap", "raft snapshot restore /nonexistent.snap", "raft recover", "raft log verify", "backup inspect /nonexistent",
		"backup create DATA/b", "backup create DATA/b --passphrase-file /nonexistent", "backup restore /nonexistent", "debug bundle", "debug bundle /nonexistent/x.tar.gz", "env --profile --terraform", "doctor --skip nope",
		"settings get nope", "settings set", "settings set quota.vcpus", "settings set quota.vcpus 64 --reset",
	}
	var b strings.Builder
	for _, line := range lines {
		args := append(strings.Fields(strings.ReplaceAll(line, "DATA", dir)), "--data-dir", dir)
		stdout, stderr, code := invoke(t, nil, args...)
		fmt.Fprintf(&b, "$ hive %s\n%s", line, stdout)
		for text := range strings.Lines(stderr) {
			b.WriteString("! " + text)
		}
		fmt.Fprintf(&b, "= %d\n\n", code)
	}
	golden(t, "testdata/transcript.golden", strings.ReplaceAll(b.String(), dir, "DATA"))
}

func TestNoAgent_SaysSoAndExits6(t *testing.T) {
	t.Parallel()
	_, stderr, code := invoke(t, nil, "members", "--data-dir", t.TempDir())
	if code != 6 || !strings.Contains(stderr, "no agent runs here") || !strings.Contains(stderr, "Next:") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// A backup that is cut short never takes the name of a good one, and leaves
// nothing behind.
func TestSnapshotCutShort_KeepsTheOldFile(t *testing.T) {
	t.Parallel()
	data, out := standIn(t), t.TempDir()
	path := filepath.Join(out, "b.snap")
	if err := os.WriteFile(path, []byte("good"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := invoke(t, nil, "raft", "snapshot", "save", path, "--data-dir", data)
	kept, err := os.ReadFile(path)
	files, _ := os.ReadDir(out)
	if code != 1 || err != nil || string(kept) != "good" || len(files) != 1 {
		t.Errorf("exit %d, %s; file %q, %v, %d files", code, stderr, kept, err, len(files))
	}
}

func TestEnvironment_SetsOutputAndDirectory(t *testing.T) {
	t.Parallel()
	dir := standIn(t)
	stdout, stderr, code := invoke(t, []string{"HIVE_OUTPUT=json", "HIVE_DATA_DIR=" + dir}, "account", "list")
	if code != 0 || !strings.Contains(stdout, `"kind": "AccountList"`) {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
}

func TestConfigFile_OfTheDataDirectoryIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, nodeConfig), []byte("node {\n  name = \"n7\"\n  capz = []\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := invoke(t, nil, "config", "show", "--data-dir", dir)
	if code != 2 || !strings.Contains(stderr, `did you mean "caps"?`) || !strings.Contains(stderr, "hive.hcl line 3") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// What init kept gives way to a file that is named on the command line, and both
// are read.
func TestNamedFile_IsReadAfterTheNodesOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own, named := filepath.Join(dir, nodeConfig), filepath.Join(dir, "more.hcl")
	for path, text := range map[string]string{
		own:   "cluster {\n  region = \"eu-home-1\"\n}\n\nlog {\n  level = \"warn\"\n}\n",
		named: "node {\n  data_dir = \"" + dir + "\"\n}\n\nlog {\n  level = \"error\"\n}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stdout, stderr, code := invoke(t, nil, "config", "show", "--config", named)
	if code != 0 || !strings.Contains(stdout, `region     = "eu-home-1"`) || !strings.Contains(stdout, `level  = "error"`) {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
}

func TestRoadmapFlags_SetTheConfiguration(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := invoke(t, nil, "config", "show", "--region", "ap-southeast-2", "--az", "ap-southeast-2a", "--node", "node1",
		"--nodes", "3", "--hive-dir", "/srv/hive", "--cap", "ebs,ec2,nats")
	for _, want := range []string{`region     = "ap-southeast-2"`, `nodes      = 3`, `"node1"`, `"/srv/hive"`, `["ebs", "ec2", "raft"]`} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, no %s in %s", code, want, stdout)
		}
	}
	if !strings.Contains(stderr, "nats is called raft here") {
		t.Errorf("no hint about nats: %s", stderr)
	}
}

func TestInterrupt_Exits130(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	if code := run(ctx, newApp(strings.NewReader(""), io.Discard, &errs, nil), []string{"members", "--data-dir", standIn(t)}); code != 130 {
		t.Errorf("exit %d, %s", code, errs.String())
	}
}

// The pages in the tree are what make generate would write.
func TestReferencePages_AreCurrent(t *testing.T) {
	t.Parallel()
	for name, text := range referencePages(newApp(nil, nil, nil, nil)) {
		golden(t, "../../docs/reference/"+name, text)
	}
}

// Every command says what it does, and every leaf but the generated ones
// refuses arguments it does not know.
func TestEveryCommand_IsDescribed(t *testing.T) {
	t.Parallel()
	for name, text := range referencePages(newApp(nil, nil, nil, nil)) {
		if strings.Contains(text, "\n\n\n") {
			t.Errorf("%s has an empty description", name)
		}
	}
}

func TestQuotes_SurviveEveryShell(t *testing.T) {
	t.Parallel()
	cases := map[string]string{"posix": `'a'\''b\c'`, "fish": `'a\'b\\c'`, "powershell": `'a''b\c'`}
	for shell, want := range cases {
		if got := quoteFor(shell, `a'b\c`); got != want {
			t.Errorf("%s: got %s, want %s", shell, got, want)
		}
	}
}

// What an operator reads before a node is taken out of the log.
func TestRemoval_SaysWhatTheRegionSurvives(t *testing.T) {
	t.Parallel()
	peers := []admin.RaftPeer{{Node: "a", NodeID: "n-a", Suffrage: "voter"}, {Node: "b", NodeID: "n-b", Suffrage: "voter"},
		{Node: "c", NodeID: "n-c", Suffrage: "voter"}, {Node: "d", NodeID: "n-d", Suffrage: "learner"}}
	for node, want := range map[string]string{
		"n-b": "leaves 2 of 3 voters; the region then survives the loss of 0 of them instead of 1",
		"d":   "it is a learner, so the 3 voters stay",
	} {
		got, err := removal(peers, node)
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %q, %v; want %q", node, got, err, want)
		}
	}
	if got, err := removal(peers[:1], "a"); err == nil {
		t.Errorf("the last voter: %q", got)
	}
}

func TestRaftStatus_SaysWhatIsKnownOfTheSnapshot(t *testing.T) {
	t.Parallel()
	at := slices.IndexFunc(raftStatusColumns, func(c column[admin.RaftStatus]) bool { return c.name == "Snapshot" })
	for want, status := range map[string]admin.RaftStatus{
		"none yet":           {LastLogIndex: 9},
		"7 of term 2, 512 B": {SnapshotIndex: 7, SnapshotTerm: 2, SnapshotSize: 512},
	} {
		if got := raftStatusColumns[at].cell(status); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWithPort_AddsTheClusterPort(t *testing.T) {
	t.Parallel()
	got := withPort([]string{"node1.local", "10.0.0.1:9", "[fd00::1]", "fd00::1", "[fd00::1]:7"})
	want := []string{"node1.local:8443", "10.0.0.1:9", "[fd00::1]:8443", "[fd00::1]:8443", "[fd00::1]:7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
