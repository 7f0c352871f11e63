// SPDX-License-Identifier: Apache-2.0

//go:build e2e || soak

package packaging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// world is this machine once more, with namespaces of its own for mounts, processes and network: what a test installs
// lies in memory above the real files, and everything ends with the test.
type world struct {
	t    *testing.T
	init *exec.Cmd
}

// enter is run by the first process of a world: it makes the root and stays in it, as the one that reaps.
const enter = `set -e
mount -t tmpfs world "$0"
mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root"
mount -t proc proc "$0/root/proc"
mount --rbind /dev "$0/root/dev"
mount --rbind /sys "$0/root/sys"
mount -t tmpfs run "$0/root/run"
mount -t tmpfs tmp "$0/root/tmp"
ip link set lo up
exec chroot "$0/root" /bin/bash -c 'mkdir -p /run/systemd/system; echo ready; sleep infinity; exit'
`

func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes namespaces and accounts")
	}
	for _, tool := range []string{"dpkg", "unshare", "nsenter", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	w := &world{t: t, init: exec.Command("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--net", "bash", "-c", enter, t.TempDir())}
	w.init.Stderr = os.Stderr
	out, err := w.init.StdoutPipe()
	if err == nil {
		err = w.init.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.init.Process.Kill() // and with it everything inside
		_ = w.init.Wait()
	})
	line := make([]byte, 16)
	if n, err := out.Read(line); err != nil || string(line[:n]) != "ready\n" {
		t.Fatalf("make a world: %q, %v", line[:n], err)
	}
	if out, err := w.try("dpkg-query", "-W", "hive"); err == nil {
		t.Skipf("this machine has the package: %s", out)
	}
	w.run("sh", "-c", "rm -rf /var/lib/hive /etc/hive /usr/sbin/policy-rc.d; if id hive-qemu; then userdel hive-qemu; fi")
	return w
}

// inside is the first process of the world, as this machine counts.
func (w *world) inside() string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", w.init.Process.Pid, w.init.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// path is where a file of the world is seen from outside.
func (w *world) path(name string) string { return filepath.Join("/proc", w.inside(), "root", name) }

func (w *world) has(name string) bool {
	_, err := os.Lstat(w.path(name))
	return err == nil
}

func (w *world) write(name, text string, mode os.FileMode) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
}

// copyIn puts a file of this machine into the world.
func (w *world) copyIn(from, to string, mode os.FileMode) {
	w.t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(to, string(b), mode)
}

// try runs a program in the world.
func (w *world) try(name string, args ...string) (string, error) {
	pid := w.inside()
	cmd := exec.Command("nsenter", append([]string{"--target", pid, "--mount", "--pid", "--net", "--root", "env", "--chdir=/", "PWD=/", name}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "TMPDIR=/tmp")
	cmd.WaitDelay = 5 * time.Second // daemons may keep the pipe
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (w *world) run(name string, args ...string) string {
	w.t.Helper()
	out, err := w.try(name, args...)
	if err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// item runs a hive command and decodes what it prints.
func item[T any](w *world, args ...string) (v T) {
	w.t.Helper()
	out := w.run("hive", append(args, "-o", "json", "-q")...)
	var both struct{ Item, Items json.RawMessage }
	err := json.Unmarshal([]byte(out), &both)
	if err == nil {
		err = json.Unmarshal(slices.Concat(both.Item, both.Items), &v)
	}
	if err != nil {
		w.t.Fatalf("hive %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

// eventually polls with a generous limit.
func (w *world) eventually(what string, ok func() error) {
	w.t.Helper()
	for until := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(until) {
			log, _ := os.ReadFile(w.path("run/hive.log"))
			w.t.Fatalf("%s: %v\n%s", what, err, log[max(0, len(log)-3000):])
		}
	}
}

// processes are those of the node by kind: agent, guard, blockd and qemu, as the world counts them.
func (w *world) processes() map[string][]int {
	w.t.Helper()
	out := map[string][]int{}
	namespace, err := os.Readlink(w.path("proc/1/ns/pid"))
	if err != nil {
		w.t.Fatal(err)
	}
	entries, err := os.ReadDir(w.path("proc"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := w.path("proc/" + e.Name())
		line, _ := os.ReadFile(dir + "/cmdline")
		if ns, err := os.Readlink(dir + "/ns/pid"); err != nil || ns != namespace {
			continue
		}
		words := strings.Split(string(line), "\x00")
		switch {
		case strings.HasPrefix(filepath.Base(words[0]), "qemu-system"):
			out["qemu"] = append(out["qemu"], pid)
		case words[0] == "/usr/bin/hive" && len(words) > 1 && slices.Contains([]string{"agent", "guard", "blockd"}, words[1]):
			out[words[1]] = append(out[words[1]], pid)
		}
	}
	return out
}

// owner is the name of the account that a process of the world runs as.
func (w *world) owner(pid int) string {
	w.t.Helper()
	st, err := os.Stat(w.path(fmt.Sprintf("proc/%d", pid)))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(w.run("id", "-nu", fmt.Sprint(st.Sys().(*syscall.Stat_t).Uid)))
}
