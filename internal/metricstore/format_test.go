// SPDX-License-Identifier: Apache-2.0

package metricstore

import (
	"bytes"
	"encoding/binary"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden segment; never for a version that was released")

func checksum(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(nil, crc32.Checksum(b, castagnoli))
}

// golden is a segment with every kind of record.
func golden() []byte {
	b := appendHeader(nil, t0)
	b = appendSubject(b, 0, Subject{"111111111111", "instance", "i-0123456789abcdef0"})
	b = appendMetric(b, 0, "cpu")
	b = appendMetric(b, 1, "net_in")
	b = appendSample(b, 0, 60_000, []int{0, 1}, []Value{{"cpu", 12.5}, {"net_in", 1 << 40}})
	b = appendSubject(b, 1, Subject{"", "node", "n-1"})
	return appendSample(b, 1, -60_000, []int{0}, []Value{{"cpu", 0.25}})
}

// The golden segment is what version 1 wrote: it is read for ever, and written still.
func TestGoldenSegment(t *testing.T) {
	t.Parallel()
	name := filepath.Join("testdata", "v1.samples")
	if *rewrite {
		if err := os.WriteFile(name, golden(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden(), want) {
		t.Error("the format has changed; a new one needs a new version")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "0000000000000003"+suffix), want, 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, Config{Dir: dir})
	got, err := s.Points(t0, Subject{"111111111111", "instance", "i-0123456789abcdef0"}, "net_in", t0, t0.Add(time.Hour))
	if diff := cmp.Diff([]Point{{t0.Add(time.Minute), 1 << 40}}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	got, err = s.Points(t0, Subject{"", "node", "n-1"}, "cpu", t0.Add(-time.Hour), t0)
	if diff := cmp.Diff([]Point{{t0.Add(-time.Minute), 0.25}}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// FuzzSegment: whatever is in a file, loading it ends, and what was loaded can be read.
func FuzzSegment(f *testing.F) {
	f.Add(golden())
	f.Add(golden()[:60])
	f.Add(appendHeader(nil, t0))
	f.Add(frame(appendHeader(nil, t0), func(b []byte) []byte { return append(b, recordSample, 0, 0, 255, 255, 3) }))
	f.Fuzz(func(t *testing.T, content []byte) {
		start, _, err := readHeader(content)
		if err != nil {
			return
		}
		s := newSegment(nil, 0, start)
		s.load(content)
		if s.size > int64(len(content)) {
			t.Fatalf("%d bytes of %d", s.size, len(content))
		}
		for _, e := range s.subjects {
			for _, at := range e.offsets {
				body, _, err := unframe(content[at:])
				if err != nil {
					t.Fatal(err)
				}
				if r, err := readRecord(body); err != nil || r.kind != recordSample {
					t.Fatalf("offset %d: kind %d, %v", at, r.kind, err)
				}
			}
		}
	})
}

// FuzzRecord: bodies whose checksum is right are still not trusted.
func FuzzRecord(f *testing.F) {
	f.Add([]byte{recordSample, 0, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{recordSubject, 0, 1, 'a', 1, 'b', 1, 'c'})
	f.Add([]byte{recordMetric, 0, 200})
	f.Fuzz(func(t *testing.T, body []byte) {
		content := frame(appendHeader(nil, t0), func(b []byte) []byte { return append(b, body...) })
		s := newSegment(nil, 0, t0.UnixMilli())
		s.load(content)
		if len(body) > maxBody && s.size != headerBytes {
			t.Fatalf("a record of %d bytes was read", len(body))
		}
	})
}
