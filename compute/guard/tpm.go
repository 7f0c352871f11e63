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

// tpm is the software TPM beside a QEMU. swtpm ends by itself when QEMU's connection to it does, so an adopted guest's needs no care;
// this type only looks after one that it has started. Used by the goroutine of guard.run alone.
type tpm struct {
	dir, vmDir string
	proc       *process
}

// start runs swtpm and waits for its socket. One that is left from an attempt before is ended.
func (t *tpm) start(ctx context.Context, spec Spec) error {
	t.stop()
	state := filepath.Join(t.vmDir, tpmDirName)
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	if err := giveTo(state, spec.RunAs); err != nil {
		return err
	}
	socket := filepath.Join(t.vmDir, tpmSocketName)
	if err := removeIfThere(socket); err != nil {
		return err
	}
	output, err := os.OpenFile(filepath.Join(t.dir, qemuLogName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := exec.Command(orDefault(spec.SWTPMBinary, "swtpm"), "socket", "--tpm2", "--terminate",
		"--tpmstate", "dir="+state, "--ctrl", "type=unixio,path="+socket)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = "/", output, output, detached(spec.RunAs)
	if t.proc, err = startProcess(cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for {
		if _, err := os.Lstat(socket); err == nil {
			return nil
		}
		select {
		case <-t.proc.done:
			return fmt.Errorf("swtpm ended at once (code %d): %s", t.proc.exit.code, qemuSaid(output.Name(), 0))
		case <-ctx.Done():
			return errors.Join(errors.New("swtpm does not answer"), ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// stop ends swtpm, which saves its state at every change.
func (t *tpm) stop() {
	if t.proc == nil {
		return
	}
	if t.proc.signal(syscall.SIGKILL) == nil {
		<-t.proc.done
	}
	t.leave()
}

// leave forgets swtpm without ending it.
func (t *tpm) leave() {
	if t.proc != nil {
		t.proc.leave()
		t.proc = nil
	}
}
