// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errNotDisk: the content is no known image format and does not look like a disk.
var errNotDisk = fmt.Errorf("%w: neither a known image format nor a disk with a partition table or file system; say --format raw if it is one", ErrUnsupported)

// refusedMagics are formats that people try and that are not taken, told by their first bytes.
var refusedMagics = []struct {
	offset int64
	magic  string
	what   string
}{
	{0, "QFI\xfb\x00\x00\x00\x01", "a qcow image of version 1; convert it to qcow2"},
	{0, "QED\x00", "a QED image; convert it to qcow2"},
	{0x40, "\x7f\x10\xda\xbe", "a VirtualBox VDI image; convert it to qcow2"},
	{0, "WithoutFreeSpace", "a Parallels image; convert it to qcow2"},
	{0, "WithouFreSpacExt", "a Parallels image; convert it to qcow2"},
	{0, "COWD", "a VMDK of an ESX host (COWD); export it as an OVA or streamOptimized VMDK"},
	{0, "# Disk DescriptorFile", "a VMDK descriptor that names other files; export a monolithicSparse or streamOptimized VMDK"},
	{0, "LUKS\xba\xbe", "encrypted (LUKS)"},
	{0, "PK\x03\x04", "a zip archive; extract the disk image"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive; extract the disk image"},
	{0, "BZh", "compressed with bzip2; decompress it first"},
	{0, "Rar!", "a rar archive; extract the disk image"},
	{257, "ustar", "a tar archive (an OVA is one); extract the disk image"},
	{0, "!<arch>\n", "a Debian package or ar archive"},
	{0, "\xed\xab\xee\xdb", "an RPM package"},
	{0, "MSWIM\x00\x00\x00", "a Windows WIM image"},
	{0, "\x7fELF", "an ELF program"},
	{0, "%PDF", "a PDF document"},
}

// Detect tells the format of an image by its content. Formats that are known and not taken, and files that are no disk image at
// all, are errors that say what the file is. It reads a few blocks and trusts nothing.
func Detect(r io.ReaderAt, size int64) (Format, error) {
	head, err := readSome(r, 0, 1024)
	if err != nil {
		return "", err
	}
	switch {
	case bytes.HasPrefix(head, []byte("QFI\xfb\x00\x00\x00\x02")), bytes.HasPrefix(head, []byte("QFI\xfb\x00\x00\x00\x03")):
		return FormatQCOW2, nil
	case bytes.HasPrefix(head, []byte("QFI\xfb")) && !bytes.HasPrefix(head, []byte("QFI\xfb\x00\x00\x00\x01")):
		return "", fmt.Errorf("%w: qcow2 of an unknown version", ErrUnsupported)
	case bytes.HasPrefix(head, []byte("KDMV")):
		return FormatVMDK, nil
	case bytes.HasPrefix(head, []byte("conectix")):
		return FormatVHD, nil
	case bytes.HasPrefix(head, []byte("vhdxfile")):
		return FormatVHDX, nil
	}
	for _, m := range refusedMagics {
		if got, err := readSome(r, m.offset, len(m.magic)); err != nil || string(got) == m.magic {
			return "", errors.Join(err, fmt.Errorf("%w: it is %s", ErrUnsupported, m.what))
		}
	}
	if isMarkup(head) {
		return "", fmt.Errorf("%w: it is a web page, not a disk image; check the URL", ErrUnsupported)
	}
	if fixed, err := isFixedVHD(r, size); err != nil || fixed {
		return FormatVHD, err
	}
	return detectRaw(r, head, size)
}

func isMarkup(head []byte) bool {
	text := bytes.ToLower(bytes.TrimLeft(head, " \t\r\n\xef\xbb\xbf"))
	for _, tag := range []string{"<!doctype", "<html", "<?xml", "<head"} {
		if bytes.HasPrefix(text, []byte(tag)) {
			return true
		}
	}
	return false
}

// isFixedVHD: a fixed VHD is a raw disk with a footer behind it, whose size field tells the footer's place.
func isFixedVHD(r io.ReaderAt, size int64) (bool, error) {
	if size < vhdFooterSize {
		return false, nil
	}
	foot, err := readSome(r, size-vhdFooterSize, vhdFooterSize)
	if err != nil || len(foot) < vhdFooterSize || !bytes.HasPrefix(foot, []byte("conectix")) {
		return false, err
	}
	return binary.BigEndian.Uint32(foot[60:]) == vhdFixed && binary.BigEndian.Uint64(foot[48:]) == uint64(size-vhdFooterSize), nil
}

// detectRaw: raw is what has a boot signature or a file system's mark.
func detectRaw(r io.ReaderAt, head []byte, size int64) (Format, error) {
	if len(head) >= 512 && head[510] == 0x55 && head[511] == 0xaa {
		return FormatRaw, nil
	}
	if fs, _ := detectFileSystem(r, 0, size); fs != "" {
		return FormatRaw, nil
	}
	for _, sector := range []int64{512, 4096} { // a partition table whose protective boot sector is missing
		if sig, err := readSome(r, sector, 8); err == nil && string(sig) == gptSignature {
			return FormatRaw, nil
		}
	}
	return "", errNotDisk
}

// readSome reads up to n bytes at an offset; fewer at the end of the file are no error.
func readSome(r io.ReaderAt, offset int64, n int) ([]byte, error) {
	if offset < 0 {
		return nil, nil
	}
	buf := make([]byte, n)
	got, err := r.ReadAt(buf, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read: %w", err)
	}
	return buf[:got], nil
}
