// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hivecloud/hive/blockstore/blockd"
)

func blockdSocket(dir string) string { return filepath.Join(dir, "blockd.sock") }

// runBlockd is the block daemon that tests kill.
func runBlockd(dir string) error {
	d, err := blockd.New(blockd.Config{Dir: filepath.Join(dir, "blockd"), Socket: blockdSocket(dir)})
	if err != nil {
		return err
	}
	return d.Run(context.Background())
}

// startBlockd starts one as a process of its own and returns when it answers.
func startBlockd(t *testing.T, dir string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asBlockd+"="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	blockdClient(t, dir).Close()
	return kill
}

func blockdClient(t *testing.T, dir string) *blockd.Client {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		c, err := blockd.Dial(t.Context(), blockdSocket(dir))
		if err == nil {
			return c
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// withBlockd makes the guest's volume in a real block daemon.
func withBlockd(t *testing.T, w *world) (kill func()) {
	t.Helper()
	kill = startBlockd(t, w.dir)
	c := blockdClient(t, w.dir)
	defer c.Close()
	_, err := c.ImportSnapshot(t.Context(), "snap-1", filepath.Join(w.dir, imageOf))
	w.must(err)
	w.must(c.CreateVolume(t.Context(), blockd.CreateVolume{ID: volumeID, SizeBytes: 1 << 20, Snapshot: "snap-1"}))
	return kill
}

func (w *world) volume() blockd.Volume {
	w.t.Helper()
	c := blockdClient(w.t, w.dir)
	defer c.Close()
	v, err := c.StatVolume(w.t.Context(), volumeID)
	w.must(err)
	return v
}

func TestBlockd_KilledUnderAGuest_GoesOnWithoutError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.useBlockd()
	kill := withBlockd(t, w)
	stop := w.run()
	w.boots()
	if v := w.volume(); !v.Served || v.Epoch != 3 {
		t.Errorf("volume %+v", v)
	}
	for round := 1; round <= 2; round++ {
		kill()
		w.until("the loss is seen", func(s Status) bool { return !s.Disks[0].Served && s.Disks[0].Lost == round })
		kill = startBlockd(t, w.dir)
		w.until("the volume is served again", func(s Status) bool { return s.Disks[0].Served })
		w.console(w.mark(), "...")
	}
	stop() // and now another guard
	w.run()
	w.until("the guest is adopted", func(s Status) bool { return s.Phase == PhaseRunning && s.Adopted == 1 && s.Disks[0].Served })
	kill()
	startBlockd(t, w.dir)
	w.console(w.mark(), "...")
	w.noError()
	w.must(w.client.Powerdown(t.Context(), 0))
	if s := w.untilPhase(PhaseExited); s.Exit.Cause != CauseGuestShutdown {
		t.Errorf("exit %+v", s.Exit)
	}
	if v := w.volume(); v.Served || v.Epoch != 3 {
		t.Errorf("volume after the guest's end %+v", v)
	}
	w.close()
}

func TestBlockd_NewerEpochTakesTheVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.useBlockd()
	kill := withBlockd(t, w)
	w.run()
	w.boots()

	// A second owner, as if the volume had been granted to somebody else.
	l, err := listenFile(filepath.Join(w.dir, "other.sock"), nil)
	w.must(err)
	defer l.Close()
	other, err := BlockDaemon(blockdSocket(w.dir)).Serve(t.Context(), volumeID, 4, l)
	w.must(err)
	if _, err := BlockDaemon(blockdSocket(w.dir)).Serve(t.Context(), volumeID, 3, l); !errors.Is(err, ErrStaleEpoch) {
		t.Errorf("the old epoch: %v, want ErrStaleEpoch", err)
	}
	w.until("the guest is fenced", func(s Status) bool { return s.Fenced && s.Reason == ReasonFence })

	kill()
	<-other.Lost()
	other.Abandon()
	startBlockd(t, w.dir)

	w.spec.Epoch, w.spec.Volumes[0].Epoch = 8, 5
	w.must(WriteSpec(w.dir, w.spec))
	// The new daemon may still be telling a request of the old epoch that it is stale, which fences the guest once more.
	w.until("the guest is resumed", func(Status) bool {
		err := w.client.Resume(t.Context(), 8)
		if err != nil && !errors.Is(err, ErrFenced) {
			t.Fatal(err)
		}
		return err == nil
	})
	w.console(w.mark(), "...")
	w.noError()
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	if v := w.volume(); v.Served || v.Epoch != 5 {
		t.Errorf("volume %+v", v)
	}
	w.close()
}

func TestBlockd_StoppedGracefully_IsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.useBlockd()
	d, err := blockd.New(blockd.Config{Dir: filepath.Join(w.dir, "blockd"), Socket: blockdSocket(w.dir)})
	w.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	c := blockdClient(t, w.dir)
	w.must(c.CreateVolume(t.Context(), blockd.CreateVolume{ID: volumeID, SizeBytes: 1 << 20}))
	w.must(c.Close())
	l, err := listenFile(filepath.Join(w.dir, "d.sock"), nil)
	w.must(err)
	defer l.Close()
	disks := BlockDaemon(blockdSocket(w.dir))
	serving, err := disks.Serve(t.Context(), volumeID, 1, l)
	w.must(err)
	w.must(serving.Release(t.Context()))
	if w.volume().Served {
		t.Error("served after Release")
	}
	serving, err = disks.Serve(t.Context(), volumeID, 1, l)
	w.must(err)
	cancel()
	<-serving.Lost()
	w.must(<-ended)
	if err := serving.Release(t.Context()); err == nil {
		t.Error("released by a daemon that is gone")
	}
	if _, err := disks.Serve(t.Context(), volumeID, 1, l); err == nil || errors.Is(err, ErrStaleEpoch) {
		t.Errorf("served by a daemon that is gone: %v", err)
	}
}

// useBlockd lets the world's guards use the real client.
func (w *world) useBlockd() {
	w.t.Helper()
	w.spec.BlockSocket, w.disks = blockdSocket(w.dir), BlockDaemon
	w.must(WriteSpec(w.dir, w.spec))
}
