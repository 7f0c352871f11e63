// SPDX-License-Identifier: Apache-2.0

package images

import (
	"encoding/binary"
	"fmt"
	"io"
)

// validateHeader checks the header of an image in a format other than raw, before a converter sees it.
func validateHeader(r io.ReaderAt, size int64, format Format, maxSize int64) error {
	switch format {
	case FormatQCOW2:
		return validateQCOW2(r, size, maxSize)
	case FormatVMDK:
		return validateVMDK(r, size, maxSize)
	case FormatVHD:
		return validateVHD(r, size, maxSize)
	case FormatVHDX:
		return validateVHDX(r)
	}
	return fmt.Errorf("%w: format %s", ErrUnsupported, format)
}

func checkVirtualSize(size uint64, maxSize int64) error {
	if size == 0 {
		return fmt.Errorf("%w: the disk has no size", ErrCorrupt)
	}
	if size > uint64(maxSize) {
		return fmt.Errorf("%w: its disk has %d bytes, the limit is %d", ErrTooLarge, size, maxSize)
	}
	return nil
}

// qcow2 header fields and features (https://www.qemu.org/docs/master/interop/qcow2.html).
const (
	qcow2MinHeader       = 72
	qcow2HeaderV3        = 104
	qcow2MaxL1Entries    = 32 << 20 / 8 // QEMU's limit
	qcow2Corrupt         = 1 << 1
	qcow2ExternalData    = 1 << 2
	qcow2KnownFeatures   = 0x1f // dirty, corrupt, external data, compression type, extended L2
	qcow2ExtExternalData = 0x44415441
	qcow2ExtEncryption   = 0x0537be77
	qcow2MaxExtensions   = 64 << 10
)

func validateQCOW2(r io.ReaderAt, size, maxSize int64) error {
	h, err := readSome(r, 0, 512)
	if err != nil {
		return err
	}
	if len(h) < qcow2MinHeader {
		return fmt.Errorf("%w: qcow2 header is cut off", ErrCorrupt)
	}
	be := binary.BigEndian
	if be.Uint64(h[8:]) != 0 || be.Uint32(h[16:]) != 0 {
		return fmt.Errorf("%w: qcow2 with a backing file", ErrUnsafe)
	}
	if be.Uint32(h[32:]) != 0 {
		return fmt.Errorf("%w: qcow2 is encrypted", ErrUnsafe)
	}
	clusterBits := be.Uint32(h[20:])
	if clusterBits < 9 || clusterBits > 21 {
		return fmt.Errorf("%w: qcow2 cluster size is 2^%d", ErrCorrupt, clusterBits)
	}
	if err := checkVirtualSize(be.Uint64(h[24:]), maxSize); err != nil {
		return err
	}
	l1Size, l1Offset := be.Uint32(h[36:]), be.Uint64(h[40:])
	if l1Size > qcow2MaxL1Entries || l1Offset+uint64(l1Size)*8 > uint64(size) || l1Offset > uint64(size) {
		return fmt.Errorf("%w: qcow2 table of %d entries at %d does not fit a file of %d bytes; was the download cut off?", ErrCorrupt, l1Size, l1Offset, size)
	}
	headerLength := uint32(qcow2MinHeader)
	if be.Uint32(h[4:]) >= 3 {
		if headerLength, err = qcow2Features(h); err != nil {
			return err
		}
	}
	return qcow2Extensions(r, int64(headerLength), int64(1)<<clusterBits)
}

// qcow2Features checks the version 3 part of the header and returns the header's length.
func qcow2Features(h []byte) (uint32, error) {
	if len(h) < qcow2HeaderV3 {
		return 0, fmt.Errorf("%w: qcow2 header is cut off", ErrCorrupt)
	}
	be := binary.BigEndian
	features, length := be.Uint64(h[72:]), be.Uint32(h[100:])
	switch {
	case features&qcow2ExternalData != 0:
		return 0, fmt.Errorf("%w: qcow2 with an external data file", ErrUnsafe)
	case features&qcow2Corrupt != 0:
		return 0, fmt.Errorf("%w: qcow2 is marked corrupt; repair it with qemu-img check -r all", ErrCorrupt)
	case features&^qcow2KnownFeatures != 0:
		return 0, fmt.Errorf("%w: qcow2 features %#x", ErrUnsupported, features)
	case length < qcow2HeaderV3 || length%8 != 0 || length > 4096:
		return 0, fmt.Errorf("%w: qcow2 header of %d bytes", ErrCorrupt, length)
	case be.Uint32(h[96:]) > 6:
		return 0, fmt.Errorf("%w: qcow2 reference counts of 2^%d bits", ErrCorrupt, be.Uint32(h[96:]))
	}
	return length, nil
}

