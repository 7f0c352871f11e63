// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestGuestSector_IsTheAssembledSource(t *testing.T) {
	t.Parallel()
	nasm := need(t, "nasm")
	out := filepath.Join(t.TempDir(), "guest.bin")
	if b, err := exec.CommandContext(t.Context(), nasm, "-f", "bin", "testdata/guest.asm", "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, guestSector) {
		t.Errorf("guest.bin is not what nasm makes of guest.asm: %v", err)
	}
}

func TestProcStat_AnyProcessName(t *testing.T) {
	t.Parallel()
	const text = "4242 (a) b (c) S 1 2 3 0 -1 4 5 6 7 8 150 50 0 0 20 0 1 0 987654 123456 321 18446744073709551615 1"
	got, err := parseProcStat([]byte(text))
	want := procStat{state: 'S', cpuTicks: 200, startTicks: 987654, rssPages: 321}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1", strings.Replace(text, "987654", "-1", 1)} {
		if _, err := parseProcStat([]byte(bad)); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
	if s, err := readProcStat(os.Getpid()); err != nil || s.startTicks == 0 || s.dead() {
		t.Errorf("own stat: %+v, %v", s, err)
	}
}

func TestIsQEMU_OnlyTheOneOfThisPIDFile(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/bin/sh", "-c", "sleep 600; true", "x", "-pidfile", "/run/a/qemu.pid")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	defer func() { _ = syscall.Kill(-pid, syscall.SIGKILL); _ = cmd.Wait() }()
	// The kernel shows a command line only a moment after the program has begun.
	for end := time.Now().Add(time.Minute); !isQEMU(pid, "/run/a/qemu.pid", nil); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not recognised")
		}
	}
	if isQEMU(pid, "/run/b/qemu.pid", nil) {
		t.Error("recognised by another pid file")
	}
	if os.Geteuid() == 0 && isQEMU(pid, "/run/a/qemu.pid", &RunAs{UID: 65534}) {
		t.Error("recognised as another user's")
	}
	if got, ok := findQEMU("/run/a/qemu.pid", nil); !ok || got != pid {
		t.Errorf("found %d, %v, want %d", got, ok, pid)
	}
	if _, err := adoptProcess(pid, func(int) bool { return false }); err == nil {
		t.Error("adopted a process that has become another one")
	}
}

func TestDeadline_ExpiresMovesAndDisarms(t *testing.T) {
	t.Parallel()
	expired := make(chan int64, 10)
	d := &deadline{}
	d.expired = func(context.Context) { expired <- bootNow() }
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.run(ctx) }()

	if _, err := d.setIn(time.Hour); err != nil || d.passed() {
		t.Fatalf("%v, passed %v", err, d.passed())
	}
	at, err := d.setIn(time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if when := <-expired; when < at {
		t.Errorf("expired %d ns early", at-when)
	}
	if !d.passed() {
		t.Error("not passed")
	}
	if err := d.set(1); err != nil { // long ago
		t.Fatal(err)
	}
	<-expired
	if err := d.set(0); err != nil || d.passed() {
		t.Errorf("disarmed: %v, passed %v", err, d.passed())
	}
	cancel()
	<-ended
	if len(expired) != 0 {
		t.Error("expired more often than set")
	}
	if err := d.set(1); err == nil {
		t.Error("set after the end")
	}
}

