// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hivecloud/hive/internal/boottime"
)

func TestRecovery_GuardKilled_GuestLivesAndIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first := w.spawn()
	before := w.boots()
	w.must(syscall.Kill(first, syscall.SIGKILL))
	w.console(w.mark(), "...") // nobody is there, and the guest goes on

	second := w.spawn()
	s := w.until("the guest is adopted", func(s Status) bool { return s.Phase == PhaseRunning && s.Adopted == 1 && s.Disks[0].Served })
	if s.PID != before.PID || s.PIDStart != before.PIDStart || s.Boots != 1 || !s.StartedAt.Equal(before.StartedAt) || s.GuardPID != second {
		t.Errorf("adopted %+v, was %+v", s, before)
	}
	if s.Version <= before.Version {
		t.Errorf("version went from %d to %d", before.Version, s.Version)
	}
	w.must(w.client.Powerdown(t.Context(), 0))
	if s := w.untilPhase(PhaseExited); s.Exit.Cause != CauseGuestShutdown {
		t.Errorf("exit %+v", s.Exit)
	}
	w.noError()
	w.close()
}

func TestRecovery_AdoptedGuestKilled_IsACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	stop := w.run()
	pid := w.boots().PID
	stop()
	w.run()
	w.until("the guest is adopted", func(s Status) bool { return s.Phase == PhaseRunning && s.Adopted == 1 })
	w.must(syscall.Kill(pid, syscall.SIGKILL))
	if s := w.untilPhase(PhaseExited); s.Exit.Cause != CauseCrash {
		t.Errorf("exit %+v", s.Exit)
	}
	w.close()
}

func TestRecovery_GuardAndGuestKilled_IsNotStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	guard := w.spawn()
	pid := w.boots().PID
	w.must(syscall.Kill(guard, syscall.SIGKILL))
	w.must(syscall.Kill(pid, syscall.SIGKILL))
	w.spawn()
	s := w.untilPhase(PhaseExited)
	if s.Exit.Cause != CauseVanished || s.PID != 0 {
		t.Errorf("exit %+v", s.Exit)
	}
	w.close()
}

func TestRecovery_GuestPowersOffUnwatched_CauseIsStillKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	stop := w.run()
	w.boots()
	stop()
	w.key("p")
	w.console(w.mark()-1, "B")
	w.run()
	if s := w.untilPhase(PhaseExited); s.Exit.Cause != CauseGuestShutdown {
		t.Errorf("exit %+v", s.Exit)
	}
	w.close()
}

func TestRecovery_SecondGuardIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	err := Run(t.Context(), Config{Dir: w.dir, Disks: testDisks(w.dir)})
	if !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	w.untilPhase(PhaseRunning)
	w.must(Spawn(t.Context(), "/nonexistent", nil, w.dir)) // one that answers is enough
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

// TestRecovery_QEMUWithoutPIDFile: a guard that dies just after starting QEMU leaves no trace but the inherited lock.
func TestRecovery_QEMUWithoutTraceIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	stop := w.run()
	pid := w.boots().PID
	stop()
	for _, name := range []string{stateName, "vm/qemu.pid"} {
		w.must(os.Remove(filepath.Join(w.dir, name)))
	}
	w.run()
	s := w.until("the guest is adopted", func(s Status) bool { return s.Phase == PhaseRunning && s.Adopted == 1 })
	if s.PID != pid {
		t.Errorf("adopted %d, want %d: a second qemu was started", s.PID, pid)
	}
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestRecovery_BlockDaemonKilled_GuestSeesAPauseAndNoError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	for round := 1; round <= 3; round++ {
		pids := nbdProcesses(w.dir)
		if len(pids) != 1 {
			t.Fatalf("block daemons: %v, want one", pids)
		}
		w.must(syscall.Kill(pids[0], syscall.SIGKILL))
		w.until("the volume is served again", func(s Status) bool { return s.Disks[0].Served && s.Disks[0].Lost == round })
		w.console(w.mark(), "...")
	}
	w.noError()
	w.must(w.client.Quit(t.Context()))
	if s := w.untilPhase(PhaseExited); s.Disks[0].Served || len(nbdProcesses(w.dir)) != 0 {
		t.Errorf("volume is not released: %+v, %v", s.Disks, nbdProcesses(w.dir))
	}
	w.close()
}

