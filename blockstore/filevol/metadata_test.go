// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/blockstore"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew; a released format must never need it")

var (
	goldenVolume = volumeMeta{
		SizeBytes: 16 << 30, CreatedBytes: 8 << 30, Epoch: 7,
		ID: "vol-0123456789abcdef0", Origin: "snap-0123456789abcdef0",
	}
	goldenSnapshot = snapshotMeta{SizeBytes: 8 << 30, SHA256: [32]byte{1, 2, 3, 31: 0xff}, ID: "snap-0123456789abcdef0"}
)

func golden(t *testing.T, name string, encoded []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, encoded, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, encoded) {
		t.Fatalf("encoding changed:\ngot  %x\nwant %x", encoded, data)
	}
	return data
}

func TestMetadata_GoldenFilesReadAndWriteTheSame(t *testing.T) {
	t.Parallel()
	volume, err := decodeVolumeMeta(golden(t, "volume.v1.bin", goldenVolume.encode()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(goldenVolume, volume); d != "" {
		t.Fatal(d)
	}
	snapshot, err := decodeSnapshotMeta(golden(t, "snapshot.v1.bin", goldenSnapshot.encode()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(goldenSnapshot, snapshot); d != "" {
		t.Fatal(d)
	}
}

func TestMetadata_EveryFlippedBitIsNoticed(t *testing.T) {
	t.Parallel()
	data := goldenVolume.encode()
	for bit := range len(data) * 8 {
		bad := bytes.Clone(data)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeVolumeMeta(bad); !errors.Is(err, blockstore.ErrCorrupt) {
			t.Fatalf("bit %d: %v, want ErrCorrupt", bit, err)
		}
	}
	for n := range data {
		if _, err := decodeVolumeMeta(data[:n]); !errors.Is(err, blockstore.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v, want ErrCorrupt", n, err)
		}
	}
}

// reseal makes the checksum right again after a change.
func reseal(data []byte) []byte {
	split := len(data) - trailerBytes
	binary.LittleEndian.PutUint32(data[split:], crc32.Checksum(data[:split], castagnoli))
	return data
}

func TestMetadata_ImpossibleValuesAreRefused(t *testing.T) {
	t.Parallel()
	good := goldenVolume
	for name, change := range map[string]func(*volumeMeta){
		"no size":              func(m *volumeMeta) { m.SizeBytes = 0 },
		"odd size":             func(m *volumeMeta) { m.SizeBytes++ },
		"too large":            func(m *volumeMeta) { m.SizeBytes = 32 << 40 },
		"smaller than created": func(m *volumeMeta) { m.SizeBytes = 4096 },
		"failed in the future": func(m *volumeMeta) { m.FailedEpoch = 8 },
		"no id":                func(m *volumeMeta) { m.ID = "" },
		"path as id":           func(m *volumeMeta) { m.ID = "a/b" },
		"dotted origin":        func(m *volumeMeta) { m.Origin = ".." },
	} {
		bad := good
		change(&bad)
		if _, err := decodeVolumeMeta(bad.encode()); !errors.Is(err, blockstore.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	newer := good.encode()
	newer[8] = 2
	if _, err := decodeVolumeMeta(reseal(newer)); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("newer version: %v, want its number", err)
	}
	if _, err := decodeVolumeMeta(goldenSnapshot.encode()); !errors.Is(err, blockstore.ErrCorrupt) {
		t.Errorf("snapshot as volume: %v", err)
	}
}

func FuzzDecodeMetadata(f *testing.F) {
	f.Add(goldenVolume.encode(), false)
	f.Add(goldenSnapshot.encode(), true)
	f.Add([]byte(volumeMagic), false)
	f.Fuzz(func(t *testing.T, data []byte, fix bool) {
		if fix && len(data) >= headerBytes+trailerBytes {
			binary.LittleEndian.PutUint32(data[12:], uint32(len(data)))
			data = reseal(data) // let the fuzzer past the checksum
		}
		if m, err := decodeVolumeMeta(data); err == nil && !bytes.Equal(m.encode(), data) {
			t.Fatalf("volume %+v encodes differently than it was read", m)
		}
		if m, err := decodeSnapshotMeta(data); err == nil && !bytes.Equal(m.encode(), data) {
			t.Fatalf("snapshot %+v encodes differently than it was read", m)
		}
	})
}
