// SPDX-License-Identifier: Apache-2.0

package blockd_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hivecloud/hive/blockstore/blockd"
	"github.com/hivecloud/hive/blockstore/nbd/nbdtest"
)

// process is a daemon that can be killed.
type process struct {
	*exec.Cmd
	dir string
}

func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0]), dir: dir}
	p.Env = append(os.Environ(), daemonEnv+"="+dir)
	p.Stderr = os.Stderr
	must(t, p.Start())
	t.Cleanup(func() { p.kill() })
	return p
}

// kill is kill -9. The lock of the store is free when it returns.
func (p *process) kill() {
	if p.ProcessState == nil {
		p.Process.Kill()
		p.Wait()
	}
}

// TestKill9_NoAcknowledgedWriteIsLost writes without a single flush, kills the daemon in the middle, starts another with
// the same listener and reads back what was acknowledged.
func TestKill9_NoAcknowledgedWriteIsLost(t *testing.T) {
	t.Parallel()
	const blocks, size = 4096, 4096 * 4096
	dir := tempDir(t)
	socket, file := diskSocket(t, dir, "disk")
	p := startProcess(t, dir)
	c := dialControl(t, dir)
	must(t, c.CreateVolume(t.Context(), blockd.CreateVolume{ID: "vol-1", SizeBytes: size}))
	acked := make([]uint32, blocks) // the last stamp that was answered, per block
	tried := make([]uint32, blocks) // the last that was sent: it may be there too
	r := rand.New(rand.NewPCG(5, 6))
	stamp := uint32(0)
	for round := range 4 {
		serve := blockd.Serve{Volume: "vol-1", Epoch: 1 + uint64(round)/2}
		must(t, c.Serve(t.Context(), serve, file))
		disk := dialDisk(t, socket)
		checkStamps(t, disk, acked, tried)
		killer := time.AfterFunc(time.Duration(50+r.IntN(200))*time.Millisecond, func() { p.Process.Kill() })
		writes := 0
		for {
			stamp++
			b := r.IntN(blocks)
			tried[b] = stamp
			block := bytes.Repeat(binary.LittleEndian.AppendUint32(nil, stamp), 1024)
			if disk.Write(uint64(b)*4096, block, 0) != nil {
				break
			}
			acked[b] = stamp
			writes++
		}
		killer.Stop()
		p.kill()
		t.Logf("round %d: killed after %d writes", round, writes)
		p = startProcess(t, dir)
		c = dialControl(t, dir)
	}
	must(t, c.Serve(t.Context(), blockd.Serve{Volume: "vol-1", Epoch: 9}, file))
	checkStamps(t, dialDisk(t, socket), acked, tried)
}

// checkStamps reads every block: it holds the last acknowledged stamp, or the one that was under way.
func checkStamps(t *testing.T, disk *nbdtest.Client, acked, tried []uint32) {
	t.Helper()
	for b := range acked {
		got, err := disk.Read(uint64(b)*4096, 4096)
		must(t, err)
		whole := true
		for i := 0; i < 4096; i += 4 {
			s := binary.LittleEndian.Uint32(got[i:])
			whole = whole && (s == acked[b] || s == tried[b])
		}
		if !whole {
			t.Fatalf("block %d holds %d, acknowledged was %d, tried %d", b, binary.LittleEndian.Uint32(got), acked[b], tried[b])
		}
		acked[b] = binary.LittleEndian.Uint32(got)
		tried[b] = acked[b]
	}
}

// qemuIO is QEMU's own NBD client with reconnection, as a guest's disk uses it.
type qemuIO struct {
	in  io.Writer
	out *bufio.Reader
	cmd *exec.Cmd
}

func startQemuIO(t *testing.T, socket string) *qemuIO {
	t.Helper()
	if _, err := exec.LookPath("qemu-io"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("qemu-io is not installed (package qemu-utils)")
		}
		t.Skip("qemu-io is not installed")
	}
	cmd := exec.Command("qemu-io", "--image-opts",
		"driver=raw,file.driver=nbd,file.reconnect-delay=300,file.server.type=unix,file.export=vol-1,file.server.path="+socket)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = cmd.Stdout
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &qemuIO{in: in, out: bufio.NewReader(out), cmd: cmd}
}

