// SPDX-License-Identifier: Apache-2.0

package cloudinit

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
)

// The image, in sectors of 2048 bytes (ECMA-119; Joliet specification 1; SUSP 1.12 and RRIP 1.12 for Rock Ridge):
//
//	 0-15  system area, zero
//	16     primary volume descriptor (plain names, Rock Ridge entries in its directory)
//	17     supplementary volume descriptor (Joliet: UCS-2 names)
//	18     terminator
//	19,20  path table of the primary tree, little and big endian
//	21,22  path table of the Joliet tree, little and big endian
//	23     root directory of the primary tree
//	24     root directory of the Joliet tree
//	25     Rock Ridge's extension record, which the root directory points to
//	26-    the files, each from a sector's start
//	       150 sectors of zeros, as every ISO writer appends
//
// The padding is not for drives that read ahead, its old reason, but for busybox: its findfs probes a list of file systems whose
// superblocks lie up to 64 KiB and more into the disk, and gives up a disk that ends before one of them.
// One flat directory of a few files fits a sector, which is all this writer can do and all a seed needs. All times are zero or
// the epoch, so that equal files give equal bytes.
const (
	sector        = 2048
	primarySector = 16
	jolietSector  = 17
	endSector     = 18
	primaryPathL  = 19
	primaryPathM  = 20
	jolietPathL   = 21
	jolietPathM   = 22
	primaryRoot   = 23
	jolietRoot    = 24
	extensionArea = 25
	firstFile     = 26
	padding       = 150
)

type file struct {
	name string // lower-case ASCII, at most 30 bytes
	data []byte
}

// extent is where a file lies.
type extent struct {
	file
	sector uint32
}

// writeISO lays out the files under the label.
func writeISO(label string, files []file) []byte {
	var extents []extent
	next := uint32(firstFile)
	for _, f := range files {
		extents = append(extents, extent{f, next})
		next += uint32((len(f.data) + sector - 1) / sector)
	}
	next += padding
	img := make([]byte, int(next)*sector)
	at := func(n uint32) []byte { return img[int(n)*sector : int(n+1)*sector] }

	putDescriptor(at(primarySector), 1, padded(label, 32), next, primaryPathL, primaryPathM, primaryRoot)
	putDescriptor(at(jolietSector), 2, ucs2Padded(label, 32), next, jolietPathL, jolietPathM, jolietRoot)
	copy(at(jolietSector)[88:], "%/E") // escape sequence: UCS-2 level 3
	copy(at(endSector), "\xffCD001\x01")

	putPathTables(at(primaryPathL), at(primaryPathM), primaryRoot)
	putPathTables(at(jolietPathL), at(jolietPathM), jolietRoot)

	extension := extensionRecord()
	copy(at(extensionArea), extension)
	putDirectory(at(primaryRoot), primaryEntries(extents, len(extension)))
	putDirectory(at(jolietRoot), jolietEntries(extents))
	for _, e := range extents {
		copy(img[int(e.sector)*sector:], e.data)
	}
	return img
}

// putDescriptor writes a primary (1) or supplementary (2) volume descriptor, ECMA-119 8.4 and 8.5.
func putDescriptor(b []byte, kind byte, label []byte, sectors, pathL, pathM, root uint32) {
	b[0] = kind
	copy(b[1:], "CD001\x01")
	blank := byte(' ')
	if kind == 2 {
		blank = 0
	}
	fill(b[8:40], blank) // system identifier
	copy(b[40:72], label)
	putBoth32(b[80:], sectors)
	putBoth16(b[120:], 1) // volumes in the set
	putBoth16(b[124:], 1) // this one's number
	putBoth16(b[128:], sector)
	putBoth32(b[132:], 10) // path table size: one entry, the root
	binary.LittleEndian.PutUint32(b[140:], pathL)
	binary.BigEndian.PutUint32(b[148:], pathM)
	copy(b[156:], directoryRecord([]byte{0}, root, sector, true, nil))
	fill(b[190:813], blank) // volume set, publisher, preparer, application and file identifiers
	for _, when := range []int{813, 830, 847, 864} {
		copy(b[when:], "0000000000000000\x00") // created, modified, expires, effective: not specified
	}
	b[881] = 1 // file structure version
}

// putPathTables writes the one entry of a flat tree, ECMA-119 9.4.
func putPathTables(l, m []byte, root uint32) {
	l[0], m[0] = 1, 1 // length of the root's name
	binary.LittleEndian.PutUint32(l[2:], root)
	binary.BigEndian.PutUint32(m[2:], root)
	binary.LittleEndian.PutUint16(l[6:], 1) // its parent is itself
	binary.BigEndian.PutUint16(m[6:], 1)
}