func TestRecovery_IOErrorPausesTheGuestUntilTheVolumeIsWell(t *testing.T) {
	t.Parallel()
	for code, reason := range map[string]Reason{"EIO": ReasonIOError, "ENOSPC": ReasonNoSpace} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			need(t, "nbdkit")
			w := newWorld(t, nil)
			w.must(os.WriteFile(filepath.Join(w.dir, errorsOf), []byte(code), 0o600))
			w.run()
			w.boots()
			failing := filepath.Join(w.dir, "failing")
			w.must(os.WriteFile(failing, nil, 0o600))
			s := w.until("the error", func(s Status) bool { return s.Phase == PhasePaused && s.Reason == reason })
			if !strings.Contains(s.Detail, volumeID) {
				t.Errorf("detail %q does not name the volume", s.Detail)
			}
			w.must(os.Remove(failing))
			w.console(w.mark(), "...")
			w.untilPhase(PhaseRunning)
			w.noError()
			w.must(w.client.Quit(t.Context()))
			w.untilPhase(PhaseExited)
			w.close()
		})
	}
}

func TestRecovery_SignalsToTheGuardDoNotReachTheGuest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	guard := w.spawn()
	w.boots()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		w.must(syscall.Kill(guard, s))
	}
	w.console(w.mark(), "...")
	w.untilPhase(PhaseRunning)
	w.must(w.client.Quit(t.Context()))
	if s := w.untilPhase(PhaseExited); s.GuardPID != guard || s.Exit.Cause != CauseHostQuit {
		t.Errorf("%+v, exit %+v", s, s.Exit)
	}
	log, err := os.ReadFile(filepath.Join(w.dir, guardLogName))
	if err != nil || !strings.Contains(string(log), "signal ignored") {
		t.Errorf("log does not speak of the signals: %v", err)
	}
	w.close()
}

