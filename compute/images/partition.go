// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"unicode/utf16"
)

const (
	sectorSize   = 512
	gptSignature = "EFI PART"
	gptHeader    = 92   // bytes
	gptEntries   = 1024 // at most; 128 is usual
)

// readGPT reads a GUID partition table (UEFI specification, chapter 5), the backup at the end when the first is damaged. isGPT
// is false when the disk has none.
func readGPT(r io.ReaderAt, size int64) (parts []Partition, isGPT bool, err error) {
	primary, present, err := gptAt(r, sectorSize, size)
	if err == nil && present {
		return primary, true, nil
	}
	if err != nil && present {
		backup, ok, berr := gptAt(r, size/sectorSize*sectorSize-sectorSize, size)
		if berr == nil && ok {
			return backup, true, nil
		}
		return nil, true, err
	}
	if err != nil {
		return nil, false, err
	}
	sig, err := readSome(r, 4096, len(gptSignature))
	if err == nil && string(sig) == gptSignature {
		err = fmt.Errorf("%w: a disk of 4096-byte sectors; volumes have 512", ErrUnsupported)
	}
	return nil, false, err
}

// gptAt reads the table whose header is at an offset. present tells whether there is a signature at all.
func gptAt(r io.ReaderAt, offset, size int64) (parts []Partition, present bool, err error) {
	h, err := readSome(r, offset, sectorSize)
	if err != nil || len(h) < gptHeader || string(h[:8]) != gptSignature {
		return nil, false, err
	}
	le := binary.LittleEndian
	length := le.Uint32(h[12:])
	if length < gptHeader || length > uint32(len(h)) {
		return nil, true, fmt.Errorf("%w: partition table header of %d bytes", ErrCorrupt, length)
	}
	sum := le.Uint32(h[16:])
	clear(h[16:20])
	if crc32.ChecksumIEEE(h[:length]) != sum {
		return nil, true, fmt.Errorf("%w: partition table header has a wrong checksum", ErrCorrupt)
	}
	tableAt, count, entrySize := le.Uint64(h[72:]), le.Uint32(h[80:]), le.Uint32(h[84:])
	if count > gptEntries || entrySize < 128 || entrySize > 4096 || tableAt > uint64(size)/sectorSize {
		return nil, true, fmt.Errorf("%w: partition table of %d entries of %d bytes at sector %d", ErrCorrupt, count, entrySize, tableAt)
	}
	table, err := readSome(r, int64(tableAt)*sectorSize, int(count*entrySize))
	if err != nil {
		return nil, true, err
	}
	if len(table) < int(count*entrySize) || crc32.ChecksumIEEE(table) != le.Uint32(h[88:]) {
		return nil, true, fmt.Errorf("%w: partition table has a wrong checksum", ErrCorrupt)
	}
	for i := range int(count) {
		p, used, err := gptEntry(table[i*int(entrySize):], i+1, size)
		if err != nil {
			return nil, true, err
		}
		if used {
			parts = append(parts, p)
		}
	}
	return parts, true, nil
}

func gptEntry(e []byte, number int, size int64) (p Partition, used bool, err error) {
	if bytes.Equal(e[:16], make([]byte, 16)) {
		return Partition{}, false, nil
	}
	le := binary.LittleEndian
	first, last := le.Uint64(e[32:]), le.Uint64(e[40:])
	if first > last || last >= 1<<53 {
		return Partition{}, false, fmt.Errorf("%w: partition %d goes from sector %d to %d", ErrCorrupt, number, first, last)
	}
	p = Partition{
		Number: number, Start: int64(first) * sectorSize, Size: int64(last-first+1) * sectorSize, Type: guid(e[:16]), Name: utf16Name(e[56:128]),
	}
	const legacyBootable = 1 << 2
	p.biosBoot = p.Type == typeBIOSBoot || le.Uint64(e[48:])&legacyBootable != 0
	if p.Start+p.Size > size {
		return Partition{}, false, beyond(number, p.Start+p.Size, size)
	}
	return p, true, nil
}

// guid formats a GUID as it is stored on disk: three little-endian fields, then bytes.
func guid(b []byte) string {
	le := binary.LittleEndian
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
}

func utf16Name(b []byte) string {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u := binary.LittleEndian.Uint16(b[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return printable(string(utf16.Decode(units)))
}

// printable drops what would garble a terminal: names come from strangers.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, s)
}

// readMBR reads the four primary partitions. Logical ones are not looked at: no image for a cloud has any. A boot sector that is
// a file system's own, with nonsense where the table would be, counts as no table.
func readMBR(boot []byte, size int64) ([]Partition, error) {
	var parts []Partition
	le := binary.LittleEndian
	for i := range 4 {
		e := boot[446+16*i:][:16]
		start, count := int64(le.Uint32(e[8:])), int64(le.Uint32(e[12:]))
		if e[0]&0x7f != 0 { // neither active nor inactive: not a partition table
			return nil, nil
		}
		if e[4] == 0 || count == 0 {
			continue
		}
		p := Partition{Number: i + 1, Start: start * sectorSize, Size: count * sectorSize, Type: fmt.Sprintf("%02x", e[4])}
		if e[4] == 0xee {
			return nil, fmt.Errorf("%w: the boot sector announces a GUID partition table, and there is none", ErrCorrupt)
		}
		if p.Start+p.Size > size {
			return nil, beyond(p.Number, p.Start+p.Size, size)
		}
		parts = append(parts, p)
	}
	return parts, nil
}
