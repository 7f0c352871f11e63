// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What is Hive's goes, what is not stays, and nothing happens without --yes.
func TestUninstall_Golden(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "n")
	files := map[string]string{
		"node.json":   `{"version":1,"clusterId":"c-1","nodeId":"n-node1","node":"node1","region":"eu-home-1"}`,
		"cluster.key": "k", "pki/ca.key": "k", "raft/lock": "", "volumes/v": "v", "audit/records": "r", "import/half": "h", "notes.txt": "mine",
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A process that outlived its agent: a shell under the name of a guest's QEMU, which sleeps until it is ended.
	stray := exec.Command("/bin/sh", "-c", "read x", filepath.Join(dir, "guests/i-1/qmp.sock"))
	stray.Args[0] = "qemu-system-x86_64"
	in, err := stray.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := stray.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stray.Wait() }()
	t.Cleanup(func() { _ = stray.Process.Kill(); <-ended })

	var b strings.Builder
	for _, line := range []string{"admin uninstall", "admin uninstall --yes", "admin uninstall --yes", "admin uninstall extra"} {
		stdout, stderr, code := invoke(t, nil, append(strings.Fields(line), "--data-dir", dir)...)
		fmt.Fprintf(&b, "$ hive %s\n%s", line, stdout)
		for text := range strings.Lines(stderr) {
			b.WriteString("! " + text)
		}
		fmt.Fprintf(&b, "= %d\n\n", code)
	}
	text := strings.ReplaceAll(b.String(), dir, "DATA")
	golden(t, "testdata/uninstall.golden", strings.ReplaceAll(text, fmt.Sprintf("(%d)", stray.Process.Pid), "(PID)"))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "notes.txt" {
		t.Errorf("left %v, %v", left, err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("the stray process: %v", err)
	}
	ended <- nil // for the deferred wait
}
