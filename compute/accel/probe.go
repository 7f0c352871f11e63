// SPDX-License-Identifier: Apache-2.0

package accel

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Mode says who decides.
type Mode string

const (
	// Auto takes KVM when the probe passes and TCG otherwise.
	Auto Mode = "auto"
	// KVM insists: Probe fails when KVM does not pass.
	KVM Mode = "kvm"
	// TCG never touches /dev/kvm.
	TCG Mode = "tcg"
)

// Accel is a QEMU accelerator.
type Accel string

// The accelerators, spelled as QEMU's -accel wants them.
const (
	AccelKVM Accel = "kvm"
	AccelTCG Accel = "tcg"
)

const (
	passed = 33 // isa-debug-exit's code for the 0x10 that the ROM writes

	// kvmTimeout separates the worlds: a real KVM needs milliseconds, an emulated one more than two seconds.
	kvmTimeout = 1500 * time.Millisecond
	// kvmAttempts forgives one run that was slow because the host was busy.
	kvmAttempts = 2
	// tcgTimeout only catches a QEMU that hangs; TCG needs 0.1 s on an idle machine.
	tcgTimeout = 2 * time.Minute

	device = "/dev/kvm"
)

//go:embed probe.bin
var rom []byte

// ErrKVMUnusable is wrapped when mode KVM was asked for and the probe failed.
var ErrKVMUnusable = errors.New("kvm is not usable on this host")

// Config says what to probe.
type Config struct {
	// QEMUBinary is the path or name of qemu-system-x86_64; empty means that name in $PATH.
	QEMUBinary string
	// Mode defaults to Auto.
	Mode Mode

	device string // of tests
}

// Result is the decision.
type Result struct {
	Accel Accel
	// Reason is a sentence for the operator: why this accelerator.
	Reason string
}

// Probe decides the accelerator of this host. It fails when QEMU itself cannot run the ROM under TCG, and in mode KVM when KVM
// does not pass (ErrKVMUnusable). It takes up to four seconds where KVM is bad, else a fraction of one.
func Probe(ctx context.Context, cfg Config) (Result, error) {
	if cfg.QEMUBinary == "" {
		cfg.QEMUBinary = "qemu-system-x86_64"
	}
	if cfg.device == "" {
		cfg.device = device
	}
	binary, err := exec.LookPath(cfg.QEMUBinary)
	if err != nil {
		return Result{}, fmt.Errorf("find qemu: %w (install the package qemu-system-x86, or set the path of the binary)", err)
	}
	cfg.QEMUBinary = binary
	switch cfg.Mode {
	case TCG:
		if err := boot(ctx, cfg, AccelTCG, tcgTimeout); err != nil {
			return Result{}, fmt.Errorf("probe tcg: %w", err)
		}
		return Result{Accel: AccelTCG, Reason: "tcg is configured"}, nil
	case KVM:
		if err := probeKVM(ctx, cfg); err != nil {
			return Result{}, fmt.Errorf("%w: %w", ErrKVMUnusable, err)
		}
		return Result{Accel: AccelKVM, Reason: "kvm is configured and passed the boot probe"}, nil
	case Auto, "":
		kvmErr := probeKVM(ctx, cfg)
		if kvmErr == nil {
			return Result{Accel: AccelKVM, Reason: "kvm passed the boot probe"}, nil
		}
		if err := boot(ctx, cfg, AccelTCG, tcgTimeout); err != nil {
			return Result{}, fmt.Errorf("probe tcg: %w (kvm: %w)", err, kvmErr)
		}
		return Result{Accel: AccelTCG, Reason: kvmErr.Error()}, nil
	default:
		return Result{}, fmt.Errorf("unknown accelerator mode %q: want auto, kvm or tcg", cfg.Mode)
	}
}

// probeKVM returns nil or the reason not to use KVM.
func probeKVM(ctx context.Context, cfg Config) error {
	f, err := os.OpenFile(cfg.device, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is absent: no hardware virtualisation here", cfg.device)
	}
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%s may not be opened by this user: %w (add it to the group kvm)", cfg.device, err)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be opened: %w", cfg.device, err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	for range kvmAttempts {
		err = boot(ctx, cfg, AccelKVM, kvmTimeout)
		if !errors.Is(err, errSlow) {
			break
		}
	}
	if errors.Is(err, errSlow) {
		return fmt.Errorf("kvm did not finish the boot probe in %v: it is emulated, slower than tcg", kvmTimeout)
	}
	return err
}

var errSlow = errors.New("the boot probe did not finish in time")

// boot runs the ROM once.
func boot(ctx context.Context, cfg Config, a Accel, limit time.Duration) error {
	dir, err := os.MkdirTemp("", "hive-probe-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bios := filepath.Join(dir, "probe.bin")
	if err := os.WriteFile(bios, rom, 0o600); err != nil {
		return err
	}
	runCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var output bytes.Buffer
	cmd := exec.CommandContext(runCtx, cfg.QEMUBinary, "-M", "pc", "-m", "16", "-nodefaults", "-no-user-config", "-display", "none",
		"-accel", string(a), "-bios", bios, "-device", "isa-debug-exit,iobase=0xf4,iosize=1")
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = 5 * time.Second // a killed QEMU that the kernel does not let go
	err = cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if runCtx.Err() != nil {
		return errSlow
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == passed {
		return nil
	}
	if err != nil && exit == nil {
		return fmt.Errorf("start %s: %w", cfg.QEMUBinary, err)
	}
	return fmt.Errorf("qemu -accel %s ended with code %d instead of %d: %s", a, cmd.ProcessState.ExitCode(), passed, lastLine(output.String()))
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return "no output"
	}
	return s[strings.LastIndexByte(s, '\n')+1:]
}
