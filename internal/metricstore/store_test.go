// SPDX-License-Identifier: Apache-2.0

package metricstore

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/internal/vfs"
)

var t0 = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func mustOpen(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func guest(id string) Subject { return Subject{Account: "111111111111", Kind: "instance", ID: id} }

func sample(id string, at time.Time, cpu float64) Sample {
	return Sample{Subject: guest(id), At: at, Values: []Value{{"cpu", cpu}, {"net_in", 2 * cpu}}}
}

func mustAppend(t *testing.T, s *Store, now time.Time, samples ...Sample) {
	t.Helper()
	if err := s.Append(now, samples...); err != nil {
		t.Fatal(err)
	}
}

// cpus are the values of a guest's cpu over all time.
func cpus(t *testing.T, s *Store, now time.Time, id string) []float64 {
	t.Helper()
	points, err := s.Points(now, guest(id), "cpu", time.UnixMilli(0), now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, p := range points {
		out = append(out, p.Value)
	}
	return out
}

func TestPoints_AreOfTheSubjectTheMetricAndTheTime(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, Config{Dir: t.TempDir()})
	for i := range 5 {
		at := t0.Add(time.Duration(i) * time.Minute)
		mustAppend(t, s, at, sample("i-1", at, float64(i)), sample("i-2", at, 100))
	}
	got, err := s.Points(t0, guest("i-1"), "net_in", t0.Add(time.Minute), t0.Add(3*time.Minute))
	want := []Point{{t0.Add(time.Minute), 2}, {t0.Add(2 * time.Minute), 4}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	stranger := guest("i-1")
	stranger.Account = "222222222222"
	for _, q := range []struct {
		subject Subject
		metric  string
	}{{stranger, "cpu"}, {guest("i-3"), "cpu"}, {guest("i-1"), "unknown"}} {
		if got, err := s.Points(t0, q.subject, q.metric, t0, t0.Add(time.Hour)); err != nil || len(got) != 0 {
			t.Errorf("%v %s: got %v, %v", q.subject, q.metric, got, err)
		}
	}
}

// A clock that was set back leaves points in the order of time.
func TestPoints_ComeInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, Config{Dir: t.TempDir()})
	for i, minute := range []int{5, 3, -60, 4} {
		at := t0.Add(time.Duration(minute) * time.Minute)
		mustAppend(t, s, at, sample("i-1", at, float64(i)))
	}
	if got := cpus(t, s, t0, "i-1"); !cmp.Equal(got, []float64{2, 1, 3, 0}) {
		t.Errorf("got %v", got)
	}
}

func TestList_NamesSubjectsMetricsAndTheNewestMoment(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, Config{Dir: t.TempDir()})
	volume := Sample{Subject: Subject{"111111111111", "volume", "vol-1"}, At: t0, Values: []Value{{"ops", 1}}}
	mustAppend(t, s, t0, sample("i-2", t0, 1), volume, sample("i-1", t0, 1))
	later := t0.Add(7 * time.Hour) // another segment
	mustAppend(t, s, later, Sample{Subject: guest("i-1"), At: later, Values: []Value{{"disk", 1}}})
	got, err := s.List("111111111111", "instance", t0)
	want := []Series{{guest("i-1"), []string{"cpu", "disk", "net_in"}, later}, {guest("i-2"), []string{"cpu", "net_in"}, t0}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, _ := s.List("111111111111", "instance", later); len(got) != 1 || got[0].Subject.ID != "i-1" {
		t.Errorf("recent: %v", got)
	}
	if got, _ := s.List("222222222222", "instance", t0); len(got) != 0 {
		t.Errorf("another account sees %v", got)
	}
}

func TestRestart_KeepsSamplesAndGoesOnInTheSameSegment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 4 {
		s := mustOpen(t, Config{Dir: dir})
		at := t0.Add(time.Duration(i) * time.Minute)
		mustAppend(t, s, at, sample("i-1", at, float64(i)))
		// No Close for half of them: what was appended is in the file.
		if i%2 == 0 {
			s.Close()
		}
	}
	s := mustOpen(t, Config{Dir: dir})
	if got := cpus(t, s, t0, "i-1"); !cmp.Equal(got, []float64{0, 1, 2, 3}) {
		t.Errorf("got %v", got)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files, want 1", len(files))
	}
}

