// SPDX-License-Identifier: Apache-2.0

// Package accel decides how guests run on this node: by hardware virtualisation (KVM) or by QEMU's translator (TCG).
//
// A /dev/kvm that exists proves nothing: it may be forbidden to this user, or belong to a hypervisor that emulates every guest
// instruction and is hundreds of times slower than TCG. Therefore the decision is made by booting a ROM (probe.asm, committed
// assembled as probe.bin) that enters long mode and runs a loop: KVM is good when the ROM reports success within 1.5 seconds.
//
// Probe starts QEMU processes and waits for them; the package keeps no state and no goroutines.
package accel
