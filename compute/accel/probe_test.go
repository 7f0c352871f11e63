// SPDX-License-Identifier: Apache-2.0

package accel

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

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

// deviceFile writes a file that can be opened as /dev/kvm can.
func deviceFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kvm")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProbe_RealQEMUUnderTCG(t *testing.T) {
	t.Parallel()
	got, err := Probe(t.Context(), Config{QEMUBinary: need(t, "qemu-system-x86_64"), Mode: TCG})
	if err != nil || got.Accel != AccelTCG {
		t.Errorf("got %+v, %v, want tcg", got, err)
	}
}

func TestProbe_AutoGivesAReason(t *testing.T) {
	t.Parallel()
	got, err := Probe(t.Context(), Config{QEMUBinary: need(t, "qemu-system-x86_64")})
	if err != nil || got.Reason == "" {
		t.Errorf("got %+v, %v", got, err)
	}
	t.Logf("this host: %s, because %s", got.Accel, got.Reason)
}

func TestProbe_Decisions(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "kvm")
	for name, c := range map[string]struct {
		qemu, device string
		mode         Mode
		want         Accel
		reason       string // part of it, or of the error when want is empty
	}{
		"kvm passes":                {"qemu-good", deviceFile(t), Auto, AccelKVM, "passed"},
		"kvm too slow":              {"qemu-kvm-hangs", deviceFile(t), Auto, AccelTCG, "emulated"},
		"kvm refuses":               {"qemu-kvm-refuses", deviceFile(t), Auto, AccelTCG, "KVM_CREATE_VM"},
		"no device":                 {"qemu-good", absent, Auto, AccelTCG, "absent"},
		"device is a directory":     {"qemu-good", t.TempDir(), Auto, AccelTCG, "cannot be opened"},
		"tcg asked for":             {"qemu-good", deviceFile(t), TCG, AccelTCG, "configured"},
		"kvm asked for and passes":  {"qemu-good", deviceFile(t), KVM, AccelKVM, "configured"},
		"kvm asked for and is slow": {"qemu-kvm-hangs", deviceFile(t), KVM, "", "not usable"},
		"kvm asked for, no device":  {"qemu-good", absent, KVM, "", "absent"},
		"qemu is broken":            {"qemu-broken", deviceFile(t), Auto, "", "no such library"},
		"false success":             {"qemu-false-success", deviceFile(t), Auto, "", "code 0"},
		"unknown mode":              {"qemu-good", absent, "xen", "", "xen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Probe(t.Context(), Config{QEMUBinary: "testdata/" + c.qemu, Mode: c.mode, device: c.device})
			text := got.Reason
			if err != nil {
				text = err.Error()
			}
			if got.Accel != c.want || (err == nil) != (c.want != "") || !strings.Contains(text, c.reason) {
				t.Errorf("got %+v, %v, want %q and %q", got, err, c.want, c.reason)
			}
			if c.mode == KVM && c.want == "" && !errors.Is(err, ErrKVMUnusable) {
				t.Errorf("got %v, want ErrKVMUnusable", err)
			}
		})
	}
}

func TestProbe_ForbiddenDevice(t *testing.T) {
	t.Parallel()
	const readOnly = "/proc/sys/kernel/random/boot_id" // not even root may open it for writing
	got, err := Probe(t.Context(), Config{QEMUBinary: "testdata/qemu-good", device: readOnly})
	if err != nil || got.Accel != AccelTCG || !strings.Contains(got.Reason, "group kvm") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestProbe_NoQEMU(t *testing.T) {
	t.Parallel()
	_, err := Probe(t.Context(), Config{QEMUBinary: "/nonexistent/qemu-system-x86_64"})
	if err == nil || !strings.Contains(err.Error(), "install") {
		t.Errorf("got %v, want advice to install qemu", err)
	}
}

func TestROM_IsTheAssembledSource(t *testing.T) {
	t.Parallel()
	nasm := need(t, "nasm")
	out := filepath.Join(t.TempDir(), "probe.bin")
	if b, err := exec.CommandContext(t.Context(), nasm, "-f", "bin", "probe.asm", "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, rom) {
		t.Error("probe.bin is not what nasm makes of probe.asm: nasm -f bin probe.asm -o probe.bin")
	}
}
