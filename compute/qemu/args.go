// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hivecloud/hive/compute/accel"
)

// reconnectDelay is how many seconds a guest's I/O waits for a volume that is not served before it fails (and, by werror and
// rerror, stops the guest). It outlasts a restart of the block daemon and a move of the volume.
const reconnectDelay = 300

// openTimeout is how many seconds a starting QEMU waits for its volumes.
const openTimeout = 60

// ioUnit is the largest I/O that counts as one operation: 256 KiB, as EBS counts for SSD volumes
// (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-io-characteristics.html).
const ioUnit = 256 << 10

// Addresses on the root bus. Slot 1 is the VGA of -vga std; 0x1f is the chipset's.
const (
	rngAddr     = 0x2
	balloonAddr = 0x3
	panicAddr   = 0x4
	bridgeAddr  = 0x10
)

// bridgeID names the bridge and its bus.
const bridgeID = "slots"

// modern leaves out the I/O ports of virtio before 1.0: a bridge has too few of them for all its slots.
const modern = "disable-legacy=on"

// BalloonID is the QOM id of the memory balloon.
const BalloonID = "balloon0"

// Args is the command line, without the program, that runs the guest. It fails with every fault of the spec (Validate).
func Args(s Spec) ([]string, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	b := &builder{}
	b.machine(s)
	b.buses()
	for _, d := range s.Disks {
		b.disk(d)
	}
	if s.SeedPath != "" {
		b.seed(s.SeedPath)
	}
	for _, n := range s.NICs {
		b.nic(n)
	}
	b.platformDevices(s)
	b.controls(s)
	return b.args, nil
}

// builder appends options in the order in which QEMU must see them: blocks before the devices that use them.
type builder struct{ args []string }

func (b *builder) add(args ...string) { b.args = append(b.args, args...) }

// addJSON appends an option whose value QEMU parses as JSON, where no character is special.
func (b *builder) addJSON(option string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("marshal %s: %v", option, err)) //nolint:forbidigo // only maps of strings, numbers and booleans are passed
	}
	b.add(option, string(text))
}

func (b *builder) machine(s Spec) {
	b.add("-name", fmt.Sprintf("guest=%s,process=qemu-%s,debug-threads=on", s.InstanceID, s.InstanceID),
		"-uuid", s.UUID, "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std")
	machine := s.machine()
	if u := s.UEFI; u != nil {
		b.addJSON("-blockdev", object{"driver": "raw", "node-name": "firmware-code", "read-only": true, "file": object{"driver": "file", "filename": u.Code}})
		b.addJSON("-blockdev", object{"driver": "raw", "node-name": "firmware-vars", "file": object{"driver": "file", "filename": u.Vars}})
		machine += ",pflash0=firmware-code,pflash1=firmware-vars"
	}
	b.add("-machine", machine)
	if s.Accel == accel.AccelKVM {
		b.add("-accel", "kvm")
	} else {
		b.add("-accel", fmt.Sprintf("tcg,thread=multi,tb-size=%d", s.translationMiB()))
	}
	b.add("-cpu", s.cpuModel(),
		"-smp", fmt.Sprintf("cpus=%d,sockets=1,cores=%d,threads=%d", s.VCPUs(), s.Cores, s.Threads),
		"-m", fmt.Sprintf("%dM", s.MemoryMiB),
		"-smbios", fmt.Sprintf("type=1,manufacturer=Amazon EC2,product=%s,uuid=%s,serial=%s", s.TypeName, s.UUID, s.UUID),
		"-smbios", fmt.Sprintf("type=2,manufacturer=Amazon EC2,asset=%s", s.InstanceID),
		"-rtc", "base=utc", "-boot", "menu=off,strict=on")
}

// buses makes the one bridge that disks and interfaces sit on: nothing can be hot-plugged on the root bus itself.
func (b *builder) buses() {
	b.add("-device", fmt.Sprintf("pci-bridge,id=%s,chassis_nr=1,addr=%#x", bridgeID, bridgeAddr))
}

// place is where the device of a slot sits. Address 0 of the bridge is its own controller's.
func place(slot int) string { return fmt.Sprintf("bus=%s,addr=%#x", bridgeID, slot+1) }

type object map[string]any

func (b *builder) disk(d Disk) {
	connection := NBDNode(d.VolumeID, 1)
	b.addJSON("-object", object{"qom-type": "throttle-group", "id": ThrottleGroup(d.VolumeID), "limits": d.Limits.throttle()})
	b.addJSON("-blockdev", object{
		"driver": "nbd", "node-name": connection, "server": object{"type": "unix", "path": d.Socket},
		"reconnect-delay": reconnectDelay, "open-timeout": openTimeout, "discard": "unmap", "read-only": d.ReadOnly,
	})
	b.addJSON("-blockdev", object{
		"driver": "throttle", "node-name": d.VolumeID, "throttle-group": ThrottleGroup(d.VolumeID), "file": connection,
		"discard": "unmap", "read-only": d.ReadOnly,
	})
	device := fmt.Sprintf("virtio-blk-pci,id=%s,%s,%s,drive=%s,serial=%s,write-cache=on,werror=stop,rerror=stop",
		DiskDevice(d.VolumeID), place(d.Slot), modern, d.VolumeID, d.serial())
	if d.BootIndex > 0 {
		device += fmt.Sprintf(",bootindex=%d", d.BootIndex)
	}
	b.add("-device", device)
}