func putDirectory(b []byte, records [][]byte) {
	for _, r := range records {
		b = b[copy(b, r):]
	}
}

// primaryEntries are ".", ".." and the files in the order of their plain names, with Rock Ridge entries.
func primaryEntries(extents []extent, extensionLen int) [][]byte {
	root := posixAttributes(0o040555, 2)
	dot := slices.Concat(susp("SP", 0xbe, 0xef, 0), root, continuation(extensionLen))
	records := [][]byte{
		directoryRecord([]byte{0}, primaryRoot, sector, true, dot),
		directoryRecord([]byte{1}, primaryRoot, sector, true, root),
	}
	sorted := slices.SortedFunc(slices.Values(extents), func(a, b extent) int { return strings.Compare(plainName(a.name), plainName(b.name)) })
	for _, e := range sorted {
		su := slices.Concat(posixAttributes(0o100444, 1), susp("NM", append([]byte{0}, e.name...)...))
		records = append(records, directoryRecord([]byte(plainName(e.name)), e.sector, uint32(len(e.data)), false, su))
	}
	return records
}

func jolietEntries(extents []extent) [][]byte {
	records := [][]byte{
		directoryRecord([]byte{0}, jolietRoot, sector, true, nil),
		directoryRecord([]byte{1}, jolietRoot, sector, true, nil),
	}
	sorted := slices.SortedFunc(slices.Values(extents), func(a, b extent) int { return strings.Compare(a.name, b.name) })
	for _, e := range sorted {
		records = append(records, directoryRecord(ucs2(e.name), e.sector, uint32(len(e.data)), false, nil))
	}
	return records
}

// directoryRecord is ECMA-119 9.1, followed by the system use area.
func directoryRecord(name []byte, start, size uint32, dir bool, systemUse []byte) []byte {
	n := 33 + len(name)
	n += n % 2
	r := make([]byte, n, n+len(systemUse)+1)
	r = append(r, systemUse...)
	if len(r)%2 == 1 {
		r = append(r, 0)
	}
	r[0] = byte(len(r))
	putBoth32(r[2:], start)
	putBoth32(r[10:], size)
	copy(r[18:], epoch)
	if dir {
		r[25] = 2
	}
	putBoth16(r[28:], 1) // volume sequence number
	r[32] = byte(len(name))
	copy(r[33:], name)
	return r
}

// epoch is 1970-01-01 00:00:00 UTC in the seven bytes of ECMA-119 9.1.5.
var epoch = []byte{70, 1, 1, 0, 0, 0, 0}

// susp is one system use entry: two letters, length, version 1, data.
func susp(kind string, data ...byte) []byte {
	return append([]byte{kind[0], kind[1], byte(4 + len(data)), 1}, data...)
}

// posixAttributes is Rock Ridge's PX entry, owned by root.
func posixAttributes(mode, links uint32) []byte {
	b := make([]byte, 32)
	putBoth32(b, mode)
	putBoth32(b[8:], links)
	return susp("PX", b...) // user and group stay 0
}

// continuation is SUSP's CE entry: the rest of the system use area lies in the extension sector.
func continuation(length int) []byte {
	b := make([]byte, 24)
	putBoth32(b, extensionArea)
	putBoth32(b[16:], uint32(length))
	return susp("CE", b...)
}

// extensionRecord is SUSP's ER entry: it announces Rock Ridge.
func extensionRecord() []byte {
	const (
		id     = "RRIP_1991A"
		text   = "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS"
		source = "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION."
	)
	return susp("ER", append([]byte{byte(len(id)), byte(len(text)), byte(len(source)), 1}, id+text+source...)...)
}

// plainName is a legal ISO 9660 level 1 name for readers without extensions: META_DAT.;1.
func plainName(name string) string {
	upper := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	return upper[:min(len(upper), 8)] + ".;1"
}

func padded(s string, n int) []byte {
	b := make([]byte, n)
	fill(b[copy(b, s):], ' ')
	return b
}

func ucs2Padded(s string, n int) []byte {
	b := make([]byte, n)
	copy(b, ucs2(s))
	for i := 2 * len(s); i+1 < n; i += 2 {
		b[i+1] = ' '
	}
	return b
}

func ucs2(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// putBoth32 writes ECMA-119's both-byte order: little endian, then big endian.
func putBoth32(b []byte, v uint32) {
	binary.LittleEndian.PutUint32(b, v)
	binary.BigEndian.PutUint32(b[4:], v)
}

func putBoth16(b []byte, v uint16) {
	binary.LittleEndian.PutUint16(b, v)
	binary.BigEndian.PutUint16(b[2:], v)
}
