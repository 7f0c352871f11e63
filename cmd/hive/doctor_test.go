// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/hivecloud/hive/internal/doctor"
)

// Faults that a real machine can be given: the command finds them, says what to do and exits with 8.
func TestDoctor_SickNodeExits8WithFixes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "node")
	for path, mode := range map[string]os.FileMode{"raft": 0o700, "raft/raft.db": 0o600, "node.json": 0o600, "cluster.key": 0o644} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if mode&0o100 != 0 {
			continue
		}
		if err := os.WriteFile(path, []byte("not a database, not a key"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil { // after the umask
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	args := []string{"doctor", "-o", "json", "--skip", "accelerator", "--data-dir", dir, "--api", taken.Addr().String(), "--cluster", "192.0.2.1:8443"}
	stdout, stderr, code := invoke(t, []string{"HIVE_COMPUTE_QEMU_BINARY=no-such-qemu"}, args...)
	var out struct{ Items []doctor.Result }
	if err := json.Unmarshal([]byte(stdout), &out); err != nil || code != 8 {
		t.Fatalf("exit %d, %v, %s", code, err, stderr)
	}
	found := map[string]doctor.Result{}
	for _, r := range out.Items {
		found[r.ID] = r
	}
	for _, id := range []string{"data-dir", "cluster-key", "raft-log", "port-api", "port-cluster", "mtu", "qemu"} {
		if r := found[id]; r.Verdict != doctor.Fail || r.Fix == "" {
			t.Errorf("%s: %s", id, fmt.Sprintf("%+v", r))
		}
	}
	if found["accelerator"].Verdict != doctor.Skip {
		t.Errorf("%+v", found["accelerator"])
	}
}
