// SPDX-License-Identifier: Apache-2.0

package nbd_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/nbd"
)

// tool runs a program of another project that speaks NBD; without it the test is skipped, except in CI.
func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed (packages libnbd-bin, qemu-utils, fio)", name)
		}
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return out
}

func uri(socket string) string { return "nbd+unix:///?socket=" + socket }

// sparseImage is a raw file with random data in random places.
func sparseImage(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.raw")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(size))
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		data := make([]byte, 1+r.IntN(300<<10))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		_, err := f.WriteAt(data, r.Int64N(size-int64(len(data))))
		must(t, err)
	}
	return path
}

func TestNbdinfo_SeesWhatIsOffered(t *testing.T) {
	t.Parallel()
	volumes(t, 10<<20, func(t *testing.T, v blockstore.Volume) {
		_, socket := start(t, nbd.Config{Name: "vol-1", Volume: v})
		var got struct {
			Protocol   string
			Structured bool
			Exports    []map[string]any
		}
		must(t, json.Unmarshal(tool(t, "nbdinfo", "--json", "--list", uri(socket)), &got))
		if got.Protocol != "newstyle-fixed" || len(got.Exports) != 1 {
			t.Fatalf("got %+v", got)
		}
		want := map[string]any{
			"export-name": "vol-1", "export-size": float64(10 << 20), "contexts": []any{"base:allocation"},
			"is_read_only": false, "can_cache": true, "can_df": true, "can_fast_zero": true, "can_flush": true, "can_fua": true,
			"can_multi_conn": true, "can_trim": true, "can_zero": true,
			"block_size_minimum": float64(1), "block_size_preferred": float64(4096), "block_size_maximum": float64(32 << 20),
		}
		have := map[string]any{}
		for k := range want {
			have[k] = got.Exports[0][k]
		}
		if d := cmp.Diff(want, have); d != "" {
			t.Fatal(d)
		}
	})
}

func TestNbdcopy_ImageInAndOutIsTheSame(t *testing.T) {
	t.Parallel()
	volumes(t, 64<<20, func(t *testing.T, v blockstore.Volume) {
		_, socket := start(t, nbd.Config{Volume: v})
		in, out := sparseImage(t, 64<<20), filepath.Join(t.TempDir(), "out.raw")
		tool(t, "nbdcopy", "--flush", in, uri(socket))
		tool(t, "nbdcopy", uri(socket), out)
		tool(t, "cmp", in, out)
		var st [2]int64
		for i, name := range []string{in, out} {
			st[i] = blocks(t, name)
		}
		if st[1] > 2*st[0] {
			t.Fatalf("copy takes %d blocks, image %d: holes were not told", st[1], st[0])
		}
	})
}

func blocks(t *testing.T, name string) int64 {
	t.Helper()
	out := strings.Fields(string(tool(t, "du", "--block-size=512", name)))
	var n int64
	must(t, json.Unmarshal([]byte(out[0]), &n))
	return n
}

func TestQemuImg_ConvertCompareAndMap(t *testing.T) {
	t.Parallel()
	volumes(t, 64<<20, func(t *testing.T, v blockstore.Volume) {
		_, socket := start(t, nbd.Config{Volume: v})
		in := sparseImage(t, 64<<20)
		tool(t, "qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", in, uri(socket))
		tool(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", in, uri(socket))
		var got []struct {
			Start, Length int64
			Zero, Data    bool
		}
		must(t, json.Unmarshal(tool(t, "qemu-img", "map", "-f", "raw", "--output=json", uri(socket)), &got))
		extents, err := v.Extents(t.Context(), 0, 64<<20)
		must(t, err)
		if len(got) != len(extents) || len(got) < 5 {
			t.Fatalf("qemu sees %d extents, the volume has %d", len(got), len(extents))
		}
		for i, e := range extents {
			if got[i].Start != e.Off || got[i].Length != e.Len || got[i].Data == e.Hole || got[i].Zero != e.Hole {
				t.Fatalf("extent %d: qemu sees %+v, the volume has %+v", i, got[i], e)
			}
		}
	})
}

func TestQemuIO_PatternsZeroesDiscards(t *testing.T) {
	t.Parallel()
	volumes(t, 64<<20, func(t *testing.T, v blockstore.Volume) {
		_, socket := start(t, nbd.Config{Volume: v})
		var args []string
		for _, c := range []string{
			"write -P 0x11 0 40M", "write -P 0x22 -f 1M 64k", "write -P 0x33 1000 1000", "flush",
			"read -P 0x11 0 1000", "read -P 0x33 1000 1000", "read -P 0x22 1M 64k", "read -P 0x11 2M 38M",
			"write -z 4M 1M", "write -z -u 5M 1M", "write -z -f 6M 64k", "discard 8M 1M",
			"read -P 0 4M 2M", "read -P 0 6M 64k", "read -P 0 8M 1M", "read -P 0x11 9M 1M", "read -P 0 40M 24M",
			"aio_write -P 0x44 10M 1M", "aio_write -P 0x55 12M 8M", "aio_flush", "read -P 0x44 10M 1M", "read -P 0x55 12M 8M",
		} {
			args = append(args, "-c", c)
		}
		out := tool(t, "qemu-io", append(args, "-f", "raw", "-d", "unmap", uri(socket))...)
		if s := string(out); strings.Contains(s, "failed") || strings.Contains(s, "error") {
			t.Fatal(s)
		}
	})
}

func TestFio_VerifiesWhatItWrote(t *testing.T) {
	t.Parallel()
	volumes(t, 32<<20, func(t *testing.T, v blockstore.Volume) {
		_, socket := start(t, nbd.Config{Volume: v})
		tool(t, "fio", "--name=v", "--ioengine=nbd", "--uri="+uri(socket), "--size=32M", "--rw=randrw", "--bsrange=512-128k",
			"--bs_unaligned", "--iodepth=32", "--verify=crc32c", "--verify_fatal=1", "--fsync=64", "--aux-path="+t.TempDir())
	})
}
