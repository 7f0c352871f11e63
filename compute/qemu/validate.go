// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hivecloud/hive/compute/accel"
)

// MaxSocketPath is the longest unix socket path Linux takes, in bytes (sun_path less its NUL).
const MaxSocketPath = 107

// maxNode leaves room for the generation that is appended to a block node's name, which QEMU cuts at 31 bytes.
const maxNode = 26

var (
	idPattern      = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	typePattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)
	machinePattern = regexp.MustCompile(`^pc-q35-[0-9]+\.[0-9]+$`)
	cpuPattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(,[+-]?[a-z0-9._-]+(=(on|off))?)*$`)
	uuidPattern    = regexp.MustCompile(`^ec2[0-9a-f]{5}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	serialPattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,20}$`)
	hostPattern    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
)

// Validate reports every fault of the spec, joined.
func (s Spec) Validate() error {
	var v validator
	v.match("instance id", s.InstanceID, idPattern, 40)
	v.match("uuid", s.UUID, uuidPattern, 36)
	v.match("type name", s.TypeName, typePattern, 40)
	v.match("machine", s.machine(), machinePattern, 40)
	v.match("cpu model", s.cpuModel(), cpuPattern, 200)
	v.require(s.Accel == accel.AccelKVM || s.Accel == accel.AccelTCG, "accel is %q, want kvm or tcg", s.Accel)
	v.require(s.Cores >= 1 && s.Threads >= 1 && s.VCPUs() <= 255, "topology is %d cores of %d threads, want 1 to 255 vCPUs", s.Cores, s.Threads)
	v.require(s.MemoryMiB >= 16 && s.MemoryMiB <= 1<<20, "memory is %d MiB, want 16 MiB to 1 TiB", s.MemoryMiB)
	v.require(s.TranslationMiB >= 0 && s.TranslationMiB <= 1024, "translation buffer is %d MiB, want 0 to 1024", s.TranslationMiB)
	if s.UEFI != nil {
		v.path("uefi code", s.UEFI.Code)
		v.path("uefi vars", s.UEFI.Vars)
		v.require(s.MemoryMiB >= 256, "memory is %d MiB, UEFI guests need 256", s.MemoryMiB)
	}
	if s.TPMSocket != "" {
		v.socket("tpm socket", s.TPMSocket)
	}
	if s.SeedPath != "" {
		v.path("seed path", s.SeedPath)
	}
	v.path("run dir", s.RunDir)
	for _, p := range []string{s.Paths().QMP, s.Paths().QMPSpare, s.Paths().Serial} {
		v.socket("run dir", p)
	}
	v.devices(s.Disks, s.NICs)
	if err := v.err(); err != nil {
		return fmt.Errorf("invalid guest %q: %w", s.InstanceID, err)
	}
	return nil
}

// validator collects faults.
type validator struct{ faults []error }

func (v *validator) err() error { return errors.Join(v.faults...) }

func (v *validator) require(ok bool, format string, args ...any) {
	if !ok {
		v.faults = append(v.faults, fmt.Errorf(format, args...))
	}
}

func (v *validator) match(what, value string, pattern *regexp.Regexp, limit int) {
	v.require(len(value) <= limit && pattern.MatchString(value), "%s %q does not match %s or is longer than %d bytes", what, value, pattern, limit)
}

func (v *validator) path(what, value string) {
	clean := filepath.IsAbs(value) && filepath.Clean(value) == value && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
	v.require(clean, "%s %q is not a clean absolute path", what, value)
}

func (v *validator) socket(what, value string) {
	v.path(what, value)
	v.require(len(value) <= MaxSocketPath, "%s: unix socket path %s has %d bytes, at most %d work: choose a shorter data directory", what, value, len(value), MaxSocketPath)
}

// devices checks disks and interfaces, and that they share no slot, id, socket, address or boot index.
func (v *validator) devices(disks []Disk, nics []NIC) {
	seen := map[string]string{}
	once := func(kind, value, owner string) {
		key := kind + " " + value
		v.require(seen[key] == "", "%s is used by %s and %s", key, seen[key], owner)
		seen[key] = owner
	}
	slot := func(n int, owner string) {
		v.require(n >= 0 && n <= MaxSlot, "slot of %s is %d, want 0 to %d", owner, n, MaxSlot)
		once("slot", fmt.Sprint(n), owner)
	}
	for _, d := range disks {
		v.match("volume id", d.VolumeID, idPattern, maxNode)
		v.socket("socket of "+d.VolumeID, d.Socket)
		v.match("serial of "+d.VolumeID, d.serial(), serialPattern, 20)
		v.require(d.BootIndex >= 0, "boot index of %s is %d, want 0 or more", d.VolumeID, d.BootIndex)
		v.require(d.Limits.Validate() == nil, "%s: %v", d.VolumeID, d.Limits.Validate())
		slot(d.Slot, d.VolumeID)
		once("id", d.VolumeID, d.VolumeID)
		once("socket", d.Socket, d.VolumeID)
		if d.BootIndex > 0 {
			once("boot index", fmt.Sprint(d.BootIndex), d.VolumeID)
		}
	}
	for _, n := range nics {
		v.match("interface id", n.ID, idPattern, maxNode)
		mac, err := net.ParseMAC(n.MAC)
		v.require(err == nil && len(mac) == 6 && mac[0]&1 == 0 && mac.String() == n.MAC, "mac of %s is %q, want lower-case unicast aa:bb:cc:dd:ee:ff", n.ID, n.MAC)
		v.require(n.Mode == ModeUser && n.User != nil, "mode of %s is %q, want user and its settings", n.ID, n.Mode)
		v.require(n.MTU == 0 || n.MTU >= 1280 && n.MTU <= 9001, "mtu of %s is %d, want 1280 to 9001 or 0", n.ID, n.MTU)
		slot(n.Slot, n.ID)
		once("id", n.ID, n.ID)
		once("mac", n.MAC, n.ID)
		if n.User != nil {
			v.userNet(n.ID, *n.User, func(port uint16) { once("host port", fmt.Sprint(port), n.ID) })
		}
	}
}

// userNet checks what QEMU's user networking wants: all addresses different and inside one IPv4 subnet.
func (v *validator) userNet(id string, u UserNet, forwarded func(uint16)) {
	v.require(u.Subnet.IsValid() && u.Subnet.Addr().Is4() && u.Subnet == u.Subnet.Masked() && u.Subnet.Bits() <= 29 && u.Subnet.Bits() >= 8,
		"subnet of %s is %s, want an IPv4 network of /8 to /29", id, u.Subnet)
	taken := map[netip.Addr]string{}
	for _, a := range []struct {
		what string
		addr netip.Addr
	}{{"address", u.Address}, {"gateway", u.Gateway}, {"dns", u.DNS}} {
		usable := u.Subnet.Contains(a.addr) && a.addr != u.Subnet.Addr() && u.Subnet.Contains(a.addr.Next())
		v.require(usable, "%s of %s is %s, want a host of %s", a.what, id, a.addr, u.Subnet)
		v.require(taken[a.addr] == "", "%s of %s is %s, already its %s", a.what, id, a.addr, taken[a.addr])
		taken[a.addr] = a.what
	}
	if u.Hostname != "" {
		v.match("hostname of "+id, u.Hostname, hostPattern, 253)
	}
	for _, f := range u.Forwards {
		v.require(f.HostPort != 0 && f.GuestPort != 0, "forward %d to %d of %s: ports must not be 0", f.HostPort, f.GuestPort, id)
		forwarded(f.HostPort)
	}
}

// Validate refuses limits that QEMU's throttling cannot express.
func (l Limits) Validate() error {
	const most = 1_000_000_000_000 // QEMU's THROTTLE_VALUE_MAX is 10^15
	if l.IOPS < 0 || l.IOPS > most || l.BPS < 0 || l.BPS > most {
		return fmt.Errorf("limits are %d IOPS and %d bytes a second, want 0 to %d", l.IOPS, l.BPS, int64(most))
	}
	return nil
}