func TestRecovery_HungQEMUIsAdoptedWhenItAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	stop := w.run()
	pid := w.boots().PID
	stop()
	w.must(syscall.Kill(pid, syscall.SIGSTOP))
	w.run()
	w.until("the guest is adopted", func(s Status) bool { return s.Adopted == 1 })
	w.must(syscall.Kill(pid, syscall.SIGCONT))
	w.untilPhase(PhaseRunning)
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestFence_ExpiryPausesUntilResumed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	w.must(w.client.Renew(t.Context(), time.Hour))
	w.must(w.client.Renew(t.Context(), time.Millisecond))
	s := w.until("the fence", func(s Status) bool { return s.Fenced && s.Phase == PhasePaused })
	if s.Reason != ReasonFence {
		t.Errorf("paused because of %q", s.Reason)
	}
	if err := w.client.Resume(t.Context(), 7); !errors.Is(err, ErrFenced) {
		t.Errorf("resume without renewal: %v, want ErrFenced", err)
	}
	w.must(w.client.Renew(t.Context(), time.Hour))
	if s, err := w.client.Status(t.Context()); err != nil || s.Phase != PhasePaused || !s.Fenced {
		t.Errorf("renewal alone made it %+v, %v", s, err)
	}
	if err := w.client.Reset(t.Context()); !errors.Is(err, ErrFenced) {
		t.Errorf("reset of a fenced guest: %v, want ErrFenced", err)
	}
	if err := w.client.Resume(t.Context(), 6); !errors.Is(err, ErrStaleEpoch) {
		t.Errorf("resume with an old epoch: %v, want ErrStaleEpoch", err)
	}
	if err := w.client.Resume(t.Context(), 8); !errors.Is(err, ErrEpochUnknown) {
		t.Errorf("resume with an epoch nobody wrote: %v, want ErrEpochUnknown", err)
	}
	mark := w.mark()
	w.must(w.client.Resume(t.Context(), 7))
	w.console(mark, "...")
	w.until("running", func(s Status) bool { return s.Phase == PhaseRunning && !s.Fenced })
	w.must(w.client.Renew(t.Context(), 0))
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestFence_NewerEpochIsReadFromTheSpec(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	w.must(w.client.Renew(t.Context(), time.Millisecond))
	w.until("the fence", func(s Status) bool { return s.Fenced && s.Phase == PhasePaused })
	w.spec.Epoch, w.spec.Volumes[0].Epoch = 9, 5
	w.must(WriteSpec(w.dir, w.spec))
	w.must(w.client.Renew(t.Context(), time.Hour))
	w.must(w.client.Resume(t.Context(), 9))
	w.until("running under the new epochs", func(s Status) bool {
		return s.Phase == PhaseRunning && s.Epoch == 9 && s.Disks[0].Epoch == 5 && s.Disks[0].Served
	})
	if err := w.client.Resume(t.Context(), 7); !errors.Is(err, ErrStaleEpoch) {
		t.Errorf("the old epoch again: %v, want ErrStaleEpoch", err)
	}
	w.console(w.mark(), "...")
	w.noError()
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestFence_OutlivesTheGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	stop := w.run()
	w.boots()
	w.must(w.client.Renew(t.Context(), 300*time.Millisecond))
	stop() // the deadline passes while nobody is there, or just before
	w.run()
	w.until("the fence", func(s Status) bool { return s.Fenced && s.Phase == PhasePaused && s.Reason == ReasonFence })
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestFence_QEMUThatDoesNotObeyIsFrozen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	pid := w.boots().PID
	w.must(syscall.Kill(pid, syscall.SIGSTOP)) // as good as a QEMU that hangs
	w.must(w.client.Renew(t.Context(), time.Millisecond))
	w.until("the fence", func(s Status) bool { return s.Fenced && s.Frozen })
	mark := w.mark()
	w.must(w.client.Renew(t.Context(), time.Hour))
	w.must(w.client.Resume(t.Context(), 7)) // continues the process too
	w.console(mark, "...")
	s := w.untilPhase(PhaseRunning)
	if s.Frozen || s.Fenced {
		t.Errorf("after resume: %+v", s)
	}
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestFence_VolumeWithANewerEpochElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	w.must(os.WriteFile(filepath.Join(w.dir, staleOf), []byte("4"), 0o600))
	w.must(syscall.Kill(nbdProcesses(w.dir)[0], syscall.SIGKILL))
	s := w.until("the fence", func(s Status) bool { return s.Fenced && s.Reason == ReasonFence })
	if s.Disks[0].Served || !strings.Contains(s.Disks[0].Error, "stale") {
		t.Errorf("disk: %+v", s.Disks[0])
	}
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestStart_Failures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Spec)
		files  map[string]string
		want   string
	}{
		"volume of another epoch": {nil, map[string]string{staleOf: "100"}, "stale"},
		"no such qemu":            {func(s *Spec) { s.QEMUBinary = "/nonexistent/qemu" }, nil, "no such file"},
		"qemu refuses":            {func(s *Spec) { s.Guest.CPUModel = "nosuchcpu" }, nil, "nosuchcpu"},
		"no such seed":            {func(s *Spec) { s.Guest.SeedPath = "/nonexistent/seed.iso" }, nil, "seed.iso"},
		"another program":         {func(s *Spec) { s.QEMUBinary = "/bin/true" }, nil, "code 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.change)
			for name, text := range c.files {
				w.must(os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
			}
			w.run()
			s := w.untilPhase(PhaseFailed)
			if !strings.Contains(s.Detail, c.want) || s.PID != 0 {
				t.Errorf("failed because of %q, want %q", s.Detail, c.want)
			}
			if len(nbdProcesses(w.dir)) != 0 {
				t.Error("volume is still served")
			}
			w.close()
		})
	}
}