func (b *builder) seed(path string) {
	b.addJSON("-blockdev", object{"driver": "raw", "node-name": "seed", "read-only": true, "file": object{"driver": "file", "filename": path}})
	b.add("-device", fmt.Sprintf("virtio-blk-pci,id=seed0,%s,%s,drive=seed,serial=cidata", place(seedSlot), modern))
}

func (b *builder) nic(n NIC) {
	u := n.User
	backend := fmt.Sprintf("user,id=net-%s,ipv6=off,net=%s,host=%s,dns=%s,dhcpstart=%s", n.ID, u.Subnet, u.Gateway, u.DNS, u.Address)
	if u.Hostname != "" {
		backend += ",hostname=" + u.Hostname
	}
	for _, f := range u.Forwards {
		backend += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-%s:%d", f.HostPort, u.Address, f.GuestPort)
	}
	// romfile= leaves out the network boot ROM: guests boot from disks, and the ROM costs start-up time.
	device := fmt.Sprintf("virtio-net-pci,id=%s,%s,%s,netdev=net-%s,mac=%s,romfile=", n.ID, place(n.Slot), modern, n.ID, n.MAC)
	if n.MTU != 0 {
		device += fmt.Sprintf(",host_mtu=%d", n.MTU)
	}
	b.add("-netdev", backend, "-device", device)
}

func (b *builder) platformDevices(s Spec) {
	b.add("-device", fmt.Sprintf("virtio-rng-pci,id=rng0,addr=%#x", rngAddr),
		"-device", fmt.Sprintf("virtio-balloon-pci,id=%s,addr=%#x,guest-stats-polling-interval=10", BalloonID, balloonAddr),
		"-device", fmt.Sprintf("pvpanic-pci,id=pvpanic0,addr=%#x", panicAddr))
	if s.TPMSocket != "" {
		b.add("-chardev", "socket,id=chrtpm0,path="+escape(s.TPMSocket), "-tpmdev", "emulator,id=tpm0,chardev=chrtpm0", "-device", "tpm-crb,tpmdev=tpm0")
	}
}

func (b *builder) controls(s Spec) {
	p := s.Paths()
	for i, path := range []string{p.QMP, p.QMPSpare} {
		b.add("-chardev", fmt.Sprintf("socket,id=qmp%d,path=%s,server=on,wait=off", i, escape(path)), "-mon", fmt.Sprintf("chardev=qmp%d,mode=control", i))
	}
	b.add("-chardev", fmt.Sprintf("socket,id=serial0,path=%s,server=on,wait=off,logfile=%s,logappend=on", escape(p.Serial), escape(p.Console)),
		"-serial", "chardev:serial0",
		// A guest that powers off or panics leaves QEMU paused: whoever watches learns why, even when it looks later.
		"-action", "shutdown=pause,panic=pause")
	if !s.NoSandbox {
		b.add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
	}
	b.add("-pidfile", p.PID)
}

// escape doubles commas, the only character that ends a value in QEMU's option strings.
func escape(path string) string { return strings.ReplaceAll(path, ",", ",,") }

func (s Spec) machine() string {
	if s.Machine != "" {
		return s.Machine
	}
	return DefaultMachine
}

func (s Spec) cpuModel() string {
	if s.CPUModel != "" {
		return s.CPUModel
	}
	if s.Accel == accel.AccelKVM {
		return "host"
	}
	return "max"
}

func (s Spec) translationMiB() int {
	if s.TranslationMiB > 0 {
		return s.TranslationMiB
	}
	if s.MemoryMiB < 512 {
		return 64
	}
	return 128
}

// serial is EBS's form of a volume id: without its dash it fits the 20 bytes of virtio-blk.
func (d Disk) serial() string {
	if d.Serial != "" {
		return d.Serial
	}
	return strings.Replace(d.VolumeID, "-", "", 1)
}

// NBDNode names the block node of a volume's connection; a later connection to the same volume has a higher generation.
func NBDNode(volumeID string, generation int) string {
	return fmt.Sprintf("%s-g%d", volumeID, generation)
}

// ThrottleGroup is the QOM id of a volume's limits.
func ThrottleGroup(volumeID string) string { return "tg-" + volumeID }

// DiskDevice is the device id of a volume.
func DiskDevice(volumeID string) string { return "vd-" + volumeID }

// throttle is QEMU's ThrottleLimits. The burst of one second that QEMU allows equals the rate.
func (l Limits) throttle() object {
	o := object{"iops-total": l.IOPS, "bps-total": l.BPS}
	if l.IOPS > 0 {
		o["iops-total-max"] = l.IOPS
		o["iops-size"] = ioUnit
	}
	if l.BPS > 0 {
		o["bps-total-max"] = l.BPS
	}
	return o
}