func TestRetention_OldSamplesGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Keep: 24 * time.Hour})
	for hour := range 100 {
		at := t0.Add(time.Duration(hour) * time.Hour)
		mustAppend(t, s, at, sample("i-1", at, float64(hour)))
	}
	now := t0.Add(99 * time.Hour)
	if got := cpus(t, s, now, "i-1"); len(got) != 25 || got[0] != 75 {
		t.Errorf("%d points from %v on, want 25 from 75 on", len(got), got[0])
	}
	if files, _ := os.ReadDir(dir); len(files) > 6 {
		t.Errorf("%d files are left of a day in segments of six hours", len(files))
	}
	// After a month without samples, nothing of the old is left.
	now = now.Add(30 * 24 * time.Hour)
	mustAppend(t, s, now, sample("i-2", now, 1))
	if files, _ := os.ReadDir(dir); len(files) != 1 || len(cpus(t, s, now, "i-1")) != 0 {
		t.Errorf("%d files are left after a month", len(files))
	}
}

func TestByteLimit_TheOldestMakeRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const limit = 1 << 20
	s := mustOpen(t, Config{Dir: dir, MaxBytes: limit})
	for i := range 1000 {
		at := t0.Add(time.Duration(i) * time.Minute)
		var batch []Sample
		for g := range 100 {
			batch = append(batch, sample(fmt.Sprintf("i-%d", g), at, float64(i)))
		}
		mustAppend(t, s, at, batch...)
		total := int64(0)
		files, _ := os.ReadDir(dir)
		for _, f := range files {
			info, err := f.Info()
			if err != nil {
				t.Fatal(err)
			}
			total += info.Size()
		}
		if total > limit {
			t.Fatalf("%d bytes after %d minutes", total, i)
		}
	}
	got := cpus(t, s, t0.Add(1000*time.Minute), "i-99")
	if len(got) < 100 || len(got) > 999 || got[len(got)-1] != 999 {
		t.Errorf("%d points are left", len(got))
	}
	bytes, subjects := s.Usage()
	if bytes == 0 || bytes > limit || subjects != 100 {
		t.Errorf("usage %d bytes, %d subjects", bytes, subjects)
	}
}

func TestSubjectLimit_KnownOnesGoOn(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, Config{Dir: t.TempDir(), MaxSubjects: 2, Keep: time.Hour})
	mustAppend(t, s, t0, sample("i-1", t0, 1), sample("i-2", t0, 1))
	at := t0.Add(time.Minute)
	if err := s.Append(at, sample("i-3", at, 1), sample("i-1", at, 2)); !errors.Is(err, ErrTooManySubjects) {
		t.Errorf("got %v", err)
	}
	if got := cpus(t, s, at, "i-1"); len(got) != 2 || len(cpus(t, s, at, "i-3")) != 0 {
		t.Errorf("got %v", got)
	}
	// Subjects whose samples are gone give their places back.
	at = t0.Add(3 * time.Hour)
	mustAppend(t, s, at, sample("i-3", at, 1), sample("i-4", at, 1))
}

func TestBadSamples_AreRefusedWhole(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, Config{Dir: t.TempDir()})
	long := strings.Repeat("x", maxText+1)
	nan := sample("i-1", t0, 1)
	nan.Values[0].Value /= 0 * nan.Values[0].Value
	for name, bad := range map[string]Sample{
		"no kind":      {Subject: Subject{ID: "i"}, At: t0, Values: []Value{{"m", 1}}},
		"no id":        {Subject: Subject{Kind: "k"}, At: t0, Values: []Value{{"m", 1}}},
		"no values":    {Subject: guest("i-1"), At: t0},
		"many values":  {Subject: guest("i-1"), At: t0, Values: make([]Value, maxValues+1)},
		"long id":      sample(long, t0, 1),
		"long metric":  {Subject: guest("i-1"), At: t0, Values: []Value{{long, 1}}},
		"no metric":    {Subject: guest("i-1"), At: t0, Values: []Value{{"", 1}}},
		"not a number": nan,
		"before 1970":  sample("i-1", time.Unix(-5, 0), 1),
	} {
		if err := s.Append(t0, sample("i-0", t0, 1), bad); err == nil {
			t.Errorf("%s: kept", name)
		}
	}
	if got := cpus(t, s, t0, "i-0"); len(got) != 0 {
		t.Errorf("a refused batch left %v", got)
	}
}

