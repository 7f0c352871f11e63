// SPDX-License-Identifier: Apache-2.0

package instancetypes

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed sizes.tsv
var sizesTSV string

// catalogue parses the embedded table once. The table is part of the binary and a test parses it, so a fault in it is a broken
// invariant and panics.
var catalogue = sync.OnceValue(func() []Type {
	types, err := parseSizes(sizesTSV)
	if err != nil {
		panic(fmt.Sprintf("instancetypes: sizes.tsv: %v", err))
	}
	return types
})

const sizeColumns = 15

func parseSizes(table string) ([]Type, error) {
	var types []Type
	for n, line := range strings.Split(table, "\n") {
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "profile\t") {
			continue
		}
		cols := strings.Split(line, "\t")
		if len(cols) != sizeColumns {
			return nil, fmt.Errorf("line %d has %d columns, want %d", n+1, len(cols), sizeColumns)
		}
		for name := range strings.SplitSeq(cols[0], ",") {
			t, err := newType(name, cols)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
			types = append(types, t)
		}
	}
	slices.SortFunc(types, byName)
	return types, nil
}

// newType builds the type of one family from a row of the table.
func newType(name string, cols []string) (Type, error) {
	fam, ok := families[name]
	if !ok {
		return Type{}, fmt.Errorf("unknown family %s", name)
	}
	row := row{cols: cols}
	t := Type{
		Name: name + "." + cols[1], Family: name, Size: cols[1],
		VCPUs: row.int(2), Cores: row.int(3), ValidCores: row.runs(4), ClockGHz: row.float(14),
		Network: Network{
			MaxENIs: row.int(5), IPv4PerENI: row.int(6), IPv6PerENI: row.int(6), Performance: cols[7],
			BaselineGbps: row.float(8), PeakGbps: row.float(9), Cards: 1, ENA: "required",
		},
		EBS: EBS{
			Optimized: "default", NVMe: "required", Encryption: true,
			BaselineMbps: row.int(10), BaselineIOPS: row.int(11), MaxMbps: row.int(12), MaxIOPS: row.int(13),
		},
	}
	if row.err != nil {
		return Type{}, row.err
	}
	if t.Cores == 0 || t.VCPUs%t.Cores != 0 {
		return Type{}, fmt.Errorf("%s: %d vCPUs on %d cores", t.Name, t.VCPUs, t.Cores)
	}
	t.fillCPU(fam)
	t.fillTraits(fam)
	return t, nil
}

func (t *Type) fillCPU(fam family) {
	t.ThreadsPerCore = t.VCPUs / t.Cores
	if len(t.ValidCores) > 0 {
		t.ValidThreads = []int{1}
		if t.ThreadsPerCore == 2 {
			t.ValidThreads = []int{1, 2}
		}
	}
	t.Manufacturer = fam.maker
	t.Architectures = []string{fam.arch}
	t.MemoryMiB = int64(t.VCPUs) * fam.ratioMiB
	if fam.ratioMiB == 0 {
		t.Burstable = true
		t.MemoryMiB = burstMemoryMiB[t.Size]
		t.BaselinePercent = burstBaseline(t.Family, t.Size)
		t.DefaultCPUCredits = fam.defaultCreds
	}
	if t.Family == "t2" && t.MemoryMiB <= 4096 {
		t.Architectures = []string{ArchI386, ArchX8664}
	}
}

func (t *Type) fillTraits(fam family) {
	t.CurrentGeneration = fam.current
	t.FreeTier = freeTier[t.Name]
	t.Hypervisor = "nitro"
	t.BootModes = []string{"legacy-bios", "uefi"}
	t.PlacementStrategies = []string{"cluster", "partition", "spread"}
	t.UsageClasses = []string{"on-demand"}
	t.VirtualizationTypes = []string{"hvm"}
	t.RootDeviceTypes = []string{"ebs"}
	t.AutoRecovery = true
	t.NitroTPM = true
	if t.Burstable {
		t.PlacementStrategies = []string{"partition", "spread"}
	}
	if fam.arch == ArchARM64 {
		t.BootModes = []string{"uefi"}
	}
	if t.Family == "t2" {
		t.Hypervisor, t.BootModes, t.NitroTPM = "xen", []string{"legacy-bios"}, false
		t.Network.ENA, t.EBS.NVMe, t.EBS.Optimized = "unsupported", "unsupported", "unsupported"
	}
}

// row reads columns of the table and keeps the first error.
type row struct {
	cols []string
	err  error
}

func (r *row) int(i int) int {
	if r.cols[i] == "-" {
		return 0
	}
	return r.atoi(r.cols[i])
}

func (r *row) atoi(s string) int {
	v, err := strconv.Atoi(s)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("read number %q: %w", s, err)
	}
	return v
}

func (r *row) float(i int) float64 {
	v, err := strconv.ParseFloat(r.cols[i], 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("read number %q: %w", r.cols[i], err)
	}
	return v
}

// runs reads a list of counts such as "1-4,8-16/4": 1 2 3 4 8 12 16.
func (r *row) runs(i int) []int {
	if r.cols[i] == "-" {
		return nil
	}
	var list []int
	for part := range strings.SplitSeq(r.cols[i], ",") {
		span, step, stepped := strings.Cut(part, "/")
		first, last, ranged := strings.Cut(span, "-")
		if !ranged {
			last = first
		}
		by := 1
		if stepped {
			by = r.atoi(step)
		}
		from, to := r.atoi(first), r.atoi(last)
		if r.err != nil || by < 1 {
			return nil
		}
		for v := from; v <= to; v += by {
			list = append(list, v)
		}
	}
	return list
}
