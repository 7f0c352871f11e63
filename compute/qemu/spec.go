// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"net/netip"
	"path/filepath"

	"github.com/hivecloud/hive/compute/accel"
)

const (
	// DefaultMachine pins the guest's hardware; a guest keeps the machine type it was created with.
	DefaultMachine = "pc-q35-7.2"
	// Slots is how many hot-pluggable slots a guest has: those of one PCI bridge.
	Slots = 31
	// MaxSlot is the highest slot for disks and interfaces; the seed has the one above it.
	MaxSlot = Slots - 2

	seedSlot = Slots - 1
)

// Spec describes one guest. Its JSON form is stored and read strictly: fields are only ever added.
type Spec struct {
	// InstanceID names the guest, for example i-0123456789abcdef0.
	InstanceID string `json:"instance_id"`
	// UUID is the SMBIOS product UUID and serial, lower case. It must begin with ec2: cloud-init recognises EC2 by that.
	UUID string `json:"uuid"`
	// TypeName is the instance type, shown to the guest as SMBIOS product.
	TypeName string `json:"type_name"`

	// Machine is a versioned q35 machine type; empty means DefaultMachine.
	Machine string `json:"machine,omitempty"`
	// Accel is required: kvm or tcg, as compute/accel found.
	Accel accel.Accel `json:"accel"`
	// CPUModel is QEMU's -cpu; empty means host under KVM and max under TCG.
	CPUModel string `json:"cpu_model,omitempty"`
	// Cores and Threads are the topology of the one socket; vCPUs are their product.
	Cores   int `json:"cores"`
	Threads int `json:"threads"`
	// MemoryMiB is the guest's memory.
	MemoryMiB int `json:"memory_mib"`
	// TranslationMiB bounds TCG's translation buffer, which otherwise grows to a gigabyte of host memory; 0 means 64 MiB for
	// guests below 512 MiB and 128 MiB above. Ignored under KVM.
	TranslationMiB int `json:"translation_mib,omitempty"`

	// UEFI selects UEFI firmware; nil is BIOS (SeaBIOS).
	UEFI *UEFI `json:"uefi,omitempty"`
	// TPMSocket is the control socket of a swtpm process; empty is no TPM.
	TPMSocket string `json:"tpm_socket,omitempty"`

	Disks []Disk `json:"disks"`
	// SeedPath is a NoCloud seed image, attached read-only; empty for none.
	SeedPath string `json:"seed_path,omitempty"`
	NICs     []NIC  `json:"nics"`

	// RunDir is where QEMU puts its sockets and pid file; it must be writable for the user that QEMU runs as. See Paths.
	RunDir string `json:"run_dir"`
	// NoSandbox drops QEMU's seccomp filter, for debugging alone.
	NoSandbox bool `json:"no_sandbox,omitempty"`
}

// VCPUs is the number of processors the guest sees.
func (s Spec) VCPUs() int { return s.Cores * s.Threads }

// UEFI names the firmware images (OVMF).
type UEFI struct {
	// Code is the read-only firmware, for example /usr/share/OVMF/OVMF_CODE_4M.fd.
	Code string `json:"code"`
	// Vars is this guest's own writable copy of the variable store.
	Vars string `json:"vars"`
}

// Disk is one volume of a guest.
type Disk struct {
	// VolumeID names the volume, the block node and, with "vd-" before it, the device.
	VolumeID string `json:"volume_id"`
	// Socket is the unix socket on which the volume is served by NBD (the default export).
	Socket string `json:"socket"`
	// Slot is the place on the guest's PCI bridge, 0 to MaxSlot, unique among disks and interfaces.
	Slot int `json:"slot"`
	// BootIndex orders the firmware's search for a boot disk, from 1; 0 is never booted from.
	BootIndex int `json:"boot_index,omitempty"`
	// ReadOnly makes the disk write-protected for the guest.
	ReadOnly bool `json:"read_only,omitempty"`
	// Serial is shown to the guest, at most 20 bytes; empty derives EBS's form from VolumeID: vol0123456789abcdef0.
	Serial string `json:"serial,omitempty"`
	Limits Limits `json:"limits"`
}

// Limits bound a disk's traffic, reads and writes together. Zero is unlimited.
type Limits struct {
	// IOPS counts operations a second; one larger than 256 KiB counts as several, as EBS counts.
	IOPS int64 `json:"iops"`
	// BPS is bytes a second.
	BPS int64 `json:"bps"`
}

// NICMode says what an interface is connected to.
type NICMode string

// ModeUser is QEMU's user networking: no privileges, outgoing connections and forwarded ports only, and the guest can reach the
// host's loopback services through its gateway: for one-person machines.
const ModeUser NICMode = "user"

// NIC is one network interface of a guest.
type NIC struct {
	// ID names the interface, for example eni-0123456789abcdef0.
	ID string `json:"id"`
	// MAC is its hardware address, aa:bb:cc:dd:ee:ff, unicast.
	MAC string `json:"mac"`
	// MTU is told to the guest's driver, in bytes; 0 leaves the driver's own.
	MTU int `json:"mtu,omitempty"`
	// Slot is the place on the PCI bridge, see Disk.Slot.
	Slot int     `json:"slot"`
	Mode NICMode `json:"mode"`
	// User configures ModeUser.
	User *UserNet `json:"user,omitempty"`
}

// UserNet is the private network that user networking pretends.
type UserNet struct {
	// Address is what DHCP gives the guest.
	Address netip.Addr `json:"address"`
	// Subnet contains Address, Gateway and DNS, all different.
	Subnet  netip.Prefix `json:"subnet"`
	Gateway netip.Addr   `json:"gateway"`
	DNS     netip.Addr   `json:"dns"`
	// Hostname is told to the guest by DHCP; empty for none.
	Hostname string `json:"hostname,omitempty"`
	// Forwards make guest ports reachable on the host's loopback.
	Forwards []Forward `json:"forwards,omitempty"`
}

// Forward is one TCP port of the guest: 127.0.0.1:HostPort leads to Address:GuestPort.
type Forward struct {
	HostPort  uint16 `json:"host_port"`
	GuestPort uint16 `json:"guest_port"`
}

// Paths are the files that QEMU makes in its run directory.
type Paths struct {
	QMP      string // control socket, one client: the guard's
	QMPSpare string // a second one, free for debugging
	Serial   string // the serial console, interactive, one client at a time
	Console  string // everything the serial console has printed, appended
	PID      string
	Screen   string // where screen dumps are put for a moment
}

// PathsIn names the files of a run directory.
func PathsIn(runDir string) Paths {
	in := func(name string) string { return filepath.Join(runDir, name) }
	return Paths{
		QMP: in("qmp.sock"), QMPSpare: in("qmp-ev.sock"), Serial: in("serial.sock"),
		Console: in("console.log"), PID: in("qemu.pid"), Screen: in("screen.png"),
	}
}

// Paths are the files of this guest.
func (s Spec) Paths() Paths { return PathsIn(s.RunDir) }
