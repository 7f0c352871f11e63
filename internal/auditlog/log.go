// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
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
	suffix   = ".jsonl"
	fileSpan = 24 * time.Hour // a file takes records for so long, so that old ones go in good time
	filesMin = 16             // the byte limit holds so many full files

	// MaxRecord is the longest record, in bytes.
	MaxRecord = 64 << 10
)

var (
	// ErrClosed says that the log is not open.
	ErrClosed = errors.New("audit log is closed")
	// ErrTooLong says that a record is longer than MaxRecord or holds a line feed.
	ErrTooLong = errors.New("record does not fit the audit log")
)

// Config says where a log is and how much it keeps.
type Config struct {
	FS  vfs.FS // default: the real one
	Dir string // the log's own directory
	// Keep is how long records are kept. Default 90 days, as CloudTrail's event history does.
	Keep time.Duration
	// MaxBytes bounds the files; the oldest records make room. Default 1 GiB, at least 2 MiB.
	MaxBytes int64
	Logger   hclog.Logger
}

// file is one file of records.
type file struct {
	path   string
	number uint64
	start  int64 // unix milliseconds of its first record
	newest int64 // of its last one, as far as it is known
	size   int64
}

// Log keeps records.
type Log struct {
	cfg Config
	log hclog.Logger

	mu    sync.RWMutex
	files []file // oldest first; the last one is active when out is set
	out   vfs.File
	open  bool
	dirty bool // out has what was not synced
	next  uint64
}

// New checks the configuration. It does no I/O.
func New(cfg Config) (*Log, error) {
	if cfg.Dir == "" {
		return nil, errors.New("audit log: no directory")
	}
	cfg.FS = cmp.Or[vfs.FS](cfg.FS, vfs.OS())
	cfg.Keep = cmp.Or(cfg.Keep, 90*24*time.Hour)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, 1<<30)
	if cfg.MaxBytes < filesMin*2*MaxRecord || cfg.Keep < 0 {
		return nil, fmt.Errorf("audit log: limits of %d bytes and %s make no sense", cfg.MaxBytes, cfg.Keep)
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	return &Log{cfg: cfg, log: cfg.Logger.Named("auditlog")}, nil
}

// Open finds the files and goes on with the newest.
func (l *Log) Open() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := vfs.MkdirAllDurable(l.cfg.FS, l.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("make audit log: %w", err)
	}
	entries, err := l.cfg.FS.ReadDir(l.cfg.Dir)
	if err != nil {
		return fmt.Errorf("list audit log: %w", err)
	}
	l.files = nil
	for _, e := range entries {
		start, number, ok := parseName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("list audit log: %w", err)
		}
		l.next = max(l.next, number+1)
		l.files = append(l.files, file{path: filepath.Join(l.cfg.Dir, e.Name()), number: number, start: start, newest: start, size: info.Size()})
	}
	slices.SortFunc(l.files, func(a, b file) int { return cmp.Compare(a.number, b.number) })
	for i := range len(l.files) - 1 {
		l.files[i].newest = l.files[i+1].start
	}
	l.open = true
	return l.resume()
}

// nameOf is a file's name: the moment of its first record and its number.
func nameOf(start int64, number uint64) string {
	return fmt.Sprintf("%s-%08d%s", time.UnixMilli(start).UTC().Format("20060102T150405.000"), number, suffix)
}

func parseName(name string) (start int64, number uint64, ok bool) {
	stem, isRecord := strings.CutSuffix(name, suffix)
	at, digits, found := strings.Cut(stem, "-")
	if !isRecord || !found {
		return 0, 0, false
	}
	t, err := time.ParseInLocation("20060102T150405.000", at, time.UTC)
	if err != nil {
		return 0, 0, false
	}
	number, err = strconv.ParseUint(digits, 10, 64)
	return t.UnixMilli(), number, err == nil && nameOf(t.UnixMilli(), number) == name
}