// do runs a command and returns what it said; the line with "ops;" or an error is the last of it.
func (q *qemuIO) do(command string) (string, error) {
	if _, err := fmt.Fprintln(q.in, command); err != nil {
		return "", err
	}
	var said strings.Builder
	for {
		line, err := q.out.ReadString('\n')
		said.WriteString(line)
		switch {
		case err != nil:
			return said.String(), err
		case strings.Contains(line, "failed") || strings.Contains(line, "rror"):
			return said.String(), fmt.Errorf("%s: %s", command, said.String())
		case strings.Contains(line, " ops; "):
			return said.String(), nil
		}
	}
}

// TestKill9_QemuGoesOnThroughTheInheritedListener kills the daemon under QEMU's client. The listener is held by this
// test, as a guard holds it, so that the reconnection waits in its queue until the next daemon takes it up.
func TestKill9_QemuGoesOnThroughTheInheritedListener(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	socket, file := diskSocket(t, dir, "disk")
	p := startProcess(t, dir)
	c := dialControl(t, dir)
	must(t, c.CreateVolume(t.Context(), blockd.CreateVolume{ID: "vol-1", SizeBytes: 64 << 20}))
	serve := blockd.Serve{Volume: "vol-1", Epoch: 1}
	must(t, c.Serve(t.Context(), serve, file))
	q := startQemuIO(t, socket)
	for round := range 4 {
		pattern := round + 1
		_, err := q.do(fmt.Sprintf("write -P %d %dM 1M", pattern, round))
		must(t, err)
		killed := time.Now()
		p.kill()
		// The next request is sent into the dead connection, as a busy guest's is.
		answered := make(chan error, 1)
		go func() {
			_, err := q.do(fmt.Sprintf("write -P %d %dM 1M", pattern, 32+round))
			answered <- err
		}()
		p = startProcess(t, dir)
		must(t, dialControl(t, dir).Serve(t.Context(), serve, file))
		served := time.Now()
		must(t, <-answered)
		t.Logf("round %d: served again after %v, guest's request answered after %v", round, served.Sub(killed), time.Since(killed))
		for _, at := range []int{round, 32 + round} {
			_, err := q.do(fmt.Sprintf("read -P %d %dM 1M", pattern, at))
			must(t, err)
		}
	}
}

// TestKill9_HalfDoneCreationsLeaveNothing kills the daemon while it imports and clones.
func TestKill9_HalfDoneCreationsLeaveNothing(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	raw := filepath.Join(dir, "image.raw")
	must(t, os.WriteFile(raw, bytes.Repeat([]byte("0123456789abcdef"), 2<<20), 0o600))
	r := rand.New(rand.NewPCG(7, 8))
	for range 6 {
		p := startProcess(t, dir)
		c := dialControl(t, dir)
		time.AfterFunc(time.Duration(r.IntN(150))*time.Millisecond, func() { p.Process.Kill() })
		for i := 0; ; i++ {
			if _, err := c.ImportSnapshot(t.Context(), "snap-1", raw); err != nil {
				break
			}
			if c.CreateVolume(t.Context(), blockd.CreateVolume{ID: "vol-1", SizeBytes: 64 << 20, Snapshot: "snap-1"}) != nil {
				break
			}
			if c.DeleteVolume(t.Context(), "vol-1") != nil || c.DeleteSnapshot(t.Context(), "snap-1") != nil {
				break
			}
		}
		p.kill()
	}
	startProcess(t, dir)
	c := dialControl(t, dir)
	list, err := c.List(t.Context())
	must(t, err)
	for _, v := range list.Volumes {
		if v.Problem != "" || v.AllocatedBytes < 32<<20 {
			t.Errorf("half-made volume %+v", v)
		}
	}
	for _, s := range list.Snapshots {
		if s.Problem != "" || s.AllocatedBytes < 32<<20 {
			t.Errorf("half-made snapshot %+v", s)
		}
	}
	for _, kind := range []string{"volumes", "snapshots"} {
		entries, err := os.ReadDir(filepath.Join(dir, "store", kind))
		must(t, err)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				t.Errorf("left behind: %s/%s", kind, e.Name())
			}
		}
	}
}