// qcow2Extensions walks the header extensions, which lie between the header and the end of the first cluster.
func qcow2Extensions(r io.ReaderAt, offset, end int64) error {
	end = min(end, offset+qcow2MaxExtensions)
	for offset+8 <= end {
		h, err := readSome(r, offset, 8)
		if err != nil {
			return err
		}
		if len(h) < 8 {
			return fmt.Errorf("%w: qcow2 header extensions are cut off", ErrCorrupt)
		}
		kind, length := binary.BigEndian.Uint32(h), int64(binary.BigEndian.Uint32(h[4:]))
		switch kind {
		case 0:
			return nil
		case qcow2ExtExternalData:
			return fmt.Errorf("%w: qcow2 with an external data file", ErrUnsafe)
		case qcow2ExtEncryption:
			return fmt.Errorf("%w: qcow2 is encrypted", ErrUnsafe)
		}
		offset += 8 + (length+7)/8*8
	}
	return nil
}

// VHD (https://learn.microsoft.com/en-us/windows/win32/vstor/about-vhd, Virtual Hard Disk Image Format Specification 1.0).
const (
	vhdFooterSize   = 512
	vhdFixed        = 2
	vhdDynamic      = 3
	vhdDifferencing = 4
)

func validateVHD(r io.ReaderAt, size, maxSize int64) error {
	foot, err := readSome(r, max(0, size-vhdFooterSize), vhdFooterSize)
	if err != nil {
		return err
	}
	if len(foot) < vhdFooterSize || string(foot[:8]) != "conectix" {
		return fmt.Errorf("%w: VHD has no footer at its end; was the download cut off?", ErrCorrupt)
	}
	if err := vhdChecksum(foot, 64, "footer"); err != nil {
		return err
	}
	be := binary.BigEndian
	current := be.Uint64(foot[48:])
	if err := checkVirtualSize(current, maxSize); err != nil {
		return err
	}
	switch kind := be.Uint32(foot[60:]); kind {
	case vhdFixed:
		if current > uint64(size-vhdFooterSize) {
			return fmt.Errorf("%w: VHD of %d bytes in a file of %d", ErrCorrupt, current, size)
		}
		return nil
	case vhdDynamic:
		return validateDynamicVHD(r, size, current, be.Uint64(foot[16:]))
	case vhdDifferencing:
		return fmt.Errorf("%w: VHD that needs a parent image", ErrUnsafe)
	default:
		return fmt.Errorf("%w: VHD of type %d", ErrUnsupported, kind)
	}
}

func validateDynamicVHD(r io.ReaderAt, size int64, current, headerAt uint64) error {
	const headerSize = 1024
	if headerAt > uint64(size) {
		return fmt.Errorf("%w: VHD header at %d in a file of %d bytes", ErrCorrupt, headerAt, size)
	}
	h, err := readSome(r, int64(headerAt), headerSize)
	if err != nil {
		return err
	}
	if len(h) < headerSize || string(h[:8]) != "cxsparse" {
		return fmt.Errorf("%w: VHD has no dynamic disk header", ErrCorrupt)
	}
	if err := vhdChecksum(h, 36, "header"); err != nil {
		return err
	}
	be := binary.BigEndian
	tableAt, entries, block := be.Uint64(h[16:]), uint64(be.Uint32(h[28:])), uint64(be.Uint32(h[32:]))
	if block < 512 || block&(block-1) != 0 || block > 256<<20 {
		return fmt.Errorf("%w: VHD blocks of %d bytes", ErrCorrupt, block)
	}
	if entries*block < current || tableAt > uint64(size) || tableAt+entries*4 > uint64(size) {
		return fmt.Errorf("%w: VHD block table of %d entries at %d does not fit", ErrCorrupt, entries, tableAt)
	}
	return nil
}

// vhdChecksum: the ones' complement of the sum of all bytes, the checksum's own left out.
func vhdChecksum(p []byte, at int, what string) error {
	var sum uint32
	for i, b := range p {
		if i < at || i >= at+4 {
			sum += uint32(b)
		}
	}
	if ^sum != binary.BigEndian.Uint32(p[at:]) {
		return fmt.Errorf("%w: VHD %s has a wrong checksum", ErrCorrupt, what)
	}
	return nil
}

// validateVHDX looks for the signatures that every VHDX has; sizes and parents are told by qemu-img, which refuses parents.
// (MS-VHDX section 2.1)
func validateVHDX(r io.ReaderAt) error {
	for _, s := range []struct {
		offsets []int64
		magic   string
	}{{[]int64{64 << 10, 128 << 10}, "head"}, {[]int64{192 << 10, 256 << 10}, "regi"}} {
		found := false
		for _, at := range s.offsets {
			got, err := readSome(r, at, 4)
			if err != nil {
				return err
			}
			found = found || string(got) == s.magic
		}
		if !found {
			return fmt.Errorf("%w: VHDX without %q section", ErrCorrupt, s.magic)
		}
	}
	return nil
}
