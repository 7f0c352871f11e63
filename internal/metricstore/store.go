// SPDX-License-Identifier: Apache-2.0

package metricstore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/internal/vfs"
)

const (
	suffix      = ".samples"
	segmentSpan = 6 * time.Hour // a segment takes samples for so long, so that old ones go in good time
	segmentsMin = 16            // the byte limit holds so many full segments

	// maxSampleBytes is what a sample can take at most: its subject, as many metrics as it has values, and itself. Names
	// of metrics are short, so this is far more than what one takes.
	maxSampleBytes = 4 * (frameBytes + maxBody)
)

var (
	// ErrClosed says that the store is not open.
	ErrClosed = errors.New("metric store is closed")
	// ErrTooManySubjects says that samples of new subjects were left out, because the limit is reached.
	ErrTooManySubjects = errors.New("too many subjects in the metric store")
)

// Config says where a store is and how much it keeps.
type Config struct {
	FS  vfs.FS // default: the real one
	Dir string // the store's own directory
	// Keep is how long samples are kept. Default 15 days.
	Keep time.Duration
	// MaxBytes bounds the files; the oldest samples make room. Default 256 MiB, at least 1 MiB.
	MaxBytes int64
	// MaxSubjects bounds the subjects with samples; samples of others are refused. Default 20,000.
	MaxSubjects int
	Logger      hclog.Logger
}

// Store keeps samples.
type Store struct {
	cfg Config
	log hclog.Logger

	mu       sync.RWMutex
	open     bool
	segments []*segment // by sequence; the last one may be active
	active   bool       // the last segment takes more samples
	next     uint64
	dirty    bool             // the active segment has what was not synced
	subjects map[Subject]bool // of all segments; nil when it has to be gathered
}

// New checks the configuration. It does no I/O.
func New(cfg Config) (*Store, error) {
	if cfg.Dir == "" {
		return nil, errors.New("metric store: no directory")
	}
	cfg.FS = cmp.Or[vfs.FS](cfg.FS, vfs.OS())
	cfg.Keep = cmp.Or(cfg.Keep, 15*24*time.Hour)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, 256<<20)
	cfg.MaxSubjects = cmp.Or(cfg.MaxSubjects, 20_000)
	if cfg.MaxBytes < 1<<20 || cfg.MaxBytes/segmentsMin > 1<<31 || cfg.Keep < 0 || cfg.MaxSubjects < 0 {
		return nil, fmt.Errorf("metric store: limits of %d bytes, %s and %d subjects make no sense", cfg.MaxBytes, cfg.Keep, cfg.MaxSubjects)
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	return &Store{cfg: cfg, log: cfg.Logger.Named("metricstore")}, nil
}

// Open reads the segments and builds the index.
func (s *Store) Open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := vfs.MkdirAllDurable(s.cfg.FS, s.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("make metric store: %w", err)
	}
	entries, err := s.cfg.FS.ReadDir(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("list metric store: %w", err)
	}
	for _, e := range entries {
		sequence, ok := sequenceOf(e.Name())
		if !ok {
			continue
		}
		s.next = max(s.next, sequence+1)
		seg, err := s.load(sequence)
		if err != nil {
			return errors.Join(err, s.closeAll())
		}
		if seg != nil {
			s.segments = append(s.segments, seg)
		}
	}
	slices.SortFunc(s.segments, func(a, b *segment) int { return cmp.Compare(a.sequence, b.sequence) })
	s.open = true
	return s.resume()
}

