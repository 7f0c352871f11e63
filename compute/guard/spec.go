// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/hivecloud/hive/compute/qemu"
)

// SpecVersion is the version of spec.json that this package writes and reads.
const SpecVersion = 1

// Spec is what the executor wants one guard to run. It is stored as DIR/spec.json and decoded strictly.
type Spec struct {
	// Version is set by WriteSpec.
	Version int `json:"version"`
	// RunID names one run of the guest, from start to exit: any string that the executor never uses twice for this directory. A guard
	// that finds its run's QEMU gone reports that; it starts QEMU only for a RunID that it has not seen.
	RunID string `json:"run_id"`
	// Epoch is the instance's ownership epoch; see Client.Resume.
	Epoch uint64 `json:"epoch"`
	// Guest is the machine. RunDir, TPMSocket, UEFI.Vars, the disks' sockets and the forwards belong to the guard and must be empty.
	Guest qemu.Spec `json:"guest"`
	// Volumes has one entry per disk of the guest.
	Volumes []Volume `json:"volumes"`
	// BlockSocket is the control socket of the node's block daemon.
	BlockSocket string `json:"block_socket"`
	// Ports are the guest's ports that become reachable on its public address.
	Ports []Port `json:"ports"`
	// QEMUBinary defaults to qemu-system-x86_64 in $PATH.
	QEMUBinary string `json:"qemu_binary,omitempty"`
	// UEFIVars is the pristine variable store that a UEFI guest gets a copy of on its first start here.
	UEFIVars string `json:"uefi_vars,omitempty"`
	// TPM gives the guest a TPM 2.0 by a swtpm process, whose state is kept in the directory.
	TPM bool `json:"tpm,omitempty"`
	// SWTPMBinary defaults to swtpm in $PATH.
	SWTPMBinary string `json:"swtpm_binary,omitempty"`
	// RunAs is the user that QEMU runs as when the guard is root; nil runs it as the guard's own user.
	RunAs *RunAs `json:"run_as,omitempty"`
	// FenceDeadline is the fence under which the run begins, in nanoseconds of CLOCK_BOOTTIME; 0 is none. It is there from
	// the first moment on, so that an agent that dies right after it has started a guard leaves no guest without a fence.
	FenceDeadline int64 `json:"fence_deadline,omitempty"`
	// ShutdownGraceSeconds is how long a guest may take to obey a power button before it is ended by force; 0 waits for ever.
	ShutdownGraceSeconds int `json:"shutdown_grace_seconds"`
}

// Volume is the claim under which a disk is served: the block daemon refuses an epoch older than it has seen.
type Volume struct {
	ID    string `json:"id"`
	Epoch uint64 `json:"epoch"`
}

// Port makes a TCP port of the guest reachable on a loopback address of the host.
type Port struct {
	// PublicIP is an address of 127.0.0.0/8.
	PublicIP netip.Addr `json:"public_ip"`
	// Port is where it listens; when the guard may not bind a port below 1024 it takes a free one (PortStatus.Bound).
	Port uint16 `json:"port"`
	// GuestPort is the port on the guest's first interface.
	GuestPort uint16 `json:"guest_port"`
}

// RunAs is an unprivileged user.
type RunAs struct {
	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
	// Groups are supplementary, for example the group of /dev/kvm.
	Groups []uint32 `json:"groups,omitempty"`
}

// grace is the spec's default for Powerdown.
func (s Spec) grace() time.Duration { return time.Duration(s.ShutdownGraceSeconds) * time.Second }

// Validate reports every fault of the spec, as it would be run in dir.
func (s Spec) Validate(dir string) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if s.Version != SpecVersion {
		fault("spec version is %d, this guard reads %d", s.Version, SpecVersion)
	}
	if s.RunID == "" {
		fault("run id is empty")
	}
	if g := s.Guest; g.RunDir != "" || g.TPMSocket != "" || g.UEFI != nil && g.UEFI.Vars != "" {
		fault("run dir, tpm socket and uefi vars of the guest are chosen by the guard and must be empty")
	}
	if (s.Guest.UEFI != nil) != (s.UEFIVars != "") {
		fault("a uefi guest, and no other, needs a variable store to copy")
	}
	epochs := map[string]bool{}
	for _, v := range s.Volumes {
		if epochs[v.ID] {
			fault("volume %s is claimed twice", v.ID)
		}
		epochs[v.ID] = true
	}
	for _, d := range s.Guest.Disks {
		if d.Socket != "" {
			fault("socket of disk %s is chosen by the guard and must be empty", d.VolumeID)
		}
		if !epochs[d.VolumeID] {
			fault("disk %s has no volume claim", d.VolumeID)
		}
		delete(epochs, d.VolumeID)
	}
	for id := range epochs {
		fault("volume %s is no disk of the guest", id)
	}
	if s.FenceDeadline < 0 {
		fault("fence deadline is %d", s.FenceDeadline)
	}
	if s.ShutdownGraceSeconds < 0 {
		fault("shutdown grace is %d seconds", s.ShutdownGraceSeconds)
	}
	faults = append(faults, s.validatePorts())
	if _, err := qemu.Args(s.machine(dir, nil)); err != nil {
		faults = append(faults, err)
	}
	if n := len(filepath.Join(dir, apiName)); n > qemu.MaxSocketPath {
		fault("path of the control socket has %d bytes, at most %d work: choose a shorter data directory", n, qemu.MaxSocketPath)
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("invalid spec of %q: %w", s.Guest.InstanceID, err)
	}
	return nil
}

