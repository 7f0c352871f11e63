// SPDX-License-Identifier: Apache-2.0

package instancetypes

import "slices"

// Accelerators of a host, as its boot probe found them.
const (
	KVM = "kvm"
	TCG = "tcg"
)

// Host is what decides which types a machine offers.
type Host struct {
	Accel     string // KVM or TCG
	CPU       CPU
	CPUs      int   // logical processors
	MemoryMiB int64 // physical memory

	// Families, when not empty, replaces the families that the CPU's generation stands for (the burstable ones stay). It is
	// for operators who know that their CPU is as good. Unknown families and those of another architecture offer nothing.
	Families []string
	// Schedulable, when not zero, is what the operator left for guests; otherwise Reserve's defaults hold.
	Schedulable Resources
	Ratios      Ratios // zero: DefaultRatios
}

// minVCPUs is how many virtual CPUs even a single-processor host may give to one guest: t3.micro, which half of all examples
// use, has two.
const minVCPUs = 2

// Offered are the types that the host can run when it is empty, sorted by name. Under TCG only burstable families are offered.
// A guest never gets more virtual CPUs than the host has processors (two at least): more would only make it slower.
func Offered(h Host) []Type {
	fams := h.families()
	free := h.Schedulable
	if free == (Resources{}) {
		free = Reserve(h.CPUs, h.MemoryMiB, Overrides{})
	}
	ratios := h.Ratios.orDefault()
	var offered []Type
	for _, t := range catalogue() {
		if !slices.Contains(fams, t.Family) || !t.Supports(h.CPU.Arch) || t.VCPUs > max(h.CPUs, minVCPUs) {
			continue
		}
		need := t.Charge(h.Accel, ratios)
		if need.MilliCPU <= free.MilliCPU && need.MemoryMiB <= free.MemoryMiB {
			offered = append(offered, t)
		}
	}
	return offered
}

func (h Host) families() []string {
	fams := h.CPU.burstFamilies()
	if h.Accel != KVM {
		return fams
	}
	if len(h.Families) > 0 {
		return append(fams, h.Families...)
	}
	return append(fams, generationFamilies[h.CPU.Generation()]...)
}

// IsFamily tells whether the catalogue has a family, for checking a configuration's list.
func IsFamily(name string) bool {
	_, ok := families[name]
	return ok
}