func sequenceOf(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

func (s *Store) path(sequence uint64) string {
	return filepath.Join(s.cfg.Dir, fmt.Sprintf("%016x%s", sequence, suffix))
}

// load opens one segment. A file whose header did not reach the disk holds nothing and is removed: nil.
func (s *Store) load(sequence uint64) (*segment, error) {
	name := s.path(sequence)
	content, err := vfs.ReadFile(s.cfg.FS, name, s.cfg.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	start, v, err := readHeader(content)
	if err != nil {
		s.log.Warn("a segment without a header is removed", "file", name, "bytes", len(content))
		if err := s.cfg.FS.Remove(name); err != nil {
			return nil, fmt.Errorf("remove damaged segment: %w", err)
		}
		return nil, nil
	}
	if v != version {
		return nil, fmt.Errorf("read samples: %s has format version %d, this program reads version %d", name, v, version)
	}
	file, err := s.cfg.FS.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open samples: %w", err)
	}
	seg := newSegment(file, sequence, start)
	seg.load(content)
	if lost := int64(len(content)) - seg.size; lost > 0 {
		s.log.Warn("the end of a segment is damaged and left out", "file", name, "bytes", lost)
	}
	return seg, nil
}

// resume makes the newest segment take samples again, without the damaged end it may have. A node that restarts often
// would fill its store with small segments otherwise.
func (s *Store) resume() error {
	if len(s.segments) == 0 {
		return nil
	}
	last := s.segments[len(s.segments)-1]
	err := last.file.Truncate(last.size)
	if err == nil {
		// Records of the damaged end must not come back behind new ones.
		err = last.file.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cut damaged end: %w", err), s.closeAll())
	}
	s.active = true
	return nil
}

func (s *Store) closeAll() error {
	var errs []error
	for _, seg := range s.segments {
		errs = append(errs, seg.file.Close())
	}
	s.segments, s.open, s.active, s.subjects = nil, false, false, nil
	return errors.Join(errs...)
}

// Close syncs and closes the store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil
	}
	return errors.Join(s.sync(), s.closeAll())
}

// Append keeps samples. When the subjects are too many it keeps those of known ones and returns ErrTooManySubjects.
// A sample that the format cannot hold refuses all.
func (s *Store) Append(now time.Time, samples ...Sample) error {
	for _, sample := range samples {
		if err := sample.check(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return ErrClosed
	}
	if err := s.forget(now); err != nil {
		return err
	}
	kept, refused := s.admit(samples)
	for len(kept) > 0 {
		if err := s.roll(now, kept[0]); err != nil {
			return err
		}
		seg := s.segments[len(s.segments)-1]
		n := s.share(seg, kept)
		s.dirty = true
		if err := seg.write(kept[:n]); err != nil {
			s.seal()
			return err
		}
		kept = kept[n:]
	}
	if refused > 0 {
		return fmt.Errorf("%d samples left out: %w", refused, ErrTooManySubjects)
	}
	return nil
}

// admit leaves out the samples of subjects that would be too many.
func (s *Store) admit(samples []Sample) (kept []Sample, refused int) {
	known := s.known()
	for _, sample := range samples {
		if !known[sample.Subject] && len(known) >= s.cfg.MaxSubjects {
			refused++
			continue
		}
		known[sample.Subject] = true
		kept = append(kept, sample)
	}
	return kept, refused
}

// known are the subjects of all segments. The caller holds the lock for writing.
func (s *Store) known() map[Subject]bool {
	if s.subjects == nil {
		s.subjects = map[Subject]bool{}
		for _, seg := range s.segments {
			for _, e := range seg.subjects {
				s.subjects[e.subject] = true
			}
		}
	}
	return s.subjects
}

// share is how many of the samples go into a segment: as many as it has bytes and numbers for, but at least the first.
func (s *Store) share(seg *segment, samples []Sample) int {
	room := max(1, int((s.segmentBytes()-seg.size)/maxSampleBytes))
	names := maps.Clone(seg.names)
	for n, sample := range samples[:min(room, len(samples))] {
		for _, v := range sample.Values {
			names[v.Metric] = 0
		}
		if len(names) > maxMetrics {
			return max(1, n)
		}
	}
	return min(room, len(samples))
}

func (s *Store) segmentBytes() int64 { return s.cfg.MaxBytes / segmentsMin }

// roll sees to it that the last segment can take a sample.
func (s *Store) roll(now time.Time, sample Sample) error {
	if s.active {
		seg := s.segments[len(s.segments)-1]
		// A start in the future is a clock that was set back.
		age := now.UnixMilli() - seg.start
		if seg.size < s.segmentBytes()-maxSampleBytes && age >= 0 && age < segmentSpan.Milliseconds() && seg.fits(sample) {
			return nil
		}
		if err := s.sync(); err != nil {
			s.log.Warn("a full segment could not be synced", "error", err)
		}
		s.seal()
	}
	if err := s.makeRoom(); err != nil {
		return err
	}
	return s.create(now)
}

// seal ends the active segment. What was not synced stays so: a second sync after an error would prove nothing.
func (s *Store) seal() { s.active, s.dirty = false, false }

func (s *Store) create(now time.Time) error {
	name := s.path(s.next)
	file, err := s.cfg.FS.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create segment: %w", err)
	}
	s.next++
	_, err = file.WriteAt(appendHeader(nil, now), 0)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = s.cfg.FS.SyncDir(s.cfg.Dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("begin segment: %w", err), file.Close(), s.cfg.FS.Remove(name))
	}
	s.segments, s.active, s.dirty = append(s.segments, newSegment(file, s.next-1, now.UnixMilli())), true, false
	return nil
}

