// SPDX-License-Identifier: Apache-2.0

package instancetypes

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func x86(vendor, family, model string) string {
	return "processor\t: 0\nvendor_id\t: " + vendor + "\ncpu family\t: " + family + "\nmodel\t\t: " + model +
		"\nmodel name\t: a chip\nflags\t\t: fpu vme\n\nprocessor\t: 1\nvendor_id\t: other\ncpu family\t: 1\nmodel\t\t: 1\n"
}

func arm(implementer, part string) string {
	return "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\nCPU implementer\t: " + implementer +
		"\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: " + part + "\nCPU revision\t: 1\n\nprocessor\t: 1\nCPU implementer\t: 0x00\nCPU part\t: 0x1\n"
}

func TestParseCPUInfo_Generations(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text string
		want       Generation
		families   []string // under KVM
	}{
		{"Skylake-SP", x86("GenuineIntel", "6", "85"), Skylake, []string{"c5", "m5", "r5", "t2", "t3"}},
		{"Ice Lake-SP", x86("GenuineIntel", "6", "106"), IceLake, []string{"c6i", "m6i", "r6i", "t2", "t3"}},
		{"Sapphire Rapids", x86("GenuineIntel", "6", "143"), SapphireRapids, []string{"c7i", "m7i", "r7i", "t2", "t3"}},
		{"Emerald Rapids", x86("GenuineIntel", "6", "207"), SapphireRapids, []string{"c7i", "m7i", "r7i", "t2", "t3"}},
		{"Granite Rapids", x86("GenuineIntel", "6", "173"), GraniteRapids, []string{"c8i", "m8i", "r8i", "t2", "t3"}},
		{"Haswell", x86("GenuineIntel", "6", "63"), Unknown, []string{"t2", "t3", "t3a"}},
		{"Naples", x86("AuthenticAMD", "23", "1"), Zen2, []string{"c5a", "m5a", "r5a", "t2", "t3", "t3a"}},
		{"Rome", x86("AuthenticAMD", "23", "49"), Zen2, []string{"c5a", "m5a", "r5a", "t2", "t3", "t3a"}},
		{"Milan", x86("AuthenticAMD", "25", "1"), Zen3, []string{"c6a", "m6a", "r6a", "t2", "t3", "t3a"}},
		{"Vermeer desktop", x86("AuthenticAMD", "25", "33"), Zen3, []string{"c6a", "m6a", "r6a", "t2", "t3", "t3a"}},
		{"Genoa", x86("AuthenticAMD", "25", "17"), Zen4, []string{"c7a", "m7a", "r7a", "t2", "t3", "t3a"}},
		{"Bergamo", x86("AuthenticAMD", "25", "160"), Zen4, []string{"c7a", "m7a", "r7a", "t2", "t3", "t3a"}},
		{"Turin", x86("AuthenticAMD", "26", "2"), Zen5, []string{"c8a", "m8a", "r8a", "t2", "t3", "t3a"}},
		{"Hygon", x86("HygonGenuine", "24", "0"), Zen2, []string{"c5a", "m5a", "r5a", "t2", "t3", "t3a"}},
		{"Opteron", x86("AuthenticAMD", "21", "2"), Unknown, []string{"t2", "t3", "t3a"}},
		{"Neoverse N1", arm("0x41", "0xd0c"), NeoverseN1, []string{"c6g", "m6g", "r6g", "t4g"}},
		{"Neoverse V1", arm("0x41", "0xd40"), NeoverseV1, []string{"c7g", "m7g", "r7g", "t4g"}},
		{"Neoverse V2", arm("0x41", "0xd4f"), NeoverseV2, []string{"c8g", "m8g", "r8g", "t4g"}},
		{"Cortex-A72", arm("0x41", "0xd08"), Unknown, []string{"t4g"}},
		{"AmpereOne", arm("0xc0", "0xac3"), Unknown, []string{"t4g"}},
		{"nonsense", "hello\n\x00: :\n", Unknown, nil},
		{"empty", "", Unknown, nil},
		{"number overflow", x86("GenuineIntel", "99999999999999999999", "85"), Unknown, []string{"t2", "t3", "t3a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cpu := ParseCPUInfo(tc.text)
			if got := cpu.Generation(); got != tc.want {
				t.Errorf("generation of %+v: got %s, want %s", cpu, got, tc.want)
			}
			got := offeredFamilies(Host{Accel: KVM, CPU: cpu, CPUs: 256, MemoryMiB: 4 << 20})
			if diff := cmp.Diff(tc.families, got); diff != "" {
				t.Errorf("families (-want +got):\n%s", diff)
			}
		})
	}
}

func offeredFamilies(h Host) []string {
	var fams []string
	for _, t := range Offered(h) {
		if !slices.Contains(fams, t.Family) {
			fams = append(fams, t.Family)
		}
	}
	slices.Sort(fams)
	return fams
}

func names(types []Type) []string {
	var list []string
	for _, t := range types {
		list = append(list, t.Name)
	}
	return list
}

