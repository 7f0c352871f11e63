// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Prepare takes an image in: fetches or reads it, checks checksum and headers, converts it to raw, and looks at what is on it.
// On an error, or when the context ends, nothing is left in the work directory.
func Prepare(ctx context.Context, src Source, opts Options) (Prepared, error) {
	if err := src.validate(); err != nil {
		return Prepared{}, fmt.Errorf("prepare image: %w", err)
	}
	if err := opts.defaults(); err != nil {
		return Prepared{}, fmt.Errorf("prepare image: %w", err)
	}
	job, err := newJob(src, opts)
	if err != nil {
		return Prepared{}, fmt.Errorf("prepare image: %w", err)
	}
	defer job.close()
	p, err := job.run(ctx)
	if err != nil {
		return Prepared{}, fmt.Errorf("prepare image %s: %w", src.name(), err)
	}
	return p, nil
}

func (s Source) name() string {
	if s.URL != "" {
		return s.URL
	}
	return s.File
}

// job is one run of Prepare, with a temporary directory that it holds the lock of.
type job struct {
	src  Source
	opts Options
	dir  string
	lock *os.File
}

const (
	jobPrefix = ".import-"
	lockName  = "lock"
)

func newJob(src Source, opts Options) (*job, error) {
	dir, err := os.MkdirTemp(opts.WorkDir, jobPrefix)
	if err != nil {
		return nil, fmt.Errorf("make work directory: %w", err)
	}
	lock, err := lockJob(dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return &job{src: src, opts: opts, dir: dir, lock: lock}, nil
}

func (j *job) close() {
	_ = os.RemoveAll(j.dir)
	_ = j.lock.Close()
}

func lockJob(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock work directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock work directory: %w", err)
	}
	return f, nil
}

// RemoveLeftovers deletes what processes that were killed in Prepare left in a work directory; running ones are not touched.
func RemoveLeftovers(workDir string) error {
	dirs, err := filepath.Glob(filepath.Join(workDir, jobPrefix+"*"))
	if err != nil {
		return fmt.Errorf("remove leftovers: %w", err)
	}
	for _, dir := range dirs {
		lock, lerr := lockJob(dir)
		if lerr != nil {
			continue // a running job holds it
		}
		err = errors.Join(err, os.RemoveAll(dir))
		_ = lock.Close()
	}
	return err
}

// run is the sequence: spool, decompress, detect, validate, convert, inspect, publish.
func (j *job) run(ctx context.Context) (Prepared, error) {
	in, err := j.open(ctx)
	if err != nil {
		return Prepared{}, err
	}
	defer func() { _ = in.file.Close() }()
	p := Prepared{}
	if p.Compression, err = detectCompression(in.file); err != nil {
		return Prepared{}, err
	}
	if p.Compression != "" {
		// The sums are of the compressed bytes, so they must be known before those are replaced.
		if err := j.verify(ctx, &in); err != nil {
			return Prepared{}, err
		}
		if err := j.decompress(ctx, &in, p.Compression); err != nil {
			return Prepared{}, fmt.Errorf("decompress %s: %w", p.Compression, err)
		}
	}
	p.Format, err = Detect(in.file, in.size)
	if err == nil {
		err = agree(j.src.Format, p.Format)
	}
	if errors.Is(err, errNotDisk) && j.src.Format == FormatRaw {
		p.Format, err = FormatRaw, nil // the caller insists
	}
	if err != nil {
		return Prepared{}, err
	}
	if p.Format == FormatRaw {
		err = j.takeRaw(ctx, &in)
	} else {
		err = j.takeOther(ctx, &in, p.Format)
	}
	if err != nil {
		return Prepared{}, err
	}
	p.SHA256 = in.sums.sha256
	return p, j.finish(&p)
}

// takeRaw makes the raw file out of a raw source: a file of ours is used as it is, one of the caller's is copied.
func (j *job) takeRaw(ctx context.Context, in *input) error {
	if in.size > j.opts.MaxVirtualSize {
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, in.size, j.opts.MaxVirtualSize)
	}
	if in.ours {
		if err := j.verify(ctx, in); err != nil {
			return err
		}
		return os.Rename(in.path, j.rawPath())
	}
	if err := checkSpace(j.dir, allocated(in.file, in.size)); err != nil {
		return err
	}
	if err := j.copyRaw(ctx, in); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return in.sums.check(j.src)
}

// copyRaw copies a raw source and computes its sums on the way.
func (j *job) copyRaw(ctx context.Context, in *input) error {
	out, err := os.OpenFile(j.rawPath(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	sums := newSummer(j.src)
	w := &sparseWriter{file: out, dir: j.dir}
	r := j.reader(ctx, io.NewSectionReader(in.file, 0, in.size), in.size, "read")
	_, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(sums, w)}, struct{ io.Reader }{r}, make([]byte, copyBuffer))
	if err == nil {
		err = w.finish()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	in.sums = sums.sums()
	return err
}

// takeOther makes the raw file out of a qcow2, vmdk, vhd or vhdx source.
func (j *job) takeOther(ctx context.Context, in *input, format Format) error {
	if err := j.verify(ctx, in); err != nil {
		return err
	}
	if err := validateHeader(in.file, in.size, format, j.opts.MaxVirtualSize); err != nil {
		return err
	}
	return j.convert(ctx, in.file, format)
}

func (j *job) rawPath() string { return filepath.Join(j.dir, "disk.raw") }

// finish pads, inspects, syncs and publishes the raw file.
func (j *job) finish(p *Prepared) error {
	f, err := os.OpenFile(j.rawPath(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p.SourceSize = info.Size()
	if p.SourceSize == 0 {
		return fmt.Errorf("%w: the disk is empty", ErrCorrupt)
	}
	p.VirtualSize = (p.SourceSize + Alignment - 1) / Alignment * Alignment
	if err := f.Truncate(p.VirtualSize); err != nil {
		return fmt.Errorf("pad: %w", err)
	}
	if p.Layout, err = Inspect(f, p.SourceSize); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	// Its own name, so that nothing is overwritten; the directory's random part makes it unique.
	final := filepath.Join(j.opts.WorkDir, "image-"+filepath.Base(j.dir)[len(jobPrefix):]+".raw")
	if err := os.Rename(j.rawPath(), final); err != nil {
		return err
	}
	p.RawPath = final
	return nil
}
