// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package micro

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// patience is how long a step of a guest may take: an emulated CPU on a busy machine is up to twenty times slower than on an idle one.
const patience = 5 * time.Minute

// guest is a running QEMU.
type guest struct {
	dir    string
	cmd    *exec.Cmd
	port   int // of its sshd on 127.0.0.1
	events chan string
	qmp    net.Conn
	key    ssh.Signer
	exited chan struct{}
}

type guestOptions struct {
	uefi      bool
	memoryMiB int
	disk      string
	seed      string // "" for none
	netdev    string // further options of the user network
	env       []string
	key       ssh.Signer
}

func startGuest(t *testing.T, o guestOptions) *guest {
	t.Helper()
	// Unix socket paths are short, so not in t.TempDir.
	dir, err := os.MkdirTemp("", "hm")
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{dir: dir, port: freePort(t), events: make(chan string, 1000), key: o.key, exited: make(chan struct{})}
	port := func(slot int) string {
		return fmt.Sprintf("pcie-root-port,id=rp%d,chassis=%d,slot=%d", slot, slot+1, slot+1)
	}
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-M", "pc-q35-7.2", "-accel", "tcg,thread=multi,tb-size=64",
		"-cpu", "max", "-smp", "1", "-m", fmt.Sprint(o.memoryMiB), "-device", port(0), "-device", port(1), "-device", port(2),
		"-drive", "if=none,id=d0,format=raw,cache=writeback,file=" + o.disk, "-device", "virtio-blk-pci,drive=d0,bus=rp0,bootindex=0",
		"-netdev", fmt.Sprintf("user,id=n0,hostfwd=tcp:127.0.0.1:%d-:22%s", g.port, o.netdev), "-device", "virtio-net-pci,netdev=n0,bus=rp1,romfile=",
		"-device", "virtio-rng-pci", "-device", "virtio-balloon-pci", "-device", "pvpanic-pci",
		"-qmp", "unix:" + dir + "/qmp,server=on,wait=off", "-serial", "file:" + dir + "/console", "-action", "shutdown=pause,panic=pause",
	}
	if o.seed != "" {
		args = append(args, "-drive", "if=none,id=d1,format=raw,readonly=on,file="+o.seed, "-device", "virtio-blk-pci,drive=d1,bus=rp2")
	}
	if o.uefi {
		vars := filepath.Join(dir, "vars")
		if err := copyFile("/usr/share/OVMF/OVMF_VARS_4M.fd", vars, 0o600); err != nil {
			t.Fatal("UEFI firmware (apt-get install ovmf): ", err)
		}
		args = append(args, "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
			"-drive", "if=pflash,unit=1,format=raw,file="+vars)
	}
	g.cmd = exec.Command("qemu-system-x86_64", args...)
	g.cmd.Env = append(os.Environ(), o.env...)
	var stderr bytes.Buffer
	g.cmd.Stderr = &stderr
	if err := g.cmd.Start(); err != nil {
		t.Fatal("start QEMU (apt-get install qemu-system-x86): ", err)
	}
	go func() {
		_ = g.cmd.Wait()
		close(g.exited)
	}()
	t.Cleanup(func() {
		_ = g.cmd.Process.Kill()
		<-g.exited
		if t.Failed() {
			t.Logf("console:\n%s\nqemu: %s", g.console(), stderr.String())
		}
		_ = os.RemoveAll(dir)
	})
	g.connectQMP(t)
	return g
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// until polls a condition, and fails the test when it does not come true in time or QEMU is gone.
func (g *guest) until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
		select {
		case <-g.exited:
			t.Fatalf("%s: QEMU is gone", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (g *guest) connectQMP(t *testing.T) {
	t.Helper()
	g.until(t, "connect to QMP", func() bool {
		var err error
		g.qmp, err = net.Dial("unix", g.dir+"/qmp")
		return err == nil
	})
	g.command(t, "qmp_capabilities")
	go func() {
		defer close(g.events)
		scanner := bufio.NewScanner(g.qmp)
		for scanner.Scan() {
			var msg struct {
				Event string
				Data  struct{ Reason string }
			}
			if json.Unmarshal(scanner.Bytes(), &msg) == nil && msg.Event != "" {
				g.events <- msg.Event + " " + msg.Data.Reason
			}
		}
	}()
	t.Cleanup(func() {
		_ = g.qmp.Close()
		for range g.events { // until its reader has ended
		}
	})
}

func (g *guest) command(t *testing.T, name string) {
	t.Helper()
	if _, err := fmt.Fprintf(g.qmp, "{\"execute\":%q}\n", name); err != nil {
		t.Fatalf("QMP %s: %v", name, err)
	}
}

func (g *guest) waitEvent(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e, ok := <-g.events:
			if !ok {
				t.Fatalf("QMP closed before %s", want)
			}
			if strings.HasPrefix(e, want) {
				return
			}
		case <-deadline:
			t.Fatalf("no event %s within %v", want, patience)
		}
	}
}

