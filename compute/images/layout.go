// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Layout is what can be told about a disk by reading its first and some chosen blocks.
type Layout struct {
	Table      string // gpt, mbr or none (a file system on the whole disk, or nothing known)
	Partitions []Partition
	BootModes  []string // as EC2 names them: legacy-bios, uefi; empty when nothing bootable was found
	Arch       string   // x86_64, arm64 or "" when it cannot be told
	Root       *Partition
}

// Partition is a part of the disk. Number 0 is the whole disk.
type Partition struct {
	Number     int
	Start      int64  // bytes
	Size       int64  // bytes
	Type       string // GPT: the type's GUID in lower case; MBR: two hexadecimal digits
	Name       string // GPT only
	FileSystem string // ext2, ext4, xfs, btrfs, vfat, lvm, swap or ""
	Label      string
	Last       bool // nothing lies behind it, so it can grow with the disk
	biosBoot   bool // the flag or type by which BIOS loaders find it
}

// Boot modes as EC2 names them.
const (
	BootBIOS = "legacy-bios"
	BootUEFI = "uefi"
)

// Types of partitions that mean something here (UEFI, and the discoverable partitions specification).
const (
	typeESP       = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
	typeBIOSBoot  = "21686148-6449-6e6f-744e-656564454649"
	typeRootX8664 = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
	typeRootARM64 = "b921b045-1df0-41c3-af44-4c6f280d3fae"
	mbrTypeESP    = "ef"
)

const (
	archX8664 = "x86_64"
	archARM64 = "arm64"
)

// Inspect reads a raw disk of a size in bytes. A disk that says of itself that it is longer than it is (a download that was cut
// off), one with a damaged partition table, and one of 4096-byte sectors are errors: they could not boot.
func Inspect(r io.ReaderAt, size int64) (Layout, error) {
	boot, err := readSome(r, 0, 512)
	if err != nil {
		return Layout{}, err
	}
	l := Layout{Table: "none"}
	if err := l.readTable(r, boot, size); err != nil {
		return Layout{}, err
	}
	if err := l.look(r, size); err != nil {
		return Layout{}, err
	}
	uefiArch, err := l.uefiLoader(r)
	if err != nil {
		return Layout{}, err
	}
	l.conclude(boot, uefiArch)
	return l, nil
}

// readTable reads the partition table, if there is one. A file system on the whole disk has its own boot sector, whose code may
// look like a table; therefore it is looked for before the MBR.
func (l *Layout) readTable(r io.ReaderAt, boot []byte, size int64) error {
	parts, isGPT, err := readGPT(r, size)
	if err != nil {
		return err
	}
	if isGPT {
		l.Table, l.Partitions = "gpt", parts
		return nil
	}
	whole, err := detectFileSystem(r, 0, size)
	if err != nil || whole != "" || !hasBootSignature(boot) {
		return err
	}
	if l.Partitions, err = readMBR(boot, size); len(l.Partitions) > 0 {
		l.Table = "mbr"
	}
	return err
}

// look finds the file systems, the root, and which partition is the last.
func (l *Layout) look(r io.ReaderAt, size int64) error {
	var end int64
	for i := range l.Partitions {
		p := &l.Partitions[i]
		var err error
		if p.FileSystem, err = detectFileSystem(r, p.Start, p.Size); err != nil {
			return err
		}
		if p.Label, err = fileSystemLabel(r, p.Start, p.FileSystem); err != nil {
			return err
		}
		end = max(end, p.Start+p.Size)
	}
	for i := range l.Partitions {
		l.Partitions[i].Last = l.Partitions[i].Start+l.Partitions[i].Size == end
	}
	if l.Table == "none" {
		return l.lookWhole(r, size)
	}
	l.Root = l.findRoot()
	return nil
}

// lookWhole handles a disk without a partition table, as Alpine's BIOS images are.
func (l *Layout) lookWhole(r io.ReaderAt, size int64) error {
	fs, err := detectFileSystem(r, 0, size)
	if err != nil || fs == "" {
		return err
	}
	label, err := fileSystemLabel(r, 0, fs)
	if err != nil {
		return err
	}
	l.Root = &Partition{Size: size, FileSystem: fs, Label: label, Last: true}
	return nil
}

// findRoot: the partition whose type says so, else the largest with a file system that roots have.
func (l *Layout) findRoot() *Partition {
	var candidates []*Partition
	for i := range l.Partitions {
		p := &l.Partitions[i]
		if p.Type == typeRootX8664 || p.Type == typeRootARM64 {
			return p
		}
		if slices.Contains([]string{"ext2", "ext4", "xfs", "btrfs", "lvm"}, p.FileSystem) {
			candidates = append(candidates, p)
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	return slices.MaxFunc(candidates, func(a, b *Partition) int { return cmp.Compare(a.Size, b.Size) })
}

// uefiLoader looks on the EFI system partitions for the loader that firmware starts on a disk it has not seen before, and returns
// the architecture it is for.
func (l *Layout) uefiLoader(r io.ReaderAt) (string, error) {
	for _, p := range l.Partitions {
		if p.Type != typeESP && p.Type != mbrTypeESP && p.FileSystem != "vfat" {
			continue
		}
		names, err := listFAT(io.NewSectionReader(r, p.Start, p.Size), "EFI", "BOOT")
		if err != nil {
			return "", err
		}
		for _, n := range names {
			switch strings.ToUpper(n) {
			case "BOOTX64.EFI":
				return archX8664, nil
			case "BOOTAA64.EFI":
				return archARM64, nil
			}
		}
	}
	return "", nil
}

// conclude derives boot modes and architecture.
func (l *Layout) conclude(boot []byte, uefiArch string) {
	l.Arch = uefiArch
	if l.Arch == "" && l.Root != nil {
		switch l.Root.Type {
		case typeRootX8664:
			l.Arch = archX8664
		case typeRootARM64:
			l.Arch = archARM64
		}
	}
	if l.Arch != archARM64 && l.biosBootable(boot) {
		l.BootModes, l.Arch = append(l.BootModes, BootBIOS), archX8664
	}
	if uefiArch != "" {
		l.BootModes = append(l.BootModes, BootUEFI)
	}
}

// biosBootable: there is boot code, and something that it can load the rest from.
func (l *Layout) biosBootable(boot []byte) bool {
	const codeSize = 440
	if !hasBootSignature(boot) || bytes.Equal(boot[:codeSize], make([]byte, codeSize)) {
		return false
	}
	switch l.Table {
	case "gpt":
		return slices.ContainsFunc(l.Partitions, func(p Partition) bool { return p.biosBoot })
	case "mbr":
		return true
	}
	return l.Root != nil // a loader in the boot block of the file system
}

func hasBootSignature(boot []byte) bool {
	return len(boot) == 512 && boot[510] == 0x55 && boot[511] == 0xaa
}

// beyond is the error of a partition that ends behind the disk.
func beyond(number int, end, size int64) error {
	return fmt.Errorf("%w: partition %d ends at byte %d, the disk has %d; was the download cut off?", ErrCorrupt, number, end, size)
}
