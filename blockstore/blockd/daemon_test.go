// SPDX-License-Identifier: Apache-2.0

package blockd_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/blockd"
	"github.com/hivecloud/hive/blockstore/nbd/nbdtest"
)

const patience = 2 * time.Minute

// daemonEnv makes the test binary a daemon: one that can be killed.
const daemonEnv = "BLOCKD_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(daemonEnv); dir != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := run(ctx, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func run(ctx context.Context, dir string) error {
	d, err := blockd.New(blockd.Config{Dir: filepath.Join(dir, "store"), Socket: filepath.Join(dir, "ctl")})
	if err != nil {
		return err
	}
	return d.Run(ctx)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

// tempDir is short: socket paths have little room.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "blkd")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// startInside runs a daemon in this process and returns a client of it.
func startInside(t *testing.T) (dir string, c *blockd.Client) {
	t.Helper()
	dir = tempDir(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, dir) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return dir, dialControl(t, dir)
}

// dialControl waits until the daemon listens.
func dialControl(t *testing.T, dir string) *blockd.Client {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		c, err := blockd.Dial(t.Context(), filepath.Join(dir, "ctl"))
		if err == nil {
			t.Cleanup(func() { c.Close() })
			return c
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// diskSocket is what a guard owns: a listening socket that outlives the daemon.
func diskSocket(t *testing.T, dir, name string) (path string, file *os.File) {
	t.Helper()
	path = filepath.Join(dir, name)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	file, err = l.File()
	must(t, err)
	l.SetUnlinkOnClose(false)
	l.Close()
	t.Cleanup(func() { file.Close() })
	return path, file
}

func dialDisk(t *testing.T, socket string) *nbdtest.Client {
	t.Helper()
	c, err := nbdtest.Dial(socket, "vol-1", patience)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestLifeOfAVolume(t *testing.T) {
	t.Parallel()
	dir, c := startInside(t)
	ctx := t.Context()
	raw := filepath.Join(dir, "image.raw")
	must(t, os.WriteFile(raw, []byte(strings.Repeat("boot", 1000)), 0o600))
	snap, err := c.ImportSnapshot(ctx, "snap-1", raw)
	must(t, err)
	if snap.SizeBytes != 4096 || len(snap.SHA256) != 64 {
		t.Fatalf("got %+v", snap)
	}
	again, err := c.StatSnapshot(ctx, "snap-1")
	must(t, err)
	if d := cmp.Diff(snap, again); d != "" {
		t.Fatal(d)
	}
	spec := blockd.CreateVolume{ID: "vol-1", SizeBytes: 1 << 20, Snapshot: "snap-1"}
	must(t, c.CreateVolume(ctx, spec))
	must(t, c.CreateVolume(ctx, spec))
	wantErr(t, c.CreateVolume(ctx, blockd.CreateVolume{ID: "vol-1", SizeBytes: 1 << 20}), blockstore.ErrConflict)

	socket, file := diskSocket(t, dir, "disk")
	must(t, c.Serve(ctx, blockd.Serve{Volume: "vol-1", Epoch: 3}, file))
	disk := dialDisk(t, socket)
	got, err := disk.Read(0, 4)
	must(t, err)
	if string(got) != "boot" {
		t.Fatalf("got %q", got)
	}
	must(t, disk.Write(4096, []byte("data"), nbdtest.FUA))
	must(t, disk.Flush())
	wantErr(t, c.DeleteVolume(ctx, "vol-1"), blockstore.ErrInUse)
	must(t, c.Grow(ctx, "vol-1", 2<<20))
	if size := dialDisk(t, socket).Size; size != 2<<20 {
		t.Fatalf("size %d", size)
	}

	list, err := c.List(ctx)
	must(t, err)
	want := blockd.Listing{
		Volumes:   []blockd.Volume{{ID: "vol-1", SizeBytes: 2 << 20, Epoch: 3, Snapshot: "snap-1", Served: true, Connections: 2}},
		Snapshots: []blockd.Snapshot{snap},
	}
	if d := cmp.Diff(want, list, cmpopts.IgnoreFields(blockd.Volume{}, "AllocatedBytes")); d != "" {
		t.Fatal(d)
	}
	stats, err := c.Stats(ctx)
	must(t, err)
	if v := stats.Volumes[0]; v.Volume != "vol-1" || v.Read.Ops != 1 || v.Read.Bytes != 4 || v.Write.Ops != 1 || v.Write.Bytes != 4 || v.Flush.Ops != 1 || v.Write.Time <= 0 {
		t.Fatalf("stats %+v", v)
	}
	space, err := c.Space(ctx)
	must(t, err)
	if space.FreeBytes <= 0 || space.TotalBytes < space.FreeBytes {
		t.Fatalf("space %+v", space)
	}

}

func TestReleaseGrowDelete_AreIdempotentAndFenced(t *testing.T) {
	t.Parallel()
	dir, c := startInside(t)
	ctx := t.Context()
	must(t, c.CreateVolume(ctx, blockd.CreateVolume{ID: "vol-1", SizeBytes: 1 << 20}))
	socket, file := diskSocket(t, dir, "disk")
	must(t, c.Serve(ctx, blockd.Serve{Volume: "vol-1", Epoch: 3}, file))
	disk := dialDisk(t, socket)
	must(t, disk.Flush())
	wantErr(t, c.Release(ctx, "vol-1", 2), blockstore.ErrFenced)
	must(t, c.Release(ctx, "vol-1", 3))
	must(t, c.Release(ctx, "vol-1", 3))
	if err := disk.Flush(); err == nil {
		t.Fatal("a released volume answers")
	}
	v, err := c.StatVolume(ctx, "vol-1")
	must(t, err)
	if v.Served || v.Epoch != 3 || v.SizeBytes != 1<<20 {
		t.Fatalf("got %+v", v)
	}
	must(t, c.Grow(ctx, "vol-1", 4<<20))
	must(t, c.DeleteVolume(ctx, "vol-1"))
	must(t, c.DeleteVolume(ctx, "vol-1"))
	for range 2 {
		must(t, c.DeleteSnapshot(ctx, "snap-1"))
	}
	_, err = c.StatVolume(ctx, "vol-1")
	wantErr(t, err, blockstore.ErrNotFound)
	_, err = c.StatSnapshot(ctx, "snap-1")
	wantErr(t, err, blockstore.ErrNotFound)
}

func TestServe_HigherEpochCutsLowerIsRefused(t *testing.T) {
	t.Parallel()
	dir, c := startInside(t)
	ctx := t.Context()
	must(t, c.CreateVolume(ctx, blockd.CreateVolume{ID: "vol-1", SizeBytes: 1 << 20}))
	oldSocket, oldFile := diskSocket(t, dir, "old")
	must(t, c.Serve(ctx, blockd.Serve{Volume: "vol-1", Epoch: 5}, oldFile))
	old := dialDisk(t, oldSocket)
	must(t, old.Write(0, []byte("old"), 0))

	newSocket, newFile := diskSocket(t, dir, "new")
	wantErr(t, c.Serve(ctx, blockd.Serve{Volume: "vol-1", Epoch: 4}, newFile), blockstore.ErrFenced)
	must(t, old.Flush()) // nothing changed
	must(t, c.Serve(ctx, blockd.Serve{Volume: "vol-1", Epoch: 6}, newFile))
	if err := old.Write(0, []byte("stale"), 0); err == nil {
		t.Fatal("the old epoch still writes")
	}
	disk := dialDisk(t, newSocket)
	got, err := disk.Read(0, 3)
	must(t, err)
	if string(got) != "old" {
		t.Fatalf("got %q", got)
	}
	wantErr(t, c.Serve(ctx, blockd.Serve{Volume: "vol-1", Epoch: 5}, oldFile), blockstore.ErrFenced)
	wantErr(t, c.Release(ctx, "vol-1", 5), blockstore.ErrFenced)
	must(t, c.Release(ctx, "vol-1", 6))
	wantErr(t, c.Serve(ctx, blockd.Serve{Volume: "vol-1", Epoch: 5}, oldFile), blockstore.ErrFenced)
}

func TestServe_SameEpochAgainKeepsConnectionsAndTakesTheNewListener(t *testing.T) {
	t.Parallel()
	dir, c := startInside(t)
	ctx := t.Context()
	must(t, c.CreateVolume(ctx, blockd.CreateVolume{ID: "vol-1", SizeBytes: 1 << 20}))
	socket, file := diskSocket(t, dir, "a")
	serve := blockd.Serve{Volume: "vol-1", Epoch: 1}
	must(t, c.Serve(ctx, serve, file))
	disk := dialDisk(t, socket)
	must(t, c.Serve(ctx, serve, file)) // a guard that was restarted
	must(t, disk.Flush())
	other, otherFile := diskSocket(t, dir, "b")
	must(t, c.Serve(ctx, serve, otherFile))
	must(t, disk.Flush())
	must(t, dialDisk(t, other).Flush())
}

func TestControlConnection_MayDieWhileDisksLive(t *testing.T) {
	t.Parallel()
	dir, c := startInside(t)
	must(t, c.CreateVolume(t.Context(), blockd.CreateVolume{ID: "vol-1", SizeBytes: 1 << 20}))
	socket, file := diskSocket(t, dir, "disk")
	must(t, c.Serve(t.Context(), blockd.Serve{Volume: "vol-1", Epoch: 1}, file))
	disk := dialDisk(t, socket)
	c.Close()
	second := dialControl(t, dir)
	v, err := second.StatVolume(t.Context(), "vol-1")
	must(t, err)
	if !v.Served {
		t.Fatal("volume is no longer served")
	}
	must(t, disk.Write(0, []byte("x"), nbdtest.FUA))
	dialDisk(t, socket)
}

func TestServe_OnlyListeningUnixSocketsAreTaken(t *testing.T) {
	t.Parallel()
	dir, c := startInside(t)
	must(t, c.CreateVolume(t.Context(), blockd.CreateVolume{ID: "vol-1", SizeBytes: 1 << 20}))
	plain, err := os.Create(filepath.Join(dir, "plain"))
	must(t, err)
	defer plain.Close()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	defer tcp.Close()
	tcpFile, err := tcp.File()
	must(t, err)
	defer tcpFile.Close()
	for _, f := range []*os.File{plain, tcpFile, nil} {
		wantErr(t, c.Serve(t.Context(), blockd.Serve{Volume: "vol-1", Epoch: 1}, f), blockstore.ErrInvalid)
	}
	_, file := diskSocket(t, dir, "disk")
	wantErr(t, c.Serve(t.Context(), blockd.Serve{Volume: "vol-1"}, file), blockstore.ErrInvalid)
	wantErr(t, c.Serve(t.Context(), blockd.Serve{Volume: "vol-2", Epoch: 1}, file), blockstore.ErrNotFound)
	wantErr(t, c.Serve(t.Context(), blockd.Serve{Volume: "../x", Epoch: 1}, file), blockstore.ErrInvalid)
}

func TestDaemon_SecondOneIsRefusedAndCleanStopStartsAgain(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- run(ctx, dir) }()
		c := dialControl(t, dir)
		wantErr(t, run(ctx, dir), blockstore.ErrInUse)
		must(t, c.CreateVolume(ctx, blockd.CreateVolume{ID: "vol-1", SizeBytes: 1 << 20}))
		socket, file := diskSocket(t, dir, "disk")
		must(t, c.Serve(ctx, blockd.Serve{Volume: "vol-1", Epoch: 1}, file))
		disk := dialDisk(t, socket)
		must(t, disk.Write(0, []byte("kept"), 0))
		cancel()
		must(t, <-done)
		if err := c.DeleteVolume(t.Context(), "vol-1"); err == nil {
			t.Fatal("a stopped daemon answers")
		}
		wantErr(t, c.DeleteVolume(t.Context(), "vol-1"), blockstore.ErrClosed)
		must(t, os.Remove(socket))
	}
}

func TestClient_CanceledCallBreaksTheConnectionOnly(t *testing.T) {
	t.Parallel()
	dir, c := startInside(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.List(ctx)
	wantErr(t, err, context.Canceled)
	_, err = c.List(t.Context())
	wantErr(t, err, blockstore.ErrClosed)
	_, err = dialControl(t, dir).List(t.Context())
	must(t, err)
}