func (g *guest) console() string {
	data, _ := os.ReadFile(g.dir + "/console")
	return string(data)
}

// waitConsole waits for the n-th occurrence of a text and returns its line.
func (g *guest) waitConsole(t *testing.T, text string, n int) string {
	t.Helper()
	var line string
	g.until(t, fmt.Sprintf("console text %q no. %d", text, n), func() bool {
		parts := strings.Split(g.console(), text)
		if len(parts) <= n || !strings.Contains(parts[n], "\n") {
			return false
		}
		line = text + strings.SplitN(parts[n], "\n", 2)[0]
		return true
	})
	return strings.TrimSpace(line)
}

// ssh runs a command in the guest, trying until it can log in, with Go's default algorithms.
func (g *guest) ssh(t *testing.T, user, command string) (string, error) {
	t.Helper()
	return g.sshWith(t, user, command)
}

// sshWith is ssh for a client that accepts only some kinds of host keys.
func (g *guest) sshWith(t *testing.T, user, command string, hostKeyAlgorithms ...string) (string, error) {
	t.Helper()
	var client *ssh.Client
	var last error
	defer func() {
		if t.Failed() {
			t.Log("last SSH error: ", last)
		}
	}()
	g.until(t, "SSH as "+user, func() bool {
		client, last = ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port), &ssh.ClientConfig{
			User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(g.key)}, Timeout: time.Minute, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
			HostKeyAlgorithms: hostKeyAlgorithms,
		})
		return last == nil
	})
	defer func() { _ = client.Close() }()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.CombinedOutput(command)
	return strings.TrimSpace(string(out)), err
}

// must runs a command that has to succeed.
func (g *guest) must(t *testing.T, user, command string) string {
	t.Helper()
	out, err := g.ssh(t, user, command)
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return out
}

func newKey(t *testing.T) (signer ssh.Signer, public string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err = ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// checkDisk runs the checkers of partition table and file system over the disk of a guest that has powered off.
func checkDisk(t *testing.T, disk string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b := &builder{work: t.TempDir()}
	b.log = testLogger(t)
	if out, err := b.run(ctx, command{name: "sfdisk", args: []string{"--verify", disk}}); err != nil || !strings.Contains(out, "No errors detected") {
		t.Errorf("partition table: %v: %s", err, out)
	}
	if out, err := b.run(ctx, command{name: "e2fsck", args: []string{"-fn", disk + fmt.Sprintf("?offset=%d", (1+espMiB)*mib)}}); err != nil {
		t.Errorf("root file system: %v: %s", err, out)
	}
	out, err := b.run(ctx, command{name: "dumpe2fs", args: []string{"-h", disk + fmt.Sprintf("?offset=%d", (1+espMiB)*mib)}})
	if err != nil || strings.Contains(out, "needs_recovery") {
		t.Errorf("root file system was not unmounted cleanly: %v: %s", err, out)
	}
}