// forget deletes the segments whose samples are all too old. The active one may be among them, after a long stop.
func (s *Store) forget(now time.Time) error {
	horizon := now.Add(-s.cfg.Keep).UnixMilli()
	for len(s.segments) > 0 && s.segments[0].newest < horizon {
		if err := s.drop(); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom deletes the oldest segments until one more full one fits.
func (s *Store) makeRoom() error {
	for s.bytes() > s.cfg.MaxBytes-s.segmentBytes() && len(s.segments) > 0 {
		if err := s.drop(); err != nil {
			return err
		}
	}
	return nil
}

// drop deletes the oldest segment.
func (s *Store) drop() error {
	seg := s.segments[0]
	s.subjects = nil
	if err := s.cfg.FS.Remove(s.path(seg.sequence)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove old samples: %w", err)
	}
	if s.segments = s.segments[1:]; len(s.segments) == 0 {
		s.seal()
	}
	return seg.file.Close()
}

func (s *Store) bytes() int64 {
	n := int64(0)
	for _, seg := range s.segments {
		n += seg.size
	}
	return n
}

// Sync makes what was appended survive a power cut.
func (s *Store) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return ErrClosed
	}
	return s.sync()
}

func (s *Store) sync() error {
	if !s.active || !s.dirty {
		return nil
	}
	if err := s.segments[len(s.segments)-1].file.Datasync(); err != nil {
		s.seal() // the next samples go to a file whose state is known
		return fmt.Errorf("sync samples: %w", err)
	}
	s.dirty = false
	return nil
}

// Points are the points of a subject's metric from one moment to before another, in the order of time. Those that are
// too old at now are left out, whether their segment is deleted already or not.
func (s *Store) Points(now time.Time, subject Subject, metric string, from, to time.Time) ([]Point, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.open {
		return nil, ErrClosed
	}
	first := max(from.UnixMilli(), now.Add(-s.cfg.Keep).UnixMilli())
	var out []Point
	for _, seg := range s.segments {
		var err error
		if out, err = seg.points(out, subject, metric, first, to.UnixMilli()); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b Point) int { return a.At.Compare(b.At) })
	return out, nil
}

// List describes what is known of the subjects of an account and kind that have samples since a moment, in order.
func (s *Store) List(account, kind string, since time.Time) ([]Series, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.open {
		return nil, ErrClosed
	}
	found := map[Subject]*listed{}
	for _, seg := range s.segments {
		for _, e := range seg.subjects {
			if e.subject.Account == account && e.subject.Kind == kind && e.covers(since.UnixMilli(), 1<<62) {
				merge(found, seg, e)
			}
		}
	}
	out := make([]Series, 0, len(found))
	for subject, l := range found {
		out = append(out, Series{Subject: subject, Metrics: slices.Sorted(maps.Keys(l.metrics)), Last: time.UnixMilli(l.last).UTC()})
	}
	slices.SortFunc(out, func(a, b Series) int { return cmp.Compare(a.Subject.ID, b.Subject.ID) })
	return out, nil
}

// listed is a subject while it is gathered.
type listed struct {
	metrics map[string]bool
	last    int64
}

func merge(found map[Subject]*listed, seg *segment, e *entry) {
	l := found[e.subject]
	if l == nil {
		l = &listed{metrics: map[string]bool{}}
		found[e.subject] = l
	}
	for n, name := range seg.metrics {
		if e.has(n) {
			l.metrics[name] = true
		}
	}
	l.last = max(l.last, e.last)
}

// Usage is what the store takes now: bytes of its files and subjects.
func (s *Store) Usage() (bytes int64, subjects int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes(), len(s.known())
}
