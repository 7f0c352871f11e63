// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/compute/accel"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew; commit them only when you understand the difference")

// micro is the smallest useful guest.
func micro() Spec {
	return Spec{
		InstanceID: "i-0123456789abcdef0",
		UUID:       "ec2e1916-9099-7caf-fd21-012345abcdef",
		TypeName:   "t3.micro",
		Accel:      accel.AccelTCG,
		Cores:      1, Threads: 1, MemoryMiB: 128,
		Disks: []Disk{{
			VolumeID: "vol-0123456789abcdef0", Socket: "/run/hive/i-0123456789abcdef0/d0.sock", BootIndex: 1,
			Limits: Limits{IOPS: 3000, BPS: 125 << 20},
		}},
		SeedPath: "/run/hive/i-0123456789abcdef0/seed.iso",
		NICs: []NIC{{
			ID: "eni-0123456789abcdef0", MAC: "0a:01:02:03:04:05", Slot: 1, Mode: ModeUser,
			User: &UserNet{
				Address: netip.MustParseAddr("172.31.0.10"), Subnet: netip.MustParsePrefix("172.31.0.0/20"),
				Gateway: netip.MustParseAddr("172.31.0.1"), DNS: netip.MustParseAddr("172.31.0.2"),
				Hostname: "ip-172-31-0-10", Forwards: []Forward{{HostPort: 40022, GuestPort: 22}},
			},
		}},
		RunDir: "/run/hive/i-0123456789abcdef0/vm",
	}
}

