// SPDX-License-Identifier: Apache-2.0

// Package qemu knows QEMU 7.2: it turns a Spec, pure data, into a command line (Args) and speaks to a running one (Monitor).
//
// Args is pure: equal specs give equal arguments, pinned by golden files in testdata. It refuses every value that it cannot
// prove harmless, because QEMU's option strings give a meaning to commas and equal signs: ids and names must match narrow
// patterns, paths are escaped, block devices are passed as JSON.
//
// The machine a guest sees is part of the contract with its operating system and with later migration, so nothing is left to
// QEMU's defaults or to the order of options: the machine type is pinned and every PCI device has its address. Disks and
// interfaces sit on one PCI bridge, whose 31 places are hot-pluggable by ACPI (Slot 0-29; docs/adr/0029 tells why not PCI
// Express ports), the seed on its last one, so that it never takes a device name away from a volume.
//
// Every disk is virtio-blk over a throttle filter over an NBD client: the filter is there even when nothing is limited, as the
// place where limits change and where the volume's connection is swapped on resize.
//
// The package starts no process and has no goroutines; see compute/guard for who does. Start reading at Spec in spec.go.
package qemu
