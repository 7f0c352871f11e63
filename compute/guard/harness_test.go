// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hivecloud/hive/compute/qemu"
)

// asGuard in the environment makes the test binary a guard of the directory it names, so that tests can kill one.
const asGuard = "HIVE_TEST_GUARD_DIR"

// asBlockd makes it a block daemon of the directory.
const asBlockd = "HIVE_TEST_BLOCKD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asGuard); dir != "" {
		log := hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr})
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGUSR1)
		defer stop()
		if err := Run(ctx, Config{Dir: dir, Logger: log, Disks: testDisks(dir)}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(asBlockd); dir != "" {
		fmt.Fprintln(os.Stderr, runBlockd(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// patience is how long anything may take on a busy machine.
const patience = 2 * time.Minute

//go:embed testdata/guest.bin
var guestSector []byte

// need finds a program or skips the test; in CI everything is installed and its absence a failure.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

const (
	volumeID = "vol-0123456789abcdef0"
	imageOf  = "image.raw"
	nbdPIDs  = "nbd.pids"
	staleOf  = "stale"  // a file that makes the block daemon refuse epochs below the number in it
	errorsOf = "errors" // a file with the error that reads can be made to fail with
	downOf   = "down"   // a file that makes the block daemon unreachable
)

// world is one instance directory with everything around it.
type world struct {
	t      *testing.T
	dir    string
	spec   Spec
	client *Client
	disks  func(string) Disks
}

// newWorld writes a spec of the boot sector guest. Its directory has a short path, because sockets are in it.
func newWorld(t *testing.T, change func(*Spec)) *world {
	t.Helper()
	need(t, "qemu-system-x86_64")
	need(t, "qemu-nbd")
	dir, err := os.MkdirTemp("/tmp", "hg")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, client: Dial(dir), spec: testSpec(), disks: testDisks(dir)}
	if change != nil {
		change(&w.spec)
	}
	t.Cleanup(w.cleanup)
	image := append(bytes.Clone(guestSector), make([]byte, 1<<20-len(guestSector))...)
	if err := os.WriteFile(filepath.Join(dir, imageOf), image, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := WriteSpec(dir, w.spec); err != nil {
		t.Fatal(err)
	}
	return w
}

func testSpec() Spec {
	return Spec{
		RunID: "run-1", Epoch: 7,
		Guest: qemu.Spec{
			InstanceID: "i-0123456789abcdef0", UUID: "ec2e1916-9099-7caf-fd21-012345abcdef", TypeName: "t3.nano",
			Accel: "tcg", Cores: 1, Threads: 1, MemoryMiB: 32, TranslationMiB: 16,
			Disks: []qemu.Disk{{VolumeID: volumeID, BootIndex: 1}},
		},
		Volumes:              []Volume{{ID: volumeID, Epoch: 3}},
		BlockSocket:          "unused",
		ShutdownGraceSeconds: 600,
	}
}

// withNet gives the guest an interface and public ports.
func withNet(ports ...Port) func(*Spec) {
	return func(s *Spec) {
		s.Guest.NICs = []qemu.NIC{{ID: "eni-1", MAC: "0a:01:02:03:04:05", Slot: 1, Mode: qemu.ModeUser, User: &qemu.UserNet{
			Address: netip.MustParseAddr("172.31.0.10"), Subnet: netip.MustParsePrefix("172.31.0.0/20"),
			Gateway: netip.MustParseAddr("172.31.0.1"), DNS: netip.MustParseAddr("172.31.0.2"),
		}}}
		s.Ports = ports
	}
}

// cleanup ends every process that the world may still have, by its own pid files.
func (w *world) cleanup() {
	if s, err := readState(w.dir); err == nil && s != nil && w.t.Failed() {
		w.t.Logf("state: %+v", *s)
		for _, name := range []string{guardLogName, qemuLogName, "vm/console.log"} {
			if text, err := tail(filepath.Join(w.dir, name), 4000); err == nil && len(text) > 0 {
				w.t.Logf("%s:\n%s", name, text)
			}
		}
	}
	if pid, ok := findQEMU(qemu.PathsIn(filepath.Join(w.dir, vmDirName)).PID, w.spec.RunAs); ok {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range nbdProcesses(w.dir) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = os.RemoveAll(w.dir)
}

// run runs a guard in this process until the test ends or stop is called, which leaves the guest alive.
func (w *world) run() (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	log := hclog.NewNullLogger()
	if testing.Verbose() {
		log = hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: testWriter{w.t}, Name: filepath.Base(w.dir)})
	}
	go func() { ended <- Run(ctx, Config{Dir: w.dir, Logger: log, Disks: w.disks}) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				w.t.Errorf("guard: %v", err)
			}
		})
	}
	w.t.Cleanup(stop)
	w.until("the guard answers", func(Status) bool { return true })
	return stop
}