// A store that met more metrics than a segment has numbers for goes on in the next segment.
func TestManyMetrics_TakeMoreSegments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir})
	var batch []Sample
	for i := range 600 {
		batch = append(batch, Sample{Subject: guest("i-1"), At: t0, Values: []Value{{fmt.Sprintf("m%d", i), float64(i)}}})
	}
	mustAppend(t, s, t0, batch...)
	s.Close()
	s = mustOpen(t, Config{Dir: dir})
	for i := range 600 {
		got, err := s.Points(t0, guest("i-1"), fmt.Sprintf("m%d", i), t0, t0.Add(time.Second))
		if err != nil || len(got) != 1 || got[0].Value != float64(i) {
			t.Fatalf("m%d: %v, %v", i, got, err)
		}
	}
}

// The largest sample that check lets pass fits a record and is read back.
func TestLargestSample_IsReadBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir})
	subject := Subject{strings.Repeat("a", maxText), strings.Repeat("k", maxText), strings.Repeat("i", maxText)}
	big := Sample{Subject: subject, At: t0}
	for i := range maxValues {
		big.Values = append(big.Values, Value{fmt.Sprintf("%0*d", maxName, i), 1e300})
	}
	mustAppend(t, s, t0, big)
	s.Close()
	got, err := mustOpen(t, Config{Dir: dir}).Points(t0, subject, big.Values[maxValues-1].Metric, t0, t0.Add(time.Second))
	if err != nil || len(got) != 1 || got[0].Value != 1e300 {
		t.Errorf("got %v, %v", got, err)
	}
}

// Every value comes back as it was, whichever of its two forms it was written in.
func TestValues_ComeBackExactly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir})
	exact := []float64{0, 1, 127, 128, 0.1, -1, -0.5, 1 << 53, 1<<53 + 2, 1e300, math.SmallestNonzeroFloat64, math.Copysign(0, -1)}
	for i, v := range exact {
		at := t0.Add(time.Duration(i) * time.Minute)
		mustAppend(t, s, at, Sample{Subject: guest("i-1"), At: at, Values: []Value{{"cpu", v}}})
	}
	s.Close()
	got := cpus(t, mustOpen(t, Config{Dir: dir}), t0, "i-1")
	for i, v := range exact {
		if i >= len(got) || math.Float64bits(got[i]) != math.Float64bits(v) {
			t.Fatalf("got %v, want %v", got, exact)
		}
	}
}

func TestDamagedEnd_LeavesTheRest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir})
	for i := range 3 {
		at := t0.Add(time.Duration(i) * time.Minute)
		mustAppend(t, s, at, sample("i-1", at, float64(i)))
	}
	s.Close()
	name := filepath.Join(dir, fmt.Sprintf("%016x%s", 0, suffix))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(whole) - 1; cut >= 0; cut-- {
		if err := os.WriteFile(name, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, Config{Dir: dir})
		got := cpus(t, s, t0, "i-1")
		if len(got) > 2 || !cmp.Equal(got, []float64{0, 1, 2}[:len(got)]) && len(got) > 0 {
			t.Fatalf("cut at %d: %v", cut, got)
		}
		at := t0.Add(time.Hour)
		mustAppend(t, s, at, sample("i-1", at, 9))
		if again := cpus(t, s, at, "i-1"); len(again) != len(got)+1 || again[len(got)] != 9 {
			t.Fatalf("cut at %d: %v and then %v", cut, got, again)
		}
		s.Close()
		files, _ := os.ReadDir(dir)
		for _, f := range files {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNewerVersion_IsRefusedAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	header := appendHeader(nil, t0)
	header[8] = version + 1
	header = append(header[:headerBytes-4], checksum(header[:headerBytes-4])...)
	name := filepath.Join(dir, fmt.Sprintf("%016x%s", 7, suffix))
	if err := os.WriteFile(name, header, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(); err == nil || !strings.Contains(err.Error(), "format version 2") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}

func TestClosedStore_Refuses(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	_, points := s.Points(t0, guest("i"), "cpu", t0, t0)
	_, list := s.List("", "node", t0)
	for _, err := range []error{s.Append(t0, sample("i-1", t0, 1)), s.Sync(), points, list} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := New(Config{Dir: "x", MaxBytes: 5}); err == nil {
		t.Error("a store of five bytes")
	}
	if _, err := New(Config{FS: vfs.OS()}); err == nil {
		t.Error("a store without a directory")
	}
}