func (s Spec) validatePorts() error {
	var faults []error
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	seen := map[netip.AddrPort]bool{}
	for _, p := range s.Ports {
		at := netip.AddrPortFrom(p.PublicIP, p.Port)
		if !loopback.Contains(p.PublicIP) || p.Port == 0 || p.GuestPort == 0 {
			faults = append(faults, fmt.Errorf("public port %s to %d: want an address of %s and ports above 0", at, p.GuestPort, loopback))
		}
		if seen[at] {
			faults = append(faults, fmt.Errorf("public port %s is listed twice", at))
		}
		seen[at] = true
	}
	if n := s.Guest.NICs; len(s.Ports) > 0 && (len(n) == 0 || n[0].Mode != qemu.ModeUser || n[0].User == nil) {
		faults = append(faults, errors.New("public ports need a first interface with user networking"))
	}
	for _, n := range s.Guest.NICs {
		if n.User != nil && len(n.User.Forwards) > 0 {
			faults = append(faults, fmt.Errorf("forwards of %s are chosen by the guard and must be empty", n.ID))
		}
	}
	return errors.Join(faults...)
}

// machine completes the guest with everything that the guard owns. forwards has the loopback port of each public port.
func (s Spec) machine(dir string, forwards []uint16) qemu.Spec {
	g := s.Guest
	g.RunDir = filepath.Join(dir, vmDirName)
	if s.TPM {
		g.TPMSocket = filepath.Join(g.RunDir, tpmSocketName)
	}
	if g.UEFI != nil {
		g.UEFI = &qemu.UEFI{Code: g.UEFI.Code, Vars: filepath.Join(g.RunDir, uefiVarsName)}
	}
	g.Disks = append([]qemu.Disk(nil), g.Disks...)
	for i := range g.Disks {
		g.Disks[i].Socket = diskSocket(dir, g.Disks[i].Slot)
	}
	if len(forwards) == 0 || len(g.NICs) == 0 || g.NICs[0].User == nil {
		return g
	}
	g.NICs = append([]qemu.NIC(nil), g.NICs...)
	user := *g.NICs[0].User
	for i, p := range s.Ports {
		user.Forwards = append(user.Forwards, qemu.Forward{HostPort: forwards[i], GuestPort: p.GuestPort})
	}
	g.NICs[0].User = &user
	return g
}

// The files of a guard's directory. The guest's own (sockets of QEMU, console log, variable store) are in vm/, which belongs to the
// user that QEMU runs as; everything else QEMU cannot write.
const (
	specName      = "spec.json"
	stateName     = "state.json"
	fenceName     = "fence.json"
	apiName       = "guard.sock"
	guardLockName = "guard.lock"
	guardLogName  = "guard.log"
	qemuLockName  = "qemu.lock"
	qemuLogName   = "qemu.log"
	vmDirName     = "vm"
	tpmDirName    = "tpm"
	tpmSocketName = "tpm.sock"
	uefiVarsName  = "vars.fd"
)

func diskSocket(dir string, slot int) string {
	return filepath.Join(dir, fmt.Sprintf("disk-%d.sock", slot))
}

// SerialSocket is where the guest's serial console can be used interactively, by one client at a time.
func SerialSocket(dir string) string { return qemu.PathsIn(filepath.Join(dir, vmDirName)).Serial }

// WriteSpec validates the spec and writes it atomically to dir, which it makes if need be.
func WriteSpec(dir string, s Spec) error {
	s.Version = SpecVersion
	if err := s.Validate(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return fmt.Errorf("make instance directory: %w", err)
	}
	return writeJSON(dir, specName, s, true)
}

// ReadSpec reads and validates the spec of dir. Unknown members and trailing data are errors.
func ReadSpec(dir string) (Spec, error) {
	var s Spec
	if err := readJSON(dir, specName, &s); err != nil {
		return Spec{}, err
	}
	return s, s.Validate(dir)
}

// writeJSON replaces a file of dir by a rename; sync makes it survive a loss of power too.
func writeJSON(dir, name string, value any, sync bool) (err error) {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f, err := os.CreateTemp(dir, "."+name+"-")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", name, err)
		}
	}()
	_, err = f.Write(append(text, '\n'))
	if err == nil && sync {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}

// readJSON decodes a file of dir strictly.
func readJSON(dir, name string, value any) error {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(value); err != nil {
		return fmt.Errorf("decode %s: %w", name, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("decode %s: data after the document", name)
	}
	return nil
}
