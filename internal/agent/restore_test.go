// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
)

var backupPassphrase = []byte("correct horse battery")

// shortDir is a directory for sockets, whose paths are limited to 107 bytes.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ag")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "n")
}

func testConfig(t *testing.T, dir, node string) *config.Config {
	t.Helper()
	c, diags := config.Load(config.Sources{Flags: map[string]string{"data-dir": dir, "node": node, "region": "eu-test-1"}})
	if diags.HasErrors() {
		t.Fatal(diags.List)
	}
	return c
}

// site is a region of one node whose log is open, with the routes of the admin socket that need nothing else.
type site struct {
	*truth
	config *config.Config
	id     identity
	made   InitResult
	client *admin.Client
}

func newSite(t *testing.T, node string) *site {
	t.Helper()
	s := &site{config: testConfig(t, shortDir(t), node)}
	var err error
	if s.made, err = Init(t.Context(), InitOptions{Config: s.config}); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	return s
}

// open opens the log of an initialised directory and serves it. The result of close ends both.
func (s *site) open(t *testing.T) {
	t.Helper()
	at := layout{s.config.Node.DataDir}
	var err error
	if s.id, err = readIdentity(at.node()); err != nil {
		t.Fatal(err)
	}
	if s.truth, err = openTruth(t.Context(), truthConfig{at: at, id: s.id, config: s.config, alone: true, logger: hclog.NewNullLogger()}); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(at.run(), 0o700); err != nil {
		t.Fatal(err)
	}
	server := &adminServer{a: &Agent{truth: s.truth, region: s.region, at: at, id: s.id, config: s.config}, log: hclog.NewNullLogger()}
	mux := http.NewServeMux()
	mux.HandleFunc(admin.RouteSnapshotSave, server.snapshotSave)
	mux.HandleFunc(admin.RouteSnapshotRestore, server.snapshotRestore)
	mux.HandleFunc(admin.RouteStatus, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(admin.Status{Region: s.id.Region, AZ: s.config.Node.AZ, Node: s.id.Node})
	})
	_ = os.Remove(filepath.Join(at.run(), "t.sock"))
	l, err := net.Listen("unix", filepath.Join(at.run(), "t.sock"))
	if err != nil {
		t.Fatal(err)
	}
	srv, done := &http.Server{Handler: mux}, make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	s.client = admin.NewClient(l.Addr().String())
	opened := s.truth
	t.Cleanup(func() {
		srv.Close()
		<-done
		_ = opened.close() // closed before by some tests
	})
}

