// SPDX-License-Identifier: Apache-2.0

package images

import (
	"encoding/binary"
	"io"
	"strings"
)

// fat reads directories of a FAT12, FAT16 or FAT32 file system (Microsoft's FAT specification 1.03). It follows short names only,
// all that firmware's fallback loaders need, and bounds every loop: the file system comes from a stranger.
type fat struct {
	r           io.ReaderAt
	clusterSize int64
	fatAt       int64 // byte offset of the first table
	rootAt      int64 // FAT12/16: byte offset of the root directory
	rootSize    int64
	rootCluster uint32 // FAT32
	dataAt      int64
	clusters    uint32
	bits        int // 12, 16 or 32
}

const (
	fatDirEntry  = 32
	fatMaxDir    = 2 << 20 // bytes of a directory; the specification's limit
	fatAttrDir   = 0x10
	fatAttrLabel = 0x08 // also set in entries of long names
)

// listFAT lists the short names in a directory, given by its path; nothing when the directory does not exist or the file system
// makes no sense, for then there is no loader either.
func listFAT(r io.ReaderAt, path ...string) ([]string, error) {
	f, ok, err := openFAT(r)
	if err != nil || !ok {
		return nil, err
	}
	cluster, isRoot := f.rootCluster, true
	for _, name := range path {
		entries, err := f.entries(cluster, isRoot)
		if err != nil {
			return nil, err
		}
		found := false
		for _, e := range entries {
			if e.dir && strings.EqualFold(e.name, name) {
				cluster, isRoot, found = e.cluster, false, true
				break
			}
		}
		if !found {
			return nil, nil
		}
	}
	entries, err := f.entries(cluster, isRoot)
	var names []string
	for _, e := range entries {
		if !e.dir {
			names = append(names, e.name)
		}
	}
	return names, err
}

func openFAT(r io.ReaderAt) (*fat, bool, error) {
	h, err := readSome(r, 0, 512)
	if err != nil || len(h) < 512 || !hasBootSignature(h) {
		return nil, false, err
	}
	le := binary.LittleEndian
	sector, perCluster := int64(le.Uint16(h[11:])), int64(h[13])
	reserved, tables, rootEntries := int64(le.Uint16(h[14:])), int64(h[16]), int64(le.Uint16(h[17:]))
	total, tableSize := int64(le.Uint16(h[19:])), int64(le.Uint16(h[22:]))
	if total == 0 {
		total = int64(le.Uint32(h[32:]))
	}
	if tableSize == 0 {
		tableSize = int64(le.Uint32(h[36:]))
	}
	if sector < 512 || sector > 4096 || sector&(sector-1) != 0 || perCluster == 0 || perCluster&(perCluster-1) != 0 || tables == 0 || tables > 2 {
		return nil, false, nil
	}
	f := &fat{r: r, clusterSize: sector * perCluster, fatAt: reserved * sector, rootAt: (reserved + tables*tableSize) * sector, rootSize: rootEntries * fatDirEntry}
	f.dataAt = f.rootAt + (f.rootSize+sector-1)/sector*sector
	if total*sector <= f.dataAt {
		return nil, false, nil
	}
	f.clusters = uint32((total*sector - f.dataAt) / f.clusterSize)
	// The type is told by the number of clusters and by nothing else.
	switch {
	case f.clusters < 4085:
		f.bits = 12
	case f.clusters < 65525:
		f.bits = 16
	default:
		f.bits, f.rootCluster = 32, le.Uint32(h[44:])
	}
	return f, true, nil
}

type fatEntry struct {
	name    string
	dir     bool
	cluster uint32
}

// entries reads a directory.
func (f *fat) entries(cluster uint32, isRoot bool) ([]fatEntry, error) {
	var data []byte
	var err error
	if isRoot && f.bits != 32 {
		data, err = readSome(f.r, f.rootAt, int(min(f.rootSize, fatMaxDir)))
	} else {
		data, err = f.chain(cluster)
	}
	var list []fatEntry
	for ; err == nil && len(data) >= fatDirEntry && data[0] != 0; data = data[fatDirEntry:] {
		const deleted = 0xe5
		if data[0] == deleted || data[11]&fatAttrLabel != 0 {
			continue
		}
		name := strings.TrimRight(string(data[:8]), " ")
		if ext := strings.TrimRight(string(data[8:11]), " "); ext != "" {
			name += "." + ext
		}
		le := binary.LittleEndian
		list = append(list, fatEntry{name: name, dir: data[11]&fatAttrDir != 0, cluster: uint32(le.Uint16(data[20:]))<<16 | uint32(le.Uint16(data[26:]))})
	}
	return list, err
}

// chain reads the clusters of a directory, at most fatMaxDir bytes, which also ends a chain that bites its tail.
func (f *fat) chain(cluster uint32) ([]byte, error) {
	var data []byte
	for len(data) < fatMaxDir && cluster >= 2 && cluster < f.clusters+2 {
		part, err := readSome(f.r, f.dataAt+int64(cluster-2)*f.clusterSize, int(f.clusterSize))
		if err != nil || len(part) == 0 {
			return data, err
		}
		data = append(data, part...)
		if cluster, err = f.next(cluster); err != nil {
			return data, err
		}
	}
	return data, nil
}

// next looks a cluster's successor up; the marks of the end are above every cluster number.
func (f *fat) next(cluster uint32) (uint32, error) {
	at := int64(cluster) * int64(f.bits) / 8
	raw, err := readSome(f.r, f.fatAt+at, 4)
	if err != nil || len(raw) < 2 {
		return 0, err
	}
	v := uint32(binary.LittleEndian.Uint16(raw))
	switch {
	case f.bits == 12 && cluster%2 == 1:
		return v >> 4, nil
	case f.bits == 12:
		return v & 0xfff, nil
	case f.bits == 32 && len(raw) == 4:
		return binary.LittleEndian.Uint32(raw) & 0x0fffffff, nil
	}
	return v, nil
}