// resume opens the newest file for more records, without the torn line that it may end with.
func (l *Log) resume() error {
	if len(l.files) == 0 {
		return nil
	}
	last := &l.files[len(l.files)-1]
	out, err := l.cfg.FS.OpenFile(last.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	tail := make([]byte, min(last.size, 2*MaxRecord))
	if _, err := out.ReadAt(tail, last.size-int64(len(tail))); len(tail) > 0 && err != nil {
		return errors.Join(fmt.Errorf("read end of audit log: %w", err), out.Close())
	}
	whole := last.size - int64(len(tail)) + int64(bytes.LastIndexByte(tail, '\n')+1)
	if whole < last.size {
		l.log.Warn("the end of the audit log is torn and cut off", "file", last.path, "bytes", last.size-whole)
		if err := errors.Join(out.Truncate(whole), out.Sync()); err != nil {
			return errors.Join(fmt.Errorf("cut torn record: %w", err), out.Close())
		}
	}
	// How old its newest record is is not known; as new as can be keeps it longest.
	last.size, last.newest = whole, time.Now().UnixMilli()
	l.out = out
	return nil
}

// Append keeps records, one JSON object without a line feed each.
func (l *Log) Append(now time.Time, records ...[]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		return ErrClosed
	}
	for _, r := range records {
		if len(r) == 0 || len(r) > MaxRecord || bytes.IndexByte(r, '\n') >= 0 {
			return fmt.Errorf("keep record of %d bytes: %w", len(r), ErrTooLong)
		}
		if err := l.roll(now, int64(len(r))+1); err != nil {
			return err
		}
		last := &l.files[len(l.files)-1]
		if _, err := l.out.WriteAt(append(slices.Clip(r), '\n'), last.size); err != nil {
			return fmt.Errorf("write audit record: %w", err) // the next record is written over the torn one
		}
		last.size, last.newest, l.dirty = last.size+int64(len(r))+1, max(last.newest, now.UnixMilli()), true
	}
	return nil
}

// roll sees to it that the active file takes n more bytes.
func (l *Log) roll(now time.Time, n int64) error {
	if l.out != nil {
		last := l.files[len(l.files)-1]
		age := now.UnixMilli() - last.start
		if last.size+n <= l.cfg.MaxBytes/filesMin && age >= 0 && age < fileSpan.Milliseconds() {
			return nil
		}
		err := errors.Join(l.sync(), l.out.Close())
		l.out = nil
		if err != nil {
			return fmt.Errorf("end audit file: %w", err)
		}
	}
	if err := l.forget(now); err != nil {
		return err
	}
	f := file{path: filepath.Join(l.cfg.Dir, nameOf(now.UnixMilli(), l.next)), number: l.next, start: now.UnixMilli(), newest: now.UnixMilli()}
	out, err := l.cfg.FS.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		if err = l.cfg.FS.SyncDir(l.cfg.Dir); err != nil {
			err = errors.Join(err, out.Close(), l.cfg.FS.Remove(f.path))
		}
	}
	if err != nil {
		return fmt.Errorf("begin audit file: %w", err)
	}
	l.files, l.out, l.next = append(l.files, f), out, l.next+1
	return nil
}

// forget deletes files that are too old, and the oldest ones until a new one has room. No file is active.
func (l *Log) forget(now time.Time) error {
	var total int64
	for _, f := range l.files {
		total += f.size
	}
	horizon, room := now.Add(-l.cfg.Keep).UnixMilli(), l.cfg.MaxBytes-l.cfg.MaxBytes/filesMin
	for len(l.files) > 0 && (l.files[0].newest < horizon || total > room) {
		if err := l.cfg.FS.Remove(l.files[0].path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove old audit file: %w", err)
		}
		total -= l.files[0].size
		l.files = l.files[1:]
	}
	return nil
}

// Sync makes what was appended survive a power cut.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sync()
}

func (l *Log) sync() error {
	if l.out == nil || !l.dirty {
		return nil
	}
	l.dirty = false // a second sync after an error would prove nothing
	if err := l.out.Datasync(); err != nil {
		return fmt.Errorf("sync audit log: %w", err)
	}
	return nil
}

// Close syncs and closes the log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = false
	if l.out == nil {
		return nil
	}
	err := errors.Join(l.sync(), l.out.Close())
	l.out = nil
	return err
}
