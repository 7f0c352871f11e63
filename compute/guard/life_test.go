// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hivecloud/hive/compute/qemu"
)

func TestLife_StartPowerdownClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	s := w.boots()
	if s.PID == 0 || s.Boots != 1 || s.Epoch != 7 || !s.Disks[0].Served || s.Disks[0].Epoch != 3 {
		t.Errorf("running: %+v", s)
	}
	if err := w.client.Close(t.Context()); !errors.Is(err, ErrRunning) {
		t.Errorf("close of a running guest: %v, want ErrRunning", err)
	}
	w.must(w.client.Powerdown(t.Context(), 0))
	s = w.untilPhase(PhaseExited)
	if s.Exit == nil || s.Exit.Cause != CauseGuestShutdown || s.Exit.Forced || s.PowerdownAt.IsZero() || s.PID != 0 {
		t.Errorf("ended: %+v, exit %+v", s, s.Exit)
	}
	if err := w.client.Reset(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("reset of a guest that is down: %v, want ErrNotRunning", err)
	}
	w.must(w.client.Quit(t.Context()))
	w.noError()
	w.close()
	for _, name := range []string{"vm/qmp.sock", "vm/serial.sock", "disk-0.sock", "vm/qemu.pid"} {
		if _, err := os.Lstat(filepath.Join(w.dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left behind: %v", name, err)
		}
	}
	if _, err := w.client.Status(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("status after close: %v, want ErrUnreachable", err)
	}
	after, err := readState(w.dir)
	if err != nil || after.Exit.Cause != CauseGuestShutdown {
		t.Errorf("state.json says %+v, %v", after, err)
	}
}

func TestLife_GuestPowersOffByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	w.key("p")
	s := w.untilPhase(PhaseExited)
	if s.Exit.Cause != CauseGuestShutdown || !s.PowerdownAt.IsZero() {
		t.Errorf("exit %+v, powerdown at %v", s.Exit, s.PowerdownAt)
	}
	w.close()
}

func TestLife_RebootStaysRunningAndCountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	pid := w.boots().PID
	mark := w.mark()
	w.key("r")
	w.console(w.console(mark, "BOOT"), "...")
	s := w.until("two boots", func(s Status) bool { return s.Boots == 2 })
	if s.PID != pid || s.Phase != PhaseRunning || s.LastReset.IsZero() {
		t.Errorf("after reboot: %+v", s)
	}
	w.must(w.client.Quit(t.Context()))
	if s := w.untilPhase(PhaseExited); s.Exit.Cause != CauseHostQuit || s.Exit.Forced || s.Boots != 2 {
		t.Errorf("after quit: %+v, exit %+v", s, s.Exit)
	}
	w.close()
}

func TestLife_PanicPausesAndResetRevives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	w.key("k")
	w.until("the panic", func(s Status) bool { return s.Phase == PhasePaused && s.Reason == ReasonPanic })
	mark := w.mark()
	w.must(w.client.Reset(t.Context()))
	w.console(mark, "BOOT")
	w.untilPhase(PhaseRunning)
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestLife_DisobedientGuestIsEndedAfterTheGrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *Spec) { s.ShutdownGraceSeconds = 1 })
	w.run()
	w.boots()
	mark := w.mark()
	w.key("i")
	mark = w.console(mark, "i")
	w.must(w.client.Powerdown(t.Context(), patience))
	mark = w.console(mark, "b")
	w.must(w.client.Powerdown(t.Context(), 0)) // a second press, with the short grace of the spec
	w.console(mark, "b")
	s := w.untilPhase(PhaseExited)
	if s.Exit.Cause != CauseHostQuit || !s.Exit.Forced || s.PowerdownDeadline != 0 {
		t.Errorf("exit %+v, deadline %d", s.Exit, s.PowerdownDeadline)
	}
	w.close()
}

