// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Spawn starts a guard as a process of its own session, which outlives the caller, and returns when its control socket answers. exe with
// args must call Run with dir; both outputs go to dir/guard.output. When the guard of dir lives already, that is success too.
//
// The caller remains the parent: a goroutine of this package reaps the process when it ends, and ends with it.
func Spawn(ctx context.Context, exe string, args []string, dir string) error {
	client := Dial(dir)
	if _, err := client.Status(ctx); err == nil {
		return nil
	}
	output, err := os.OpenFile(filepath.Join(dir, guardLogName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("spawn guard: %w", err)
	}
	defer output.Close()
	info, err := output.Stat()
	if err != nil {
		return fmt.Errorf("spawn guard: %w", err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("spawn guard: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is in its log and state
	}()
	for {
		if s, err := client.Status(ctx); err == nil && s.GuardPID == cmd.Process.Pid {
			return nil
		}
		select {
		case <-ended:
			if _, err := client.Status(ctx); err == nil {
				return nil // somebody else's guard was faster
			}
			return fmt.Errorf("spawn guard: it ended with code %d: %s", cmd.ProcessState.ExitCode(), qemuSaid(output.Name(), info.Size()))
		case <-ctx.Done():
			return fmt.Errorf("spawn guard: %w", errors.Join(errors.New("its socket does not answer"), ctx.Err()))
		case <-time.After(5 * time.Millisecond):
		}
	}
}
