// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/backup"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/testcluster"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/raftnode"
	"github.com/hivecloud/hive/raftnode/region"
)

// foundCluster makes the authorities of a region, in files and sealed in its state.
func foundCluster(t *testing.T, r *fsmtest.Region, dir pki.Dir, ring *seal.Ring) {
	t.Helper()
	of, _ := r.FSM.View().Region()
	if err := dir.CreateAuthorities(of.ClusterID); err != nil {
		t.Fatal(err)
	}
	var c state.Cluster
	for kind, cert := range map[pki.Kind]*[]byte{pki.ClusterCA: &c.ClusterCA, pki.APICA: &c.APICA} {
		ca, err := dir.Authority(kind)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ca.KeyDER()
		if err != nil {
			t.Fatal(err)
		}
		name := map[pki.Kind]string{pki.ClusterCA: state.RotateClusterCA, pki.APICA: state.RotateAPICA}[kind]
		box, version, err := ring.Seal(state.SealOwner, name, seal.NewSecret(string(key)))
		if err != nil {
			t.Fatal(err)
		}
		*cert, c.Keys = ca.Certificate().Raw, append(c.Keys, state.SealedKey{Name: name, Box: box, Version: version})
	}
	c.TargetSize = 1
	if err := r.Propose(t.Context(), command.InitCluster{Cluster: c, First: state.Member{NodeID: fsmtest.NodeID, Name: "test", KeyPin: "pin"}}, nil); err != nil {
		t.Fatal(err)
	}
}

// makeBackup writes a backup of a small region, as hive backup create of v0.1.0 did: it held the authorities in files too.
func makeBackup(t *testing.T, path, passphrase string) {
	t.Helper()
	r := fsmtest.NewRegion(t)
	of, _ := r.FSM.View().Region()
	dir := t.TempDir()
	ring := seal.Generate()
	foundCluster(t, r, pki.NewDir(vfs.OS(), filepath.Join(dir, "pki")), ring)
	r.AddAccount(t, "000000000001")
	cluster := testcluster.New(t, testcluster.Config{Nodes: 1,
		StateMachine: func(string) raftnode.StateMachine { return region.StateMachine(r.FSM) },
		Configure:    func(_ string, c *raftnode.Config) { c.Group = "region" },
	})
	defer cluster.Close()
	var snapshot bytes.Buffer
	if _, err := cluster.Member(testcluster.ID(0)).Node.SaveSnapshot(t.Context(), &snapshot); err != nil {
		t.Fatal(err)
	}
	if err := ring.Save(filepath.Join(dir, "cluster.key")); err != nil {
		t.Fatal(err)
	}
	secrets := backup.Secrets{Files: map[string][]byte{"gossip.key": []byte(strings.Repeat("ab", 32) + "\n")}}
	for _, name := range []string{"cluster.key", "pki/ca.pem", "pki/ca.key", "pki/api-ca.pem", "pki/api-ca.key"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		secrets.Files[name] = text
	}
	hash := r.FSM.Hash()
	m := backup.Manifest{Created: when, Hive: "0.1.0", ClusterID: of.ClusterID, Region: of.Name, AZ: fsmtest.Zone, Node: "test", FormatLevel: of.FormatLevel,
		Index: r.FSM.Applied(), StateHash: hex.EncodeToString(hash[:])}
	var file bytes.Buffer
	cheap := backup.Cost{Time: 1, MemoryKiB: 64, Threads: 1}
	if err := backup.Write(&file, m, secrets, []byte(passphrase), &snapshot, int64(snapshot.Len()), backup.Options{Cost: cheap}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What the commands print about a backup, on the way from the file to a node.
func TestBackupCommands_Golden(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	makeBackup(t, filepath.Join(dir, "region.backup"), "correct horse battery")
	for name, text := range map[string]string{"passphrase": "correct horse battery\r\n", "wrong": "incorrect horse battery"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	restore := "backup restore DIR/region.backup --data-dir DIR/n "
	lines := []string{
		"backup inspect DIR/region.backup", "backup inspect DIR/region.backup -o template={{.clusterId}}", "raft snapshot inspect DIR/region.backup",
		restore + "--passphrase-file DIR/nothing", restore, restore + "--passphrase-file DIR/wrong",
		restore + "--passphrase-file DIR/passphrase", restore + "--passphrase-file DIR/passphrase",
		"raft log verify --data-dir DIR/n", "raft recover --data-dir DIR/n",
	}
	var b strings.Builder
	for _, line := range lines {
		stdout, stderr, code := invoke(t, nil, strings.Fields(strings.ReplaceAll(line, "DIR", dir))...)
		fmt.Fprintf(&b, "$ hive %s\n%s", line, stdout)
		for text := range strings.Lines(stderr) {
			b.WriteString("! " + text)
		}
		fmt.Fprintf(&b, "= %d\n\n", code)
	}
	// Sizes and hashes follow every change of the state's rows; what is in the log, how its leader came to lead.
	text := strings.ReplaceAll(b.String(), dir, "DIR")
	text = regexp.MustCompile(`(?m)^(Entries|Index|State hash|Replayed|Snapshot)( +).*$`).ReplaceAllString(text, "$1$2...")
	golden(t, "testdata/backup.golden", regexp.MustCompile(`[0-9]+ bytes`).ReplaceAllString(text, "N bytes"))
}
