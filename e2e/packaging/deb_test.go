// SPDX-License-Identifier: Apache-2.0

//go:build e2e || soak

package packaging

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is an empty system: dpkg installs into it and its scripts are told so by DPKG_ROOT.
type root struct {
	t   *testing.T
	dir string
}

func newRoot(t *testing.T) root {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: packages make accounts")
	}
	for _, tool := range []string{"dpkg", "dpkg-deb", "useradd"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	dir, err := os.MkdirTemp("", "deb") // a node's sockets leave no room for the test's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := root{t, dir}
	for path, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\nkvm:x:104:\n", "etc/shadow": "root:*:1::::::\n", "etc/gshadow": "root:*::\nkvm:!::\n",
		"var/lib/dpkg/status": "", "var/lib/dpkg/available": "",
	} {
		if err := os.MkdirAll(filepath.Dir(r.path(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(r.path(path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"} {
		if err := os.MkdirAll(r.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r root) path(name string) string { return filepath.Join(r.dir, name) }

// dpkg runs dpkg on the root. Dependencies are not there: it is the package itself that is tried.
func (r root) dpkg(args ...string) {
	r.t.Helper()
	run(r.t, "dpkg", append([]string{"--root=" + r.dir, "--force-script-chrootless", "--force-depends", "--log=" + r.path("dpkg.log")}, args...)...)
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (r root) has(name string) bool {
	_, err := os.Lstat(r.path(name))
	return err == nil
}

func (r root) user() bool {
	text, err := os.ReadFile(r.path("etc/passwd"))
	return err == nil && strings.Contains(string(text), "\nhive-qemu:x:")
}

// build makes a package of the built binary under a version.
func build(t *testing.T, version string) string {
	t.Helper()
	binary, err := filepath.Abs(cmp.Or(os.Getenv("HIVE_BIN"), "../../bin/hive"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Skip("needs bin/hive: make build")
	}
	out := t.TempDir()
	cmd := exec.Command("../../scripts/package.sh", "deb", out)
	cmd.Env = append(os.Environ(), "VERSION="+version, "BINARY="+binary)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build package: %v\n%s", err, text)
	}
	found, err := filepath.Glob(filepath.Join(out, "*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages %v, %v", found, err)
	}
	return found[0]
}

func TestDeb_InstalledUpgradedRemovedPurged(t *testing.T) {
	r := newRoot(t)
	first, second := build(t, "0.1.0"), build(t, "0.2.0")
	r.dpkg("--install", first)
	hive, data := r.path("usr/bin/hive"), r.path("var/lib/hive")
	if st, err := os.Stat(data); err != nil || st.Mode().Perm() != 0o711 || !r.user() || !r.has("usr/lib/systemd/system/hive.service") || !r.has("etc/hive") {
		t.Errorf("after install: data directory %v, %v; account %v", st, err, r.user())
	}
	if groups, _ := os.ReadFile(r.path("etc/group")); !strings.Contains(string(groups), "kvm:x:104:hive-qemu") {
		t.Errorf("guests may not use KVM: %s", groups)
	}
	run(t, hive, "version")
	run(t, hive, "admin", "init", "--data-dir", data, "--region", "eu-test-1", "--node", "n1")
	before := run(t, hive, "raft", "log", "verify", "--data-dir", data)

	r.dpkg("--install", second)
	if got := run(t, "dpkg-query", "--admindir="+r.path("var/lib/dpkg"), "-W", "-f", "${Version}", "hive"); got != "0.2.0" {
		t.Errorf("after upgrade: version %s", got)
	}
	if after := run(t, hive, "raft", "log", "verify", "--data-dir", data); after != before {
		t.Errorf("the upgrade changed the node: %s was %s", after, before)
	}

	r.dpkg("--remove", "hive")
	if r.has("usr/bin/hive") || r.has("usr/lib/systemd/system/hive.service") || !r.has("var/lib/hive/node.json") || !r.has("var/lib/hive/raft/raft.db") || !r.user() {
		t.Error("remove takes the program and leaves data and account")
	}
	r.dpkg("--install", second)
	if again := run(t, hive, "raft", "log", "verify", "--data-dir", data); again != before {
		t.Errorf("after remove and install: %s was %s", again, before)
	}
	r.dpkg("--purge", "hive")
	for _, name := range []string{"usr/bin/hive", "var/lib/hive", "etc/hive", "usr/share/hive", "usr/lib/systemd/system/hive.service"} {
		if r.has(name) {
			t.Errorf("purge left %s", name)
		}
	}
	if groups, _ := os.ReadFile(r.path("etc/group")); r.user() || strings.Contains(string(groups), "hive-qemu") {
		t.Errorf("purge left the account: %s", groups)
	}
}