func TestStart_WaitsForTheBlockDaemonAndCanBeGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	down := filepath.Join(w.dir, downOf)
	w.must(os.WriteFile(down, nil, 0o600))
	stop := w.run()
	w.until("the attempt is reported", func(s Status) bool { return s.Phase == PhaseStarting && len(s.Disks) == 1 && s.Disks[0].Error != "" })
	if err := w.client.Pause(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("pause before the start: %v", err)
	}
	stop() // a guard killed this early has started nothing, so the next one may
	w.run()
	w.must(os.Remove(down))
	w.boots()
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()

	w.spec.RunID = "run-2"
	w.must(os.WriteFile(down, nil, 0o600))
	w.must(WriteSpec(w.dir, w.spec))
	w.run()
	w.until("the next attempt is reported", func(s Status) bool { return s.RunID == "run-2" && len(s.Disks) == 1 && s.Disks[0].Error != "" })
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseFailed)
	w.close()
}

func TestStart_AsAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may run QEMU as somebody else")
	}
	const nobody = 65534
	w := newWorld(t, func(s *Spec) {
		s.RunAs = &RunAs{UID: nobody, GID: nobody}
	})
	w.must(os.Chmod(w.dir, 0o700))
	seed := filepath.Join(w.dir, "seed.iso")
	w.must(os.WriteFile(seed, make([]byte, 1<<20), 0o600))
	w.spec.Guest.SeedPath = seed
	w.must(WriteSpec(w.dir, w.spec))
	stop := w.run()
	s := w.boots()
	if uid, err := processUID(s.PID); err != nil || uid != nobody {
		t.Errorf("qemu runs as %d, %v", uid, err)
	}
	stop()
	w.run()
	w.until("the guest is adopted", func(s Status) bool { return s.Phase == PhaseRunning && s.Adopted == 1 })
	w.must(syscall.Kill(nbdProcesses(w.dir)[0], syscall.SIGKILL)) // the new socket must be open to that user too
	w.console(w.mark(), "...")
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.noError()
	w.close()
}

func TestSpawn_SaysWhyAGuardEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := Spawn(ctx, "/bin/sh", []string{"-c", "echo out of luck; exit 3"}, dir)
	if err == nil || !strings.Contains(err.Error(), "out of luck") || !strings.Contains(err.Error(), fmt.Sprint(3)) {
		t.Errorf("got %v", err)
	}
}

// A lease that was renewed late is worth what it was worth when it was asked for, and a late request takes nothing back.
func TestFence_DeadlineIsAMomentNotADuration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run()
	w.boots()
	now := boottime.Now()
	w.must(w.client.RenewUntil(t.Context(), now+time.Hour))
	w.must(w.client.RenewUntil(t.Context(), now-time.Second)) // overtaken by the one before
	if s, err := w.client.Status(t.Context()); err != nil || s.Fenced {
		t.Errorf("a late renewal fenced the guest: %+v, %v", s, err)
	}
	w.must(w.client.Renew(t.Context(), 0))
	w.must(w.client.RenewUntil(t.Context(), now-time.Second)) // the agent was held up for longer than its lease
	w.until("the fence", func(s Status) bool { return s.Fenced && s.Phase == PhasePaused })
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}

func TestFence_GuestStartsOnlyOnALivingLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.spec.FenceDeadline = int64(boottime.Now() - time.Second)
	w.must(WriteSpec(w.dir, w.spec))
	w.run()
	if s := w.until("the fence", func(s Status) bool { return s.Fenced }); s.Phase != PhaseStarting || s.PID != 0 {
		t.Errorf("started on a lease that had ended: %+v", s)
	}
	w.must(w.client.RenewUntil(t.Context(), boottime.Now()+time.Hour))
	w.boots()
	if FenceDeadline(w.dir) < int64(boottime.Now()) {
		t.Error("the next run would begin without the fence of this one")
	}
	w.must(w.client.Quit(t.Context()))
	w.untilPhase(PhaseExited)
	w.close()
}
