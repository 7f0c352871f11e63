// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// VMDK sparse extents (VMware Virtual Disk Format 5.0). Two create types have everything in one file; the others are
// descriptors that name further files, which is how an image would read the host's.
const (
	vmdkHeaderSize    = 512
	vmdkMaxDescriptor = 1 << 20
	vmdkSector        = 512
	vmdkFooterAt      = 1536       // from the end: marker, footer header, end marker
	vmdkGDAtEnd       = ^uint64(0) // the grain directory's place is told by the footer
	vmdkCheckBytes    = "\n \r\n"  // broken by transfers in text mode
	vmdkNoParent      = "ffffffff" // parentCID
	vmdkMaxGrain      = 64 << 20 / vmdkSector
)

type vmdkHeader struct {
	version, gteCount    uint32
	capacity, grain      uint64 // sectors
	descOffset, descSize uint64 // sectors
	grainDirectory       uint64
	check                string
}

func parseVMDKHeader(h []byte) (vmdkHeader, error) {
	if len(h) < vmdkHeaderSize || string(h[:4]) != "KDMV" {
		return vmdkHeader{}, fmt.Errorf("%w: VMDK header is missing or cut off", ErrCorrupt)
	}
	le := binary.LittleEndian
	return vmdkHeader{
		version: le.Uint32(h[4:]), capacity: le.Uint64(h[12:]), grain: le.Uint64(h[20:]), descOffset: le.Uint64(h[28:]),
		descSize: le.Uint64(h[36:]), gteCount: le.Uint32(h[44:]), grainDirectory: le.Uint64(h[56:]), check: string(h[73:77]),
	}, nil
}

func validateVMDK(r io.ReaderAt, size, maxSize int64) error {
	raw, err := readSome(r, 0, vmdkHeaderSize)
	if err != nil {
		return err
	}
	h, err := parseVMDKHeader(raw)
	if err != nil {
		return err
	}
	if err := h.validate(size, maxSize); err != nil {
		return err
	}
	if err := validateDescriptor(r, h, size); err != nil {
		return err
	}
	if h.grainDirectory != vmdkGDAtEnd {
		return nil
	}
	// The reader will believe the footer's copy of the header, so that one is checked as well.
	raw, err = readSome(r, max(0, size-vmdkFooterAt+vmdkSector), vmdkHeaderSize)
	if err != nil {
		return err
	}
	footer, err := parseVMDKHeader(raw)
	if err != nil {
		return fmt.Errorf("footer: %w; was the download cut off?", err)
	}
	if err := footer.validate(size, maxSize); err != nil {
		return fmt.Errorf("footer: %w", err)
	}
	if footer.descOffset != 0 {
		return validateDescriptor(r, footer, size)
	}
	return nil
}

func (h vmdkHeader) validate(size, maxSize int64) error {
	switch {
	case h.version < 1 || h.version > 3:
		return fmt.Errorf("%w: VMDK version %d", ErrUnsupported, h.version)
	case h.check != vmdkCheckBytes:
		return fmt.Errorf("%w: VMDK was damaged by a transfer in text mode", ErrCorrupt)
	case h.capacity == 0: // readers then look for a descriptor that names other files
		return fmt.Errorf("%w: VMDK that only describes other files", ErrUnsafe)
	case h.capacity > uint64(maxSize)/vmdkSector:
		return fmt.Errorf("%w: its disk has %d sectors, the limit is %d bytes", ErrTooLarge, h.capacity, maxSize)
	case h.grain == 0 || h.grain&(h.grain-1) != 0 || h.grain > vmdkMaxGrain || h.gteCount == 0 || h.gteCount > 512:
		return fmt.Errorf("%w: VMDK grains of %d sectors, %d to a table", ErrCorrupt, h.grain, h.gteCount)
	case h.grainDirectory != vmdkGDAtEnd && h.grainDirectory > uint64(size)/vmdkSector:
		return fmt.Errorf("%w: VMDK tables are behind the end of the file; was the download cut off?", ErrCorrupt)
	}
	return nil
}

// validateDescriptor reads the embedded descriptor: it must describe this file alone.
func validateDescriptor(r io.ReaderAt, h vmdkHeader, size int64) error {
	if h.descOffset == 0 || h.descSize == 0 || h.descSize > vmdkMaxDescriptor/vmdkSector || h.descOffset > uint64(size)/vmdkSector {
		return fmt.Errorf("%w: VMDK without an embedded descriptor", ErrUnsupported)
	}
	text, err := readSome(r, int64(h.descOffset)*vmdkSector, int(h.descSize)*vmdkSector)
	if err != nil {
		return err
	}
	text, _, _ = bytes.Cut(text, []byte{0})
	return checkDescriptor(string(text))
}

// checkDescriptor checks the text of a descriptor: lines of key=value, and one line for each extent.
func checkDescriptor(text string) error {
	extents, createType := 0, ""
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		key, value, assigned := strings.Cut(line, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.Trim(strings.TrimSpace(value), `"`)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case assigned && key == "createtype":
			createType = value
		case assigned && key == "parentcid" && !strings.EqualFold(value, vmdkNoParent), key == "parentfilenamehint":
			return fmt.Errorf("%w: VMDK that needs a parent image", ErrUnsafe)
		case !assigned || strings.HasPrefix(key, "rw ") || strings.HasPrefix(key, "rdonly ") || strings.HasPrefix(key, "noaccess "):
			fields := strings.Fields(line)
			if len(fields) < 4 || !strings.EqualFold(fields[2], "SPARSE") {
				return fmt.Errorf("%w: VMDK with an extent %q in another file", ErrUnsafe, line)
			}
			extents++
		}
	}
	if createType != "monolithicSparse" && createType != "streamOptimized" {
		return fmt.Errorf("%w: VMDK of type %q; export a monolithicSparse or streamOptimized one", ErrUnsupported, createType)
	}
	if extents != 1 {
		return fmt.Errorf("%w: VMDK with %d extents", ErrUnsafe, extents)
	}
	return nil
}
