// SPDX-License-Identifier: Apache-2.0

package metricstore

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/hivecloud/hive/internal/vfs"
)

// maxMetrics bounds the metrics of a segment: their names come from this program, not from users.
const maxMetrics = 256

// segment is one file of samples with its index. The store's lock guards it.
type segment struct {
	file     vfs.File
	sequence uint64
	start    int64 // milliseconds; times in records count from here
	size     int64 // where the next record goes
	newest   int64 // of its samples, in milliseconds

	subjects []*entry // by number
	numbers  map[Subject]int
	metrics  []string // by number
	names    map[string]int
}

// entry is one subject of a segment.
type entry struct {
	subject      Subject
	first, last  int64 // of its samples, in milliseconds
	offsets      []uint32
	measurements [maxMetrics / 64]uint64 // which metrics it has, as a set of numbers
}

func (e *entry) has(metric int) bool { return e.measurements[metric/64]&(1<<(metric%64)) != 0 }

// covers tells whether the subject has samples in a time range.
func (e *entry) covers(from, to int64) bool {
	return len(e.offsets) > 0 && e.first < to && e.last >= from
}

func newSegment(file vfs.File, sequence uint64, start int64) *segment {
	return &segment{file: file, sequence: sequence, start: start, size: headerBytes, newest: start,
		numbers: map[Subject]int{}, names: map[string]int{}}
}

// load fills the index from the file's content, up to the first record that is damaged.
func (s *segment) load(content []byte) {
	rest := content[headerBytes:]
	for len(rest) > 0 {
		body, next, err := unframe(rest)
		if err != nil {
			return
		}
		r, err := readRecord(body)
		if err != nil || !s.note(r, s.size) {
			return
		}
		s.size += int64(frameBytes + len(body))
		rest = next
	}
}

// note enters a record that stands at an offset into the index; false when it contradicts what came before.
func (s *segment) note(r record, at int64) bool {
	switch r.kind {
	case recordSubject:
		if r.id != len(s.subjects) {
			return false
		}
		s.addSubject(r.subject)
	case recordMetric:
		if r.id != len(s.metrics) || r.id >= maxMetrics {
			return false
		}
		s.addMetric(r.metric)
	case recordSample:
		ms := s.start + r.offset
		if r.id >= len(s.subjects) || ms < 0 || at > math.MaxUint32 {
			return false
		}
		if slices.ContainsFunc(r.metrics, func(m int) bool { return m >= len(s.metrics) }) {
			return false
		}
		s.addSample(r.id, ms, at, r.metrics)
	}
	return true
}

func (s *segment) addSubject(subject Subject) int {
	n := len(s.subjects)
	s.subjects, s.numbers[subject] = append(s.subjects, &entry{subject: subject}), n
	return n
}

func (s *segment) addMetric(name string) int {
	n := len(s.metrics)
	s.metrics, s.names[name] = append(s.metrics, name), n
	return n
}

func (s *segment) addSample(subject int, ms, at int64, metrics []int) {
	e := s.subjects[subject]
	if len(e.offsets) == 0 || ms < e.first {
		e.first = ms
	}
	if len(e.offsets) == 0 || ms > e.last {
		e.last = ms
	}
	e.offsets = append(e.offsets, uint32(at))
	for _, m := range metrics {
		e.measurements[m/64] |= 1 << (m % 64)
	}
	s.newest = max(s.newest, ms)
}

// fits tells whether the segment has numbers left for a sample's metrics.
func (s *segment) fits(sample Sample) bool {
	missing := 0
	for _, v := range sample.Values {
		if _, ok := s.names[v.Metric]; !ok {
			missing++
		}
	}
	return len(s.metrics)+missing <= maxMetrics
}

// write puts samples at the end of the file and into the index. After an error the segment takes no more: what stands
// behind its size is unknown.
func (s *segment) write(samples []Sample) error {
	type placed struct {
		subject int
		ms, at  int64
		metrics []int
	}
	var b []byte
	var news []placed
	for _, sample := range samples {
		subject, ok := s.numbers[sample.Subject]
		if !ok {
			subject = s.addSubject(sample.Subject)
			b = appendSubject(b, subject, sample.Subject)
		}
		metrics := make([]int, len(sample.Values))
		for i, v := range sample.Values {
			if metrics[i], ok = s.names[v.Metric]; !ok {
				metrics[i] = s.addMetric(v.Metric)
				b = appendMetric(b, metrics[i], v.Metric)
			}
		}
		ms := sample.At.UnixMilli()
		news = append(news, placed{subject, ms, s.size + int64(len(b)), metrics})
		b = appendSample(b, subject, ms-s.start, metrics, sample.Values)
	}
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	s.size += int64(len(b))
	for _, p := range news {
		s.addSample(p.subject, p.ms, p.at, p.metrics)
	}
	return nil
}

// points appends the points of a subject's metric in [from, to) milliseconds.
func (s *segment) points(out []Point, subject Subject, metric string, from, to int64) ([]Point, error) {
	number, ok := s.numbers[subject]
	wanted, known := s.names[metric]
	if !ok || !known {
		return out, nil
	}
	e := s.subjects[number]
	if !e.has(wanted) || !e.covers(from, to) {
		return out, nil
	}
	buffer := make([]byte, frameBytes+maxBody)
	for _, at := range e.offsets {
		r, err := s.read(buffer, int64(at))
		if err != nil {
			return out, fmt.Errorf("read sample at %d of segment %d: %w", at, s.sequence, err)
		}
		ms := s.start + r.offset
		if ms < from || ms >= to {
			continue
		}
		for i, m := range r.metrics {
			if m == wanted {
				out = append(out, Point{At: time.UnixMilli(ms).UTC(), Value: r.values[i]})
			}
		}
	}
	return out, nil
}

func (s *segment) read(buffer []byte, at int64) (record, error) {
	n, err := s.file.ReadAt(buffer[:min(int64(len(buffer)), s.size-at)], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return record{}, err
	}
	body, _, err := unframe(buffer[:n])
	if err != nil {
		return record{}, err
	}
	return readRecord(body)
}
