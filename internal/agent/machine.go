// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hivecloud/hive/compute/accel"
	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/compute/guard"
	"github.com/hivecloud/hive/compute/qemu"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/config"
)

// UEFI firmware as Debian's ovmf package has it.
const (
	ovmfCode = "/usr/share/OVMF/OVMF_CODE_4M.fd"
	ovmfVars = "/usr/share/OVMF/OVMF_VARS_4M.fd"
)

// defaultQEMUUser is the account that packages make for QEMU.
const defaultQEMUUser = "hive-qemu"

// nicSlot is where a guest's first interface is; its disks take the slots from 0 up.
const nicSlot = qemu.MaxSlot

// machine is how guests are run on this node.
type machine struct {
	accel  accel.Accel
	binary string
	ports  []uint16
	runAs  *guard.RunAs
}

func newMachine(c *config.Config, h host, dir string) (machine, error) {
	m := machine{accel: h.accel.Accel, binary: c.Compute.QEMUBinary}
	for _, p := range c.Network.PublicPorts {
		m.ports = append(m.ports, uint16(p))
	}
	var err error
	m.runAs, err = qemuUser(c.Compute.QEMUUser, dir)
	return m, err
}

// qemuUser is the unprivileged account that QEMU runs as when the agent is root: the configured one, hive-qemu, or
// nobody. Without configuration it is the agent's own when that account could not reach the guests' directory.
func qemuUser(name, dir string) (*guard.RunAs, error) {
	if os.Getuid() != 0 {
		if name != "" {
			return nil, admin.Errorf(admin.KindConflict, "leave compute.qemu_user empty, or run the agent as root", "compute.qemu_user = %q needs an agent that is root", name)
		}
		return nil, nil
	}
	candidates := []string{name}
	if name == "" {
		candidates = []string{defaultQEMUUser, "nobody"}
	}
	for _, candidate := range candidates {
		u, err := user.Lookup(candidate)
		if err != nil {
			continue
		}
		if !reachable(dir) {
			if name != "" {
				return nil, admin.Errorf(admin.KindConflict, "chmod o+x its parents, or use another data directory", "the account %s cannot reach %s", name, dir)
			}
			return nil, nil
		}
		return runAs(u)
	}
	if name != "" {
		return nil, admin.Errorf(admin.KindNotFound, "adduser --system "+name, "compute.qemu_user: there is no account %s", name)
	}
	return nil, nil
}

// runAs is an account with the group that may use KVM.
func runAs(u *user.User) (*guard.RunAs, error) {
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("read account %s: %w", u.Username, err)
	}
	out := &guard.RunAs{UID: uint32(uid), GID: uint32(gid)}
	if kvm, err := user.LookupGroup("kvm"); err == nil {
		if id, err := strconv.ParseUint(kvm.Gid, 10, 32); err == nil {
			out.Groups = []uint32{uint32(id)}
		}
	}
	return out, nil
}

// reachable tells whether everybody may pass through all parents of a directory.
func reachable(dir string) bool {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if at == filepath.Dir(at) {
			return true
		}
	}
}

// spec is the guard's spec of a launch.
func (m machine) spec(l executor.Launch, seed string) (guard.Spec, error) {
	subnet, err := netip.ParsePrefix(l.SubnetCIDR)
	if err != nil {
		return guard.Spec{}, fmt.Errorf("read subnet of guest: %w", err)
	}
	address, err := netip.ParseAddr(l.PrivateIP)
	if err != nil {
		return guard.Spec{}, fmt.Errorf("read address of guest: %w", err)
	}
	// AWS keeps the first addresses of a subnet: .1 is the router and .2 the DNS server (VPC guide, subnet sizing).
	router := subnet.Masked().Addr().Next()
	out := guard.Spec{Epoch: l.Epoch, QEMUBinary: m.binary, TPM: l.TPM, RunAs: m.runAs, Guest: qemu.Spec{
		InstanceID: l.InstanceID, UUID: uuidOf(l.InstanceID), TypeName: l.Type, Accel: m.accel,
		Cores: l.Shape.Cores, Threads: l.Shape.ThreadsPerCore, MemoryMiB: int(l.Shape.MemoryMiB), SeedPath: seed,
		NICs: []qemu.NIC{{ID: l.InterfaceID, MAC: l.MAC, MTU: l.MTU, Slot: nicSlot, Mode: qemu.ModeUser,
			User: &qemu.UserNet{Address: address, Subnet: subnet, Gateway: router, DNS: router.Next(), Hostname: l.Hostname}}},
	}}
	if l.UEFI {
		out.Guest.UEFI, out.UEFIVars = &qemu.UEFI{Code: ovmfCode}, ovmfVars
	}
	for n, d := range l.Disks {
		disk := qemu.Disk{VolumeID: d.VolumeID, Slot: n, Limits: qemu.Limits{IOPS: d.IOPS, BPS: d.BytesPerS}}
		if d.Boot {
			disk.BootIndex = 1
		}
		out.Guest.Disks = append(out.Guest.Disks, disk)
		out.Volumes = append(out.Volumes, guard.Volume{ID: d.VolumeID, Epoch: d.Epoch})
	}
	return out, m.addPorts(&out, l.PublicIP)
}

func (m machine) addPorts(out *guard.Spec, publicIP string) error {
	if publicIP == "" {
		return nil
	}
	address, err := netip.ParseAddr(publicIP)
	if err != nil {
		return fmt.Errorf("read public address of guest: %w", err)
	}
	for _, p := range m.ports {
		out.Ports = append(out.Ports, guard.Port{PublicIP: address, Port: p, GuestPort: p})
	}
	return nil
}

func portOf(p guard.PortStatus) state.Port {
	return state.Port{Guest: int(p.GuestPort), Public: int(p.Bound)}
}

// uuidOf is the SMBIOS UUID of an instance: cloud-init knows EC2 by the ec2 in front. It follows from the id, so that
// the guest sees the same one on every node.
func uuidOf(instance string) string {
	hex := "ec2" + strings.Repeat("0", 32)
	id := strings.TrimPrefix(instance, "i-")
	hex = hex[:32-len(id)] + id
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:]
}