func TestArgs_Golden(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Spec){
		"micro-bios-tcg": func(*Spec) {},
		"uefi-kvm-tpm-two-disks": func(s *Spec) {
			s.Accel, s.Cores, s.Threads, s.MemoryMiB = accel.AccelKVM, 2, 2, 8192
			s.UEFI = &UEFI{Code: "/usr/share/OVMF/OVMF_CODE_4M.fd", Vars: "/run/hive/i-0123456789abcdef0/vm/vars.fd"}
			s.TPMSocket = "/run/hive/i-0123456789abcdef0/vm/tpm.sock"
			s.Disks = append(s.Disks, Disk{VolumeID: "vol-0fedcba9876543210", Socket: "/run/hive/i-0123456789abcdef0/d5.sock", Slot: 5, ReadOnly: true})
			s.NICs[0].User.Hostname, s.NICs[0].User.Forwards = "", nil
		},
		"overrides-and-awkward-paths": func(s *Spec) {
			s.Machine, s.CPUModel, s.TranslationMiB, s.NoSandbox = "pc-q35-6.2", "Nehalem,+aes,pmu=off", 32, true
			s.RunDir, s.SeedPath = "/srv/a,b=c/vm", `/srv/a,b="c"/seed.iso`
			s.Disks[0].Socket, s.Disks[0].Serial = "/srv/a,b=c/d0.sock", "custom_serial"
			s.NICs = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := micro()
			change(&s)
			args, err := Args(s)
			if err != nil {
				t.Fatal(err)
			}
			got := readable(args)
			golden := filepath.Join("testdata", name+".args")
			if *rewrite {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// readable puts every option with its value on a line.
func readable(args []string) string {
	var b strings.Builder
	for i, a := range args {
		sep := "\n"
		if i+1 < len(args) && strings.HasPrefix(a, "-") && !strings.HasPrefix(args[i+1], "-") {
			sep = " "
		}
		b.WriteString(a + sep)
	}
	return b.String()
}

func TestArgs_Refusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Spec)
		want   string
	}{
		"comma in the instance id":   {func(s *Spec) { s.InstanceID = "i-1,process=x" }, "instance id"},
		"upper-case uuid":            {func(s *Spec) { s.UUID = strings.ToUpper(s.UUID) }, "uuid"},
		"uuid cloud-init ignores":    {func(s *Spec) { s.UUID = "11111111-9099-7caf-fd21-012345abcdef" }, "uuid"},
		"comma in the type":          {func(s *Spec) { s.TypeName = "t3,uuid=x" }, "type name"},
		"machine without a version":  {func(s *Spec) { s.Machine = "q35" }, "machine"},
		"options in the machine":     {func(s *Spec) { s.Machine = "pc-q35-7.2,accel=kvm" }, "machine"},
		"space in the cpu":           {func(s *Spec) { s.CPUModel = "max -foo" }, "cpu model"},
		"no accelerator":             {func(s *Spec) { s.Accel = "" }, "accel"},
		"no cores":                   {func(s *Spec) { s.Cores = 0 }, "topology"},
		"no memory":                  {func(s *Spec) { s.MemoryMiB = 0 }, "memory"},
		"UEFI with little memory":    {func(s *Spec) { s.UEFI = &UEFI{Code: "/c", Vars: "/v"} }, "256"},
		"relative run dir":           {func(s *Spec) { s.RunDir = "run" }, "run dir"},
		"run dir with line end":      {func(s *Spec) { s.RunDir = "/run/a\nb" }, "run dir"},
		"run dir too long":           {func(s *Spec) { s.RunDir = "/" + strings.Repeat("x", 100) }, "shorter data directory"},
		"disk socket too long":       {func(s *Spec) { s.Disks[0].Socket = "/" + strings.Repeat("x", 107) }, "has 108 bytes"},
		"volume id with dots":        {func(s *Spec) { s.Disks[0].VolumeID = "vol/../x" }, "volume id"},
		"volume id too long":         {func(s *Spec) { s.Disks[0].VolumeID = "vol-" + strings.Repeat("0", 30) }, "volume id"},
		"serial too long":            {func(s *Spec) { s.Disks[0].Serial = strings.Repeat("0", 21) }, "serial"},
		"slot of the seed":           {func(s *Spec) { s.Disks[0].Slot = MaxSlot + 1 }, "slot"},
		"negative slot":              {func(s *Spec) { s.Disks[0].Slot = -1 }, "slot"},
		"slot used twice":            {func(s *Spec) { s.NICs[0].Slot = 0 }, "slot 0 is used by vol-0123456789abcdef0 and eni-"},
		"volume twice":               {func(s *Spec) { s.Disks = append(s.Disks, s.Disks[0]) }, "id vol-0123456789abcdef0 is used"},
		"two first boot disks":       {func(s *Spec) { d := s.Disks[0]; d.VolumeID = "vol-2"; s.Disks = append(s.Disks, d) }, "boot index 1"},
		"negative limit":             {func(s *Spec) { s.Disks[0].Limits.IOPS = -1 }, "limits"},
		"multicast mac":              {func(s *Spec) { s.NICs[0].MAC = "01:00:5e:00:00:01" }, "mac"},
		"mac with options":           {func(s *Spec) { s.NICs[0].MAC = "0a:01:02:03:04:05,x=y" }, "mac"},
		"unknown network mode":       {func(s *Spec) { s.NICs[0].Mode = "tap" }, "mode"},
		"network without settings":   {func(s *Spec) { s.NICs[0].User = nil }, "mode"},
		"address outside the subnet": {func(s *Spec) { s.NICs[0].User.Address = netip.MustParseAddr("10.0.0.1") }, "address"},
		"address is the gateway":     {func(s *Spec) { s.NICs[0].User.Address = s.NICs[0].User.Gateway }, "already its address"},
		"address is the broadcast":   {func(s *Spec) { s.NICs[0].User.Address = netip.MustParseAddr("172.31.15.255") }, "address"},
		"no dns":                     {func(s *Spec) { s.NICs[0].User.DNS = netip.Addr{} }, "dns"},
		"subnet with host bits":      {func(s *Spec) { s.NICs[0].User.Subnet = netip.MustParsePrefix("172.31.0.1/20") }, "subnet"},
		"ipv6 subnet":                {func(s *Spec) { s.NICs[0].User.Subnet = netip.MustParsePrefix("fd00::/64") }, "subnet"},
		"hostname injects":           {func(s *Spec) { s.NICs[0].User.Hostname = "a,hostfwd=tcp::1-:22" }, "hostname"},
		"forward of port 0":          {func(s *Spec) { s.NICs[0].User.Forwards[0].HostPort = 0 }, "forward"},
		"tpm path relative":          {func(s *Spec) { s.TPMSocket = "tpm.sock" }, "tpm"},
		"seed path not clean":        {func(s *Spec) { s.SeedPath = "/a/../b" }, "seed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := micro()
			c.change(&s)
			_, err := Args(s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestValidate_ReportsAllFaults(t *testing.T) {
	t.Parallel()
	err := Spec{}.Validate()
	for _, want := range []string{"instance id", "uuid", "type name", "accel", "topology", "memory", "run dir"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not speak of %q", err, want)
		}
	}
}

// FuzzArgs: whatever strings a spec carries, no accepted one changes the number of options or smuggles one in.
func FuzzArgs(f *testing.F) {
	f.Add("i-1", "t3.micro", "vol-1", "/run/x", "/run/d", "h", "0a:00:00:00:00:01")
	f.Add("i-1,x", "t3 -s", "vol,1", "/run/x,y", "/run/d,", "h,x", "mac")
	f.Fuzz(func(t *testing.T, id, typeName, volume, runDir, socket, host, mac string) {
		s := micro()
		want, err := Args(s)
		if err != nil {
			t.Fatal(err)
		}
		s.InstanceID, s.TypeName, s.RunDir, s.Disks[0].VolumeID, s.Disks[0].Socket = id, typeName, runDir, volume, socket
		s.NICs[0].User.Hostname, s.NICs[0].MAC = host, mac
		got, err := Args(s)
		if err != nil {
			return
		}
		if len(got) > len(want) {
			t.Fatalf("%d arguments, want %d", len(got), len(want))
		}
		for i, a := range got {
			if strings.Count(strings.ReplaceAll(a, ",,", ""), ",") > strings.Count(want[i], ",") && !strings.HasPrefix(a, "{") && got[i-1] != "-pidfile" {
				t.Errorf("argument %q has more options than %q", a, want[i])
			}
		}
	})
}
