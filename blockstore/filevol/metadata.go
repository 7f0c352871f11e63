// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/hivecloud/hive/blockstore"
)

// The formats are in FORMAT.md. Golden files under testdata hold them fixed.
const (
	volumeMagic   = "HVVOLUME"
	snapshotMagic = "HVSNAPSH"
	formatVersion = 1

	headerBytes  = 16
	trailerBytes = 4
	// maxMetadataBytes bounds what is read of a metadata file before it is checked.
	maxMetadataBytes = 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// volumeMeta is the metadata of a volume.
type volumeMeta struct {
	SizeBytes    int64  // current length
	CreatedBytes int64  // length asked for at creation, to tell a repeated creation from a conflicting one
	Epoch        uint64 // the highest under which it was opened; 0: never
	FailedEpoch  uint64 // the epoch in which a flush was lost; 0: never
	ID           string
	Origin       string // the snapshot it was made from, or empty
}

// snapshotMeta is the metadata of a snapshot.
type snapshotMeta struct {
	SizeBytes int64
	SHA256    [32]byte // of the content, all SizeBytes
	ID        string
}

func (m volumeMeta) encode() []byte {
	var body []byte
	body = binary.LittleEndian.AppendUint64(body, uint64(m.SizeBytes))
	body = binary.LittleEndian.AppendUint64(body, uint64(m.CreatedBytes))
	body = binary.LittleEndian.AppendUint64(body, m.Epoch)
	body = binary.LittleEndian.AppendUint64(body, m.FailedEpoch)
	body = appendString(body, m.ID)
	body = appendString(body, m.Origin)
	return seal(volumeMagic, body)
}

func (m snapshotMeta) encode() []byte {
	body := binary.LittleEndian.AppendUint64(nil, uint64(m.SizeBytes))
	body = append(body, m.SHA256[:]...)
	body = appendString(body, m.ID)
	return seal(snapshotMagic, body)
}

func decodeVolumeMeta(data []byte) (volumeMeta, error) {
	body, err := unseal(volumeMagic, data)
	if err != nil {
		return volumeMeta{}, err
	}
	r := reader{rest: body}
	m := volumeMeta{
		SizeBytes:    int64(r.uint64()),
		CreatedBytes: int64(r.uint64()),
		Epoch:        r.uint64(),
		FailedEpoch:  r.uint64(),
		ID:           r.string(),
		Origin:       r.string(),
	}
	if err := r.end(); err != nil {
		return volumeMeta{}, err
	}
	switch {
	case checkSize(m.SizeBytes) != nil || checkSize(m.CreatedBytes) != nil || m.SizeBytes < m.CreatedBytes:
		return volumeMeta{}, corrupt("sizes %d and %d", m.SizeBytes, m.CreatedBytes)
	case m.FailedEpoch > m.Epoch:
		return volumeMeta{}, corrupt("failed epoch %d after epoch %d", m.FailedEpoch, m.Epoch)
	case checkID(m.ID) != nil || (m.Origin != "" && checkID(m.Origin) != nil):
		return volumeMeta{}, corrupt("ids %q and %q", m.ID, m.Origin)
	}
	return m, nil
}

func decodeSnapshotMeta(data []byte) (snapshotMeta, error) {
	body, err := unseal(snapshotMagic, data)
	if err != nil {
		return snapshotMeta{}, err
	}
	r := reader{rest: body}
	m := snapshotMeta{SizeBytes: int64(r.uint64())}
	copy(m.SHA256[:], r.bytes(len(m.SHA256)))
	m.ID = r.string()
	if err := r.end(); err != nil {
		return snapshotMeta{}, err
	}
	if checkSize(m.SizeBytes) != nil || checkID(m.ID) != nil {
		return snapshotMeta{}, corrupt("size %d, id %q", m.SizeBytes, m.ID)
	}
	return m, nil
}

// seal puts the header before a body and the checksum behind it.
func seal(magic string, body []byte) []byte {
	total := headerBytes + len(body) + trailerBytes
	out := make([]byte, 0, total)
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint32(out, formatVersion)
	out = binary.LittleEndian.AppendUint32(out, uint32(total))
	out = append(out, body...)
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// unseal checks header and checksum and returns the body.
func unseal(magic string, data []byte) ([]byte, error) {
	if len(data) < headerBytes+trailerBytes {
		return nil, corrupt("%d bytes", len(data))
	}
	if got := string(data[:8]); got != magic {
		return nil, corrupt("magic %q, want %q", got, magic)
	}
	// The checksum comes before the version: a flipped bit must not be taken for a newer release.
	split := len(data) - trailerBytes
	if got, want := binary.LittleEndian.Uint32(data[split:]), crc32.Checksum(data[:split], castagnoli); got != want {
		return nil, corrupt("checksum %08x, want %08x", got, want)
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v != formatVersion {
		return nil, fmt.Errorf("metadata format %d, this release knows %d: %w", v, formatVersion, blockstore.ErrInvalid)
	}
	if n := binary.LittleEndian.Uint32(data[12:]); int64(n) != int64(len(data)) {
		return nil, corrupt("length %d in a file of %d bytes", n, len(data))
	}
	return data[headerBytes:split], nil
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("metadata: "+format+": %w", append(args, blockstore.ErrCorrupt)...)
}

// appendString writes a length byte and the text; ids are at most 64 bytes long.
func appendString(b []byte, s string) []byte {
	return append(append(b, byte(len(s))), s...)
}

// reader takes a body apart; the first piece that is missing makes end fail.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) bytes(n int) []byte {
	if len(r.rest) < n {
		r.short, r.rest = true, nil
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }
func (r *reader) string() string { return string(r.bytes(int(r.bytes(1)[0]))) }

func (r *reader) end() error {
	if r.short {
		return corrupt("ends too early")
	}
	if len(r.rest) != 0 {
		return corrupt("%d bytes too many", len(r.rest))
	}
	return nil
}
