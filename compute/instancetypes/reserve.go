// SPDX-License-Identifier: Apache-2.0

package instancetypes

// Resources is an amount of a host's capacity. It converts to the region state's type of the same shape.
type Resources struct {
	MilliCPU  int64 // thousandths of a physical CPU
	MemoryMiB int64
}

// Overrides are the operator's wishes about a host's reservation; zero values mean the defaults.
type Overrides struct {
	ReservedMilliCPU  *int64 // instead of the computed share
	ReservedMemoryMiB *int64 // instead of the computed share; CacheMiB is still added
	CacheMiB          int64  // what the block and object stores may use for caches, on top of the reservation
}

// Reserve is what guests may take of a host with so many logical processors and so much memory: the total less what the host,
// the control plane and storage keep.
//
// CPU: one processor or a tenth, whichever is more; above 16 processors two and a twentieth; of a single processor, half.
// Memory: 1 GiB or a tenth, whichever is more, and the caches. Never negative.
func Reserve(totalCPUs int, totalMemMiB int64, o Overrides) Resources {
	cpu := int64(totalCPUs) * 1000
	reservedCPU := max(1000, cpu/10)
	switch {
	case totalCPUs <= 1:
		reservedCPU = cpu / 2
	case totalCPUs > 16:
		reservedCPU = 2000 + cpu/20
	}
	if o.ReservedMilliCPU != nil {
		reservedCPU = *o.ReservedMilliCPU
	}
	reservedMem := max(1024, totalMemMiB/10)
	if o.ReservedMemoryMiB != nil {
		reservedMem = *o.ReservedMemoryMiB
	}
	return Resources{
		MilliCPU:  max(0, cpu-reservedCPU),
		MemoryMiB: max(0, totalMemMiB-reservedMem-o.CacheMiB),
	}
}

// Ratios are how many virtual CPUs share one physical processor.
type Ratios struct {
	Burstable int // t families
	Fixed     int // all others
}

// DefaultRatios: burstable guests have a baseline of 5 to 40 % of a CPU, so four share one; the others own theirs.
var DefaultRatios = Ratios{Burstable: 4, Fixed: 1}

func (r Ratios) orDefault() Ratios {
	if r.Burstable <= 0 {
		r.Burstable = DefaultRatios.Burstable
	}
	if r.Fixed <= 0 {
		r.Fixed = DefaultRatios.Fixed
	}
	return r
}

// Overhead is the memory in MiB that the hypervisor of one guest takes beside the guest's own: measured 80 to 200 under TCG with
// a 128 MiB translation buffer, which the machine's command line must set; under KVM there is none.
func Overhead(accel string) int64 {
	if accel == KVM {
		return 100
	}
	return 200
}

// Charge is what an instance of the type takes of a host. Memory is never overcommitted. Zero ratios mean the defaults.
func (t Type) Charge(accel string, ratios Ratios) Resources {
	ratios = ratios.orDefault()
	ratio := ratios.Fixed
	if t.Burstable {
		ratio = ratios.Burstable
	}
	return Resources{
		MilliCPU:  (int64(t.VCPUs)*1000 + int64(ratio) - 1) / int64(ratio),
		MemoryMiB: t.MemoryMiB + Overhead(accel),
	}
}
