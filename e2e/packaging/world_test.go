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
	t       *testing.T
	init    *exec.Cmd
	systemd bool // its first process is systemd
}

// base makes the root of a world in "$0": this machine's below a layer of memory, without what it may have of Hive.
const base = `set -e
mount -t tmpfs world "$0"
mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root"
rm -rf "$0/root/var/lib/hive" "$0/root/etc/hive" "$0/root/usr/sbin/policy-rc.d"
: >"$0/root/etc/fstab"
`

// plain is a first process that reaps, and nothing else.
const plain = base + `
mount -t proc proc "$0/root/proc"
mount --rbind /dev "$0/root/dev"
mount --rbind /sys "$0/root/sys"
mount -t tmpfs run "$0/root/run"
mount -t tmpfs tmp "$0/root/tmp"
ip link set lo up
exec chroot "$0/root" /bin/bash -c 'mkdir -p /run/systemd/system; sleep infinity; exit'
`

// booted is systemd with its basic units, in a container of its own.
const booted = base + `
mkdir -p /run/systemd
mount -t tmpfs nspawn /run/systemd
exec systemd-nspawn --quiet --directory "$0/root" --boot --private-network --register=no --keep-unit --resolv-conf=off --machine=hive --console=pipe -- --unit=basic.target </dev/null >/dev/null
`

// newWorld makes a world without an init system.
func newWorld(t *testing.T) *world {
	t.Helper()
	return enter(t, &world{t: t}, "--pid", "--fork", "--kill-child", "--net", "bash", "-c", plain)
}

// newBootedWorld makes a world that systemd runs.
func newBootedWorld(t *testing.T) *world {
	t.Helper()
	if _, err := exec.LookPath("systemd-nspawn"); err != nil {
		t.Skip("needs systemd-nspawn (systemd-container)")
	}
	w := enter(t, &world{t: t, systemd: true}, "bash", "-c", booted)
	w.eventually("systemd has booted", func() error {
		out, err := w.try("systemctl", "is-active", "basic.target")
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	return w
}

func enter(t *testing.T, w *world, args ...string) *world {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes namespaces and accounts")
	}
	for _, tool := range []string{"dpkg", "unshare", "nsenter", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	w.init = exec.Command("unshare", append(append([]string{"--mount", "--propagation", "private"}, args...), t.TempDir())...)
	w.init.Stderr = os.Stderr
	if err := w.init.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The end of a namespace's first process ends everything in it; systemd's outlives the nspawn that made it.
		if pid, err := strconv.Atoi(w.inside()); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		_ = w.init.Process.Kill()
		_ = w.init.Wait()
	})
	w.eventually("a world", func() error {
		_, err := os.Stat(filepath.Join("/proc", w.inside(), "root/run/systemd/system"))
		return err
	})
	if out, err := w.try("dpkg-query", "-W", "hive"); err == nil {
		t.Skipf("this machine has the package: %s", out)
	}
	w.run("sh", "-c", "if id hive-qemu; then userdel hive-qemu; fi")
	return w
}

// inside is the first process of the world, as this machine counts; before there is one, no process.
func (w *world) inside() string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", w.init.Process.Pid, w.init.Process.Pid))
	if err != nil {
		w.t.Fatalf("the world has ended: %v", err)
	}
	if words := strings.Fields(string(b)); len(words) == 1 {
		return words[0]
	}
	return "none"
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

// command is a program that runs in the world.
func (w *world) command(name string, args ...string) *exec.Cmd {
	pid := w.inside()
	cmd := exec.Command("nsenter", append([]string{"--target", pid, "--mount", "--pid", "--net", "--root", "env", "--chdir=/", "PWD=/", name}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "TMPDIR=/tmp")
	cmd.WaitDelay = 5 * time.Second // daemons may keep the pipe
	return cmd
}

// try runs a program in the world.
func (w *world) try(name string, args ...string) (string, error) {
	cmd := w.command(name, args...)
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
			log, _ := w.try("sh", "-c", "tail -n 40 /run/hive.log || journalctl --no-pager --lines=40 --unit=hive")
			w.t.Fatalf("%s: %v\n%s", what, err, log)
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