func TestLife_PauseAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	w.must(w.client.Pause(t.Context()))
	s := w.untilPhase(PhasePaused)
	if s.Reason != ReasonRequest {
		t.Errorf("paused because of %q", s.Reason)
	}
	mark := w.mark()
	w.must(w.client.Resume(t.Context(), 7))
	w.console(mark, "...")
	w.untilPhase(PhaseRunning)
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestLife_QEMUKilledIsACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	s := w.boots()
	w.must(syscall.Kill(s.PID, syscall.SIGKILL))
	s = w.untilPhase(PhaseExited)
	if s.Exit.Cause != CauseCrash || s.Exit.Signal != syscall.SIGKILL.String() {
		t.Errorf("exit %+v", s.Exit)
	}
	w.close()
}

func TestLife_QEMUTerminatedPolitelyIsAHostSignal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	s := w.boots()
	w.must(syscall.Kill(s.PID, syscall.SIGTERM))
	if s = w.untilPhase(PhaseExited); s.Exit.Cause != CauseHostSignal || s.Exit.Code != 0 {
		t.Errorf("exit %+v", s.Exit)
	}
	w.close()
}

func TestLife_HungQEMUIsKilledByQuit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	s := w.boots()
	w.must(syscall.Kill(s.PID, syscall.SIGSTOP))
	w.must(w.client.Quit(t.Context()))
	if s = w.untilPhase(PhaseExited); s.Exit.Cause != CauseHostQuit || s.Exit.Signal == "" {
		t.Errorf("exit %+v", s.Exit)
	}
	w.close()
}

func TestLife_ScreendumpStatsLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	shot, err := w.client.Screendump(t.Context())
	w.must(err)
	if img, err := png.Decode(bytes.NewReader(shot)); err != nil || img.Bounds().Dx() < 640 {
		t.Errorf("screen dump: %v", err)
	}
	stats, err := w.client.Stats(t.Context())
	w.must(err)
	if d := stats.Disks[volumeID]; d.ReadOps == 0 || d.ReadBytes == 0 || stats.CPUSeconds == 0 || stats.ResidentBytes == 0 || stats.Memory != nil {
		t.Errorf("stats: %+v", stats)
	}
	w.must(w.client.SetLimits(t.Context(), volumeID, qemu.Limits{IOPS: 100, BPS: 1 << 20}))
	if err := w.client.SetLimits(t.Context(), "vol-unknown", qemu.Limits{}); !errors.Is(err, ErrUnknownVolume) {
		t.Errorf("limits of a strange volume: %v", err)
	}
	if err := w.client.SetLimits(t.Context(), volumeID, qemu.Limits{IOPS: -1}); !errors.Is(err, ErrInvalid) {
		t.Errorf("negative limits: %v", err)
	}
	console, err := w.client.Console(t.Context(), 3)
	if err != nil || len(console.Text) != 3 || console.At.IsZero() {
		t.Errorf("console: %+v, %v", console, err)
	}
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestLife_SecondRunKeepsTheConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	w.key("p")
	w.untilPhase(PhaseExited)
	w.close()

	w.spec.RunID = "run-2"
	w.must(WriteSpec(w.dir, w.spec))
	mark := w.mark()
	w.run()
	w.console(mark, "BOOT")
	s := w.untilPhase(PhaseRunning)
	if s.Exit != nil || s.Boots != 1 || s.RunID != "run-2" {
		t.Errorf("second run: %+v", s)
	}
	console, err := w.client.Console(t.Context(), 1<<20)
	if err != nil || bytes.Count(console.Text, []byte("BOOT")) != 2 {
		t.Errorf("console %q, %v, want both boots", console.Text, err)
	}
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestLife_TPMAndUEFIVariables(t *testing.T) {
	t.Parallel()
	need(t, "swtpm")
	const code, vars = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
	if _, err := os.Stat(code); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	w := newWorld(t, func(s *Spec) {
		s.TPM, s.UEFIVars = true, vars
		s.Guest.UEFI, s.Guest.MemoryMiB = &qemu.UEFI{Code: code}, 256
	})
	w.run()
	w.untilPhase(PhaseRunning)
	if _, err := os.Stat(filepath.Join(w.dir, "vm", uefiVarsName)); err != nil {
		t.Error(err)
	}
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}