// spawn runs a guard in a process of its own and returns its pid.
func (w *world) spawn() int {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := Spawn(ctx, "/usr/bin/env", []string{asGuard + "=" + w.dir, os.Args[0]}, w.dir); err != nil {
		w.t.Fatal(err)
	}
	s, err := w.client.Status(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = syscall.Kill(s.GuardPID, syscall.SIGKILL) })
	return s.GuardPID
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(bytes.TrimSpace(p)))
	return len(p), nil
}

// until polls the status until it pleases.
func (w *world) until(what string, ok func(Status) bool) Status {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	var last Status
	var err error
	for time.Now().Before(deadline) {
		if last, err = w.client.Status(w.t.Context()); err == nil && ok(last) {
			return last
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("waited in vain until %s: %v, %+v", what, err, last)
	return last
}

func (w *world) untilPhase(p Phase) Status {
	w.t.Helper()
	return w.until("the phase is "+string(p), func(s Status) bool {
		if s.Over() && s.Phase != p {
			w.t.Fatalf("guest ended: %+v, exit %+v", s, s.Exit)
		}
		return s.Phase == p
	})
}

// console polls the console until it contains what was not there at the mark, and returns the new mark.
func (w *world) console(mark int, want string) int {
	w.t.Helper()
	path := qemu.PathsIn(filepath.Join(w.dir, vmDirName)).Console
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if text, err := os.ReadFile(path); err == nil && len(text) > mark {
			if i := bytes.Index(text[mark:], []byte(want)); i >= 0 {
				return mark + i + len(want)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	text, _ := os.ReadFile(path)
	w.t.Fatalf("console has no %q behind %d: %q", want, mark, text)
	return 0
}

// mark is the console's present length.
func (w *world) mark() int {
	info, err := os.Stat(qemu.PathsIn(filepath.Join(w.dir, vmDirName)).Console)
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// boots waits until the guest runs and reads its disk.
func (w *world) boots() Status {
	w.t.Helper()
	w.console(w.console(0, "BOOT"), "...")
	return w.untilPhase(PhaseRunning)
}

// noError fails when the guest has seen a failed read.
func (w *world) noError() {
	w.t.Helper()
	text, err := os.ReadFile(qemu.PathsIn(filepath.Join(w.dir, vmDirName)).Console)
	if err != nil || bytes.ContainsRune(text, 'E') {
		w.t.Errorf("guest saw an I/O error: %q, %v", text, err)
	}
}

// key types one letter on the guest's serial console.
func (w *world) key(letter string) {
	w.t.Helper()
	conn, err := net.Dial("unix", SerialSocket(w.dir))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(letter)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	w.must(w.client.Close(ctx))
}

// nbdDisks is a block daemon made of qemu-nbd processes, one a volume.
type nbdDisks struct{ dir string }

func testDisks(dir string) func(string) Disks { return func(string) Disks { return nbdDisks{dir} } }

var _ Disks = nbdDisks{}

func (n nbdDisks) Serve(_ context.Context, volume string, epoch uint64, l *os.File) (Serving, error) {
	if _, err := os.Stat(filepath.Join(n.dir, downOf)); err == nil {
		return nil, errors.New("connection refused")
	}
	if text, err := os.ReadFile(filepath.Join(n.dir, staleOf)); err == nil {
		if newest, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); epoch < newest {
			return nil, fmt.Errorf("%w: volume %s has %d", ErrStaleEpoch, volume, newest)
		}
	}
	server := `qemu-nbd -t -e 16 --image-opts "driver=raw,file.driver=file,file.locking=off,file.filename=$0/` + imageOf + `"`
	if text, err := os.ReadFile(filepath.Join(n.dir, errorsOf)); err == nil { // fails reads while the file failing is there
		server = `nbdkit -f --filter=error file "$0/` + imageOf + `" error-pread-rate=1 error-pread=` + strings.TrimSpace(string(text)) + ` error-pread-file="$0/failing"`
	}
	// The daemon's protocol to inherit a socket wants the pid of the very process.
	cmd := exec.Command("/bin/sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec "+server, n.dir)
	cmd.ExtraFiles = []*os.File{l}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(n.dir, nbdPIDs), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fmt.Fprintln(f, cmd.Process.Pid)
	serving := nbdServing{cmd.Process, make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(serving.lost)
	}()
	return serving, nil
}

type nbdServing struct {
	process *os.Process
	lost    chan struct{}
}

func (s nbdServing) Lost() <-chan struct{} { return s.lost }
func (s nbdServing) Abandon()              {}

func (s nbdServing) Release(ctx context.Context) error {
	_ = s.process.Kill() // it has nothing in memory, and ignores polite signals while it starts
	select {
	case <-s.lost:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nbdProcesses are the pids of all qemu-nbd that were started, dead ones too.
func nbdProcesses(dir string) []int {
	text, _ := os.ReadFile(filepath.Join(dir, nbdPIDs))
	var pids []int
	for _, f := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(f); err == nil && isNBD(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func isNBD(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && (bytes.Contains(text, []byte("qemu-nbd")) || bytes.Contains(text, []byte("nbdkit")))
}
