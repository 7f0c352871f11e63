// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func mustOpen(t *testing.T, cfg Config) *Log {
	t.Helper()
	l, err := New(cfg)
	if err == nil {
		err = l.Open()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func all(t *testing.T, l *Log, from, to time.Time) (out []string) {
	t.Helper()
	if err := l.Scan(from, to, func(r []byte) bool { out = append(out, string(r)); return true }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordsComeBack_NewestFirst_AfterReopen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, Config{Dir: dir})
	for i := range 3 {
		if err := l.Append(noon.Add(time.Duration(i)*time.Second), fmt.Appendf(nil, `{"n":%d}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(noon, []byte("{}")); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	// A process that died in the middle of a record leaves half a line.
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(names) != 1 {
		t.Fatalf("files %v, %v", names, err)
	}
	torn, err := os.OpenFile(names[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := torn.WriteString(`{"n":3,"half`); err != nil {
		t.Fatal(err)
	}
	torn.Close()
	l = mustOpen(t, Config{Dir: dir})
	if err := l.Append(noon.Add(4*time.Second), []byte(`{"n":4}`)); err != nil {
		t.Fatal(err)
	}
	if got, want := all(t, l, noon, noon.Add(time.Hour)), []string{`{"n":4}`, `{"n":2}`, `{"n":1}`, `{"n":0}`}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if info, err := os.Stat(names[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOldRecordsMakeRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, Config{Dir: dir, MaxBytes: filesMin * 2 * MaxRecord, Keep: 48 * time.Hour})
	record := []byte(`{"x":"` + strings.Repeat("y", MaxRecord-100) + `"}`)
	for i := range 100 {
		if err := l.Append(noon.Add(time.Duration(i)*time.Minute), record); err != nil {
			t.Fatal(err)
		}
	}
	var total int64
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		info, _ := e.Info()
		total += info.Size()
	}
	if total > filesMin*2*MaxRecord || total < filesMin*MaxRecord {
		t.Errorf("%d bytes are kept", total)
	}
	late := noon.Add(5 * 24 * time.Hour)
	if err := l.Append(late, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if got := all(t, l, noon, late); len(got) != 1 {
		t.Errorf("%d records are left after five days", len(got))
	}
}

func TestAppend_RefusesWhatCannotBeALine(t *testing.T) {
	t.Parallel()
	l := mustOpen(t, Config{Dir: t.TempDir()})
	for _, bad := range [][]byte{nil, []byte("a\nb"), bytes.Repeat([]byte("x"), MaxRecord+1)} {
		if err := l.Append(noon, bad); !errors.Is(err, ErrTooLong) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

func TestManyAppendWhileOthersRead(t *testing.T) {
	t.Parallel()
	l := mustOpen(t, Config{Dir: t.TempDir()})
	var wait sync.WaitGroup
	for w := range 4 {
		wait.Go(func() {
			for i := range 200 {
				if err := l.Append(noon, fmt.Appendf(nil, `{"w":%d,"i":%d}`, w, i)); err != nil {
					t.Error(err)
				}
			}
		})
		wait.Go(func() {
			for range 20 {
				if err := l.Scan(noon, noon, func(r []byte) bool {
					if r[0] != '{' || r[len(r)-1] != '}' {
						t.Errorf("torn record %q", r)
					}
					return true
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if got := all(t, l, noon, noon); len(got) != 800 {
		t.Errorf("%d records of 800", len(got))
	}
}