func TestConsole_CutKeepsTheNewest(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "console.log")
	if c, err := readConsole(path, 100); err != nil || len(c.Text) != 0 || !c.At.IsZero() {
		t.Errorf("no log: %+v, %v", c, err)
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) // as QEMU has it
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var all []byte
	write := func(n int) {
		line := bytes.Repeat([]byte{byte('a' + len(all)%23)}, n)
		all = append(all, line...)
		if _, err := log.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	for range 40 {
		write(100)
		if err := cutConsole(path, 1000, 500); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Size() >= 1000 {
			t.Fatalf("log has %d bytes, %v", info.Size(), err)
		}
		for _, n := range []int{1, 99, 500} {
			c, err := readConsole(path, int64(n))
			want := all[max(0, len(all)-n):]
			if err != nil || !bytes.Equal(c.Text, want) || c.At.IsZero() {
				t.Fatalf("last %d of %d bytes: got %d, %v", n, len(all), len(c.Text), err)
			}
		}
	}
	if err := os.WriteFile(path+".new", []byte("left by a kill"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(2000)
	if err := cutConsole(path, 1000, 500); err != nil {
		t.Errorf("with a leftover: %v", err)
	}
}

// TestGuestFiles_LinksAreNotFollowed: QEMU may write in vm/, and must not make a privileged guard read or empty other files.
func TestGuestFiles_LinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, bytes.Repeat([]byte("s"), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "console.log")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	if c, err := readConsole(link, 100); err == nil {
		t.Errorf("read %q through a link", c.Text)
	}
	_ = cutConsole(link, 10, 5)
	if info, err := os.Stat(secret); err != nil || info.Size() != 5000 {
		t.Errorf("secret has %d bytes, %v", info.Size(), err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tail(pipe, 10); err == nil {
		t.Error("read a pipe")
	}
}

func TestBoard_WaitSeesEveryChangeAndTheFileComesFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newBoard(dir, Status{Version: 5}, hclog.NewNullLogger())
	done := make(chan Status)
	go func() { done <- b.wait(t.Context(), 5) }()
	b.update(func(s *Status) { s.Phase = PhaseRunning })
	if s := <-done; s.Version != 6 || s.Phase != PhaseRunning {
		t.Errorf("woken with %+v", s)
	}
	if s, err := readState(dir); err != nil || s.Version != 6 {
		t.Errorf("file has %+v, %v", s, err)
	}
	if s := b.update(func(*Status) {}); s.Version != 6 {
		t.Errorf("no change made version %d", s.Version)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s := b.wait(ctx, 6); s.Version != 6 {
		t.Errorf("cancelled wait: %+v", s)
	}
}

func TestAPI_BadRequestsAndErrorsAcrossTheSocket(t *testing.T) {
	t.Parallel()
	g := &guard{dir: t.TempDir(), log: hclog.NewNullLogger(), board: newBoard(t.TempDir(), Status{Phase: PhaseStarting}, hclog.NewNullLogger())}
	routes := g.routes()
	for name, c := range map[string]struct {
		method, path, body string
		want               int
	}{
		"unknown member":   {"POST", "/v1/renew", `{"ttl": 1}`, http.StatusConflict},
		"not JSON":         {"POST", "/v1/renew", `ttl`, http.StatusConflict},
		"huge body":        {"POST", "/v1/renew", `{"ttl_ms": ` + strings.Repeat("1", maxBody) + `}`, http.StatusConflict},
		"wrong method":     {"GET", "/v1/quit", "", http.StatusMethodNotAllowed},
		"unknown path":     {"POST", "/v1/selfdestruct", "", http.StatusNotFound},
		"bad version":      {"GET", "/v1/status?wait=x", "", http.StatusConflict},
		"negative console": {"GET", "/v1/console?bytes=-1", "", http.StatusConflict},
		"huge console":     {"GET", "/v1/console?bytes=99999999999", "", http.StatusConflict},
		"negative ttl":     {"POST", "/v1/renew", `{"ttl_ms": -1}`, http.StatusConflict},
		"not running":      {"GET", "/v1/stats", "", http.StatusConflict},
	} {
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
	}
	for _, known := range errorCodes {
		w := httptest.NewRecorder()
		writeError(w, errors.Join(errors.New("context"), known))
		if err := decodeError("409", w.Body.Bytes()); !errors.Is(err, known) || !strings.Contains(err.Error(), "context") {
			t.Errorf("%v came back as %v", known, err)
		}
	}
	if err := decodeError("502 Bad Gateway", []byte("<html>")); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("foreign answer: %v", err)
	}
}

func TestRemains_OfARun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if Present(dir) {
		t.Error("an empty directory holds a run")
	}
	if err := WriteSpec(dir, testSpec()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenConsole(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("console before the first run: %v", err)
	}
	log := ConsoleLog(dir)
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{log: "new", log + ".1": "old "} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !Present(dir) {
		t.Error("a spec is no run")
	}
	for range 2 {
		if err := Clear(dir); err != nil {
			t.Fatal(err)
		}
	}
	if Present(dir) {
		t.Error("still there after Clear")
	}
	if c, err := ReadConsole(dir, 5); err != nil || string(c.Text) != "d new" {
		t.Errorf("console after Clear: %q, %v", c.Text, err)
	}
	f, err := OpenConsole(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := errors.Join(os.Remove(log), os.Symlink("/etc/passwd", log)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenConsole(dir); err == nil {
		t.Error("opened a link")
	}
}