func (s *site) propose(t *testing.T, c command.Command) {
	t.Helper()
	if err := s.region.Propose(bounded(t), c, nil); err != nil {
		t.Fatal(err)
	}
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestBackup_RestoredElsewhereTheKeysStillWork(t *testing.T) {
	t.Parallel()
	a := newSite(t, "node1")
	a.propose(t, command.SetSetting{Key: state.SettingVCPUs, Value: "7"})
	file := filepath.Join(t.TempDir(), "region.backup")
	info, err := CreateBackup(bounded(t), a.config, a.client, "test", file, backupPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	hash := a.fsm.Hash()
	if info.StateHash != hex.EncodeToString(hash[:]) || info.ClusterID != a.id.ClusterID || info.Accounts != 2 || info.Region != "eu-test-1" {
		t.Errorf("%+v", info)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", st.Mode(), err)
	}
	left, _ := os.ReadDir(filepath.Dir(file))
	if len(left) != 1 {
		t.Errorf("left beside the backup: %v", left)
	}

	b := &site{config: testConfig(t, shortDir(t), "node9")}
	if _, err := RestoreBackup(bounded(t), b.config, file, []byte("another passphrase")); admin.AsError(err).Kind != admin.KindDenied {
		t.Errorf("another passphrase: %v", err)
	}
	did, err := RestoreBackup(bounded(t), b.config, file, backupPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	if did.NodeID != "n-node9" || did.StateHash != info.StateHash {
		t.Errorf("%+v", did)
	}
	if _, err := RestoreBackup(bounded(t), b.config, file, backupPassphrase); admin.AsError(err).Kind != admin.KindConflict {
		t.Errorf("into a directory that is in use: %v", err)
	}
	if found, err := VerifyLog(t.Context(), b.config); err != nil || found.StateHash == "" {
		t.Errorf("the restored log does not verify: %v", err) // it has a gap below the snapshot
	}
	b.open(t)
	v, err := b.region.View(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	key, ok := state.AccessKeys.Get(v, state.AnyAccount, a.made.AccessKeyID)
	if !ok || v.SettingInt(state.SettingVCPUs) != 7 {
		t.Fatalf("the key is there: %v; quota %d", ok, v.SettingInt(state.SettingVCPUs))
	}
	ring, err := seal.Load(layout{b.config.Node.DataDir}.clusterKey())
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := ring.Open(key.AccountID, key.ID, key.KeyVersion, key.Secret); err != nil || secret.Reveal() != a.made.Secret {
		t.Errorf("the access key's secret does not open: %v", err)
	}
	if !bytes.Equal(clientsTrust(t, a), clientsTrust(t, b)) {
		t.Error("clients would have to trust another authority")
	}
}

// clientsTrust is the certificate that a region's clients trust.
func clientsTrust(t *testing.T, s *site) []byte {
	t.Helper()
	root, err := pki.NewDir(vfs.OS(), layout{s.config.Node.DataDir}.pki()).Root(pki.APICA)
	if err != nil {
		t.Fatal(err)
	}
	return root.Raw
}

// A restore that fails leaves the directory as it was, so that it can be tried again.
func TestRestore_DamagedFileLeavesNothing(t *testing.T) {
	t.Parallel()
	a := newSite(t, "node1")
	file := filepath.Join(t.TempDir(), "region.backup")
	if _, err := CreateBackup(bounded(t), a.config, a.client, "test", file, backupPassphrase); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	target := testConfig(t, shortDir(t), "node1")
	for name, bad := range map[string][]byte{"cut": good[:len(good)-9], "changed": flipped(good, len(good)/2), "empty": nil} {
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := RestoreBackup(bounded(t), target, file, backupPassphrase); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := os.Stat(target.Node.DataDir); !os.IsNotExist(err) {
			t.Errorf("%s: the data directory was touched", name)
		}
	}
	if _, err := CreateBackup(bounded(t), a.config, a.client, "test", file, []byte("short")); admin.AsError(err).Kind != admin.KindUsage {
		t.Errorf("a short passphrase: %v", err)
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func TestSnapshotRestore_UndoesWhatCameAfter(t *testing.T) {
	t.Parallel()
	a := newSite(t, "node1")
	a.propose(t, command.SetSetting{Key: state.SettingVCPUs, Value: "7"})
	stream, err := a.client.SnapshotSave(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	saved, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	a.propose(t, command.SetSetting{Key: state.SettingVCPUs, Value: "8"})
	if _, err := a.client.SnapshotRestore(bounded(t), bytes.NewReader(flipped(saved, len(saved)-40))); err == nil {
		t.Error("a damaged snapshot was restored")
	}
	if v, err := a.region.View(bounded(t)); err != nil || v.SettingInt(state.SettingVCPUs) != 8 {
		t.Errorf("a damaged snapshot changed the state: %v", err)
	}
	did, err := a.client.SnapshotRestore(bounded(t), bytes.NewReader(saved))
	if err != nil || did.IndexBefore <= did.Index {
		t.Fatalf("%+v, %v", did, err)
	}
	a.propose(t, command.Tick{})
	if v, err := a.region.View(bounded(t)); err != nil || v.SettingInt(state.SettingVCPUs) != 7 {
		t.Errorf("after restore: %d, %v", v.SettingInt(state.SettingVCPUs), err)
	}
	other := newSite(t, "node1")
	if _, err := other.client.SnapshotRestore(bounded(t), bytes.NewReader(saved)); admin.AsError(err).Kind != admin.KindConflict {
		t.Errorf("a snapshot of another cluster: %v", err)
	}
}

func TestOffline_VerifyAndRecover(t *testing.T) {
	t.Parallel()
	a := newSite(t, "node1")
	if _, err := VerifyLog(t.Context(), a.config); admin.AsError(err).Kind != admin.KindConflict {
		t.Errorf("verify beside an agent: %v", err)
	}
	if _, err := RecoverLog(a.config, true); admin.AsError(err).Kind != admin.KindConflict {
		t.Errorf("recover beside an agent: %v", err)
	}
	a.propose(t, command.SetSetting{Key: state.SettingVCPUs, Value: "7"})
	hash := a.fsm.Hash()
	want := hex.EncodeToString(hash[:])
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	found, err := VerifyLog(t.Context(), a.config)
	if err != nil || found.StateHash != want || found.Commands < 4 || found.ClusterID != a.id.ClusterID {
		t.Errorf("%+v, %v; want hash %s", found, err, want)
	}
	if _, err := RecoverLog(a.config, true); err == nil || !strings.Contains(err.Error(), "nothing to recover") {
		t.Errorf("recover of a healthy sole voter: %v", err)
	}

	// Another voter that never answers: the sole survivor of two.
	a.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = a.node.AddVoter(ctx, "n-lost") // the majority is gone from here on: it cannot be acknowledged
	_ = a.close()
	_, err = RecoverLog(a.config, false)
	if admin.AsError(err).Kind != admin.KindUsage || !strings.Contains(err.Error(), "n-lost") || !strings.Contains(err.Error(), "splits") {
		t.Errorf("without --yes: %v", err)
	}
	did, err := RecoverLog(a.config, true)
	if err != nil || did.StateHash != want || !slices.Equal(did.Voters, []string{"n-lost", "n-node1"}) {
		t.Fatalf("%+v, %v", did, err)
	}
	a.open(t)
	if v, err := a.region.View(bounded(t)); err != nil || v.SettingInt(state.SettingVCPUs) != 7 {
		t.Errorf("after recovery: %v", err)
	}
}

// A bit that changed in the log's file is found, whatever the store says.
func TestVerifyLog_FindsAChangedEntry(t *testing.T) {
	t.Parallel()
	a := newSite(t, "node1")
	a.propose(t, command.SetSetting{Key: state.SettingIMDSTokens, Value: "required"})
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(layout{a.config.Node.DataDir}.raft(), "raft.db")
	db, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(db, []byte(state.SettingIMDSTokens))
	if at < 0 {
		t.Fatal("the entry is not in the log's file")
	}
	for at := range len(db) - len(state.SettingIMDSTokens) { // bbolt keeps old pages: change the entry wherever it is
		if bytes.HasPrefix(db[at:], []byte(state.SettingIMDSTokens)) {
			db[at] ^= 1
		}
	}
	if err := os.WriteFile(path, db, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyLog(t.Context(), a.config); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("got %v, want a checksum that does not match", err)
	}
}
