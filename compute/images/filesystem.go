// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
)

// detectFileSystem names what lies at an offset: ext2 (also ext3), ext4, xfs, btrfs, lvm, swap, vfat, or "".
func detectFileSystem(r io.ReaderAt, start, size int64) (string, error) {
	head, err := readSome(r, start, int(min(size, 4096)))
	if err != nil {
		return "", err
	}
	switch {
	case len(head) < 2048:
		return "", nil
	case head[1080] == 0x53 && head[1081] == 0xef:
		const extents = 0x40
		if binary.LittleEndian.Uint32(head[1024+96:])&extents != 0 {
			return "ext4", nil
		}
		return "ext2", nil
	case string(head[:4]) == "XFSB":
		return "xfs", nil
	case string(head[512:520]) == "LABELONE", string(head[:8]) == "LABELONE":
		return "lvm", nil
	case len(head) == 4096 && string(head[4086:4096]) == "SWAPSPACE2":
		return "swap", nil
	case isFAT(head):
		return "vfat", nil
	}
	if size > btrfsMagicAt+8 {
		magic, err := readSome(r, start+btrfsMagicAt, 8)
		if err != nil || string(magic) == "_BHRfS_M" {
			return "btrfs", err
		}
	}
	return "", nil
}

const btrfsMagicAt = 64<<10 + 64

// isFAT: a jump, and one of the type texts where the two header layouts have them.
func isFAT(head []byte) bool {
	return (head[0] == 0xeb || head[0] == 0xe9) && hasBootSignature(head[:512]) &&
		(bytes.HasPrefix(head[54:], []byte("FAT")) || bytes.HasPrefix(head[82:], []byte("FAT32")))
}

// fileSystemLabel reads the label of a file system that detectFileSystem found.
func fileSystemLabel(r io.ReaderAt, start int64, fs string) (string, error) {
	var at int64
	var n int
	switch fs {
	case "ext2", "ext4":
		at, n = 1024+120, 16
	case "xfs":
		at, n = 108, 12
	case "btrfs":
		at, n = 64<<10+299, 256
	case "vfat":
		return fatLabel(r, start)
	default:
		return "", nil
	}
	raw, err := readSome(r, start+at, n)
	if err != nil {
		return "", err
	}
	text, _, _ := bytes.Cut(raw, []byte{0})
	return printable(strings.ToValidUTF8(string(text), "")), nil
}

func fatLabel(r io.ReaderAt, start int64) (string, error) {
	head, err := readSome(r, start, 512)
	if err != nil || len(head) < 512 {
		return "", err
	}
	at := 43
	if bytes.HasPrefix(head[82:], []byte("FAT32")) {
		at = 71
	}
	return printable(strings.ToValidUTF8(strings.TrimRight(string(head[at:at+11]), " "), "")), nil
}