func TestOffered(t *testing.T) {
	t.Parallel()
	milan := ParseCPUInfo(x86("AuthenticAMD", "25", "1"))
	for _, tc := range []struct {
		name string
		host Host
		want []string
	}{
		{"one CPU, 2 GiB, emulated", Host{Accel: TCG, CPU: milan, CPUs: 1, MemoryMiB: 2048}, []string{"t2.nano", "t3.nano", "t3a.nano"}},
		{"two CPUs, 4 GiB, emulated", Host{Accel: TCG, CPU: milan, CPUs: 2, MemoryMiB: 4096}, []string{"t2.micro", "t2.nano", "t2.small", "t3.micro", "t3.nano",
			"t3.small", "t3a.micro", "t3a.nano", "t3a.small"}},
		{"two CPUs, 16 GiB, KVM: one is reserved, so no m6a.large", Host{Accel: KVM, CPU: milan, CPUs: 2, MemoryMiB: 16384}, []string{"t2.large", "t2.medium", "t2.micro", "t2.nano", "t2.small",
			"t3.large", "t3.medium", "t3.micro", "t3.nano", "t3.small", "t3a.large", "t3a.medium", "t3a.micro", "t3a.nano", "t3a.small"}},
		{"nothing left", Host{Accel: TCG, CPU: milan, CPUs: 2, MemoryMiB: 1024}, nil},
		{"families by the operator", Host{Accel: KVM, CPU: milan, CPUs: 4, MemoryMiB: 8192, Families: []string{"c7a", "m7g", "zz"}}, []string{"c7a.large", "c7a.medium",
			"t2.medium", "t2.micro", "t2.nano", "t2.small", "t3.medium", "t3.micro", "t3.nano", "t3.small", "t3a.medium", "t3a.micro", "t3a.nano", "t3a.small"}},
		{"schedulable by the operator", Host{Accel: TCG, CPU: milan, CPUs: 64, MemoryMiB: 65536, Schedulable: Resources{MilliCPU: 500, MemoryMiB: 800}},
			[]string{"t2.nano", "t3.nano", "t3a.nano"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, names(Offered(tc.host))); diff != "" {
				t.Errorf("offered (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOffered_NoneBiggerThanTheHost(t *testing.T) {
	t.Parallel()
	cpu := ParseCPUInfo(x86("AuthenticAMD", "25", "17"))
	for cpus := 1; cpus <= 200; cpus += 7 {
		for _, mem := range []int64{512, 1500, 4000, 64 << 10, 2 << 20} {
			h := Host{Accel: KVM, CPU: cpu, CPUs: cpus, MemoryMiB: mem}
			free := Reserve(cpus, mem, Overrides{})
			for _, typ := range Offered(h) {
				c := typ.Charge(KVM, Ratios{})
				if c.MilliCPU > free.MilliCPU || c.MemoryMiB > free.MemoryMiB || typ.VCPUs > max(2, cpus) {
					t.Fatalf("%s offered on %d CPUs, %d MiB", typ.Name, cpus, mem)
				}
			}
		}
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	n := func(v int64) *int64 { return &v }
	for _, tc := range []struct {
		name string
		cpus int
		mem  int64
		o    Overrides
		want Resources
	}{
		{"half of a single CPU", 1, 2048, Overrides{}, Resources{500, 1024}},
		{"one of two CPUs", 2, 24576, Overrides{}, Resources{1000, 24576 - 2457}},
		{"one of eight", 8, 8192, Overrides{}, Resources{7000, 7168}},
		{"a tenth of sixteen", 16, 65536, Overrides{}, Resources{14400, 65536 - 6553}},
		{"two and a twentieth of 64", 64, 262144, Overrides{CacheMiB: 8192}, Resources{64000 - 5200, 262144 - 26214 - 8192}},
		{"less than the reservation", 2, 512, Overrides{}, Resources{1000, 0}},
		{"by the operator", 2, 4096, Overrides{ReservedMilliCPU: n(0), ReservedMemoryMiB: n(96), CacheMiB: 500}, Resources{2000, 3500}},
		{"more reserved than there is", 2, 4096, Overrides{ReservedMilliCPU: n(9000), ReservedMemoryMiB: n(9000)}, Resources{0, 0}},
	} {
		if got := Reserve(tc.cpus, tc.mem, tc.o); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

func TestCharge(t *testing.T) {
	t.Parallel()
	micro, _ := Lookup("t3.micro")
	large, _ := Lookup("m5.large")
	for _, tc := range []struct {
		typ    Type
		accel  string
		ratios Ratios
		want   Resources
	}{
		{micro, TCG, Ratios{}, Resources{500, 1224}},
		{micro, KVM, Ratios{Burstable: 3}, Resources{667, 1124}},
		{large, KVM, Ratios{}, Resources{2000, 8292}},
		{large, KVM, Ratios{Fixed: 2}, Resources{1000, 8292}},
	} {
		if got := tc.typ.Charge(tc.accel, tc.ratios); got != tc.want {
			t.Errorf("%s on %s with %+v: got %+v, want %+v", tc.typ.Name, tc.accel, tc.ratios, got, tc.want)
		}
	}
}
