// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// input is the source as an open file.
type input struct {
	file *os.File
	size int64
	path string // set when ours
	ours bool   // a file of the job's, which may be renamed; otherwise the caller's, which is only read
	sums sums   // zero until known
}

const copyBuffer = 1 << 20

// stallLimit is how long a download may stand still.
const stallLimit = 2 * time.Minute

// open opens the source file or downloads it.
func (j *job) open(ctx context.Context) (input, error) {
	if j.src.URL != "" {
		return j.download(ctx)
	}
	f, err := os.Open(j.src.File)
	if err != nil {
		return input{}, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", ErrUnsupported)
	}
	if err == nil && info.Size() == 0 {
		err = fmt.Errorf("%w: the file is empty", ErrCorrupt)
	}
	if err != nil {
		_ = f.Close()
		return input{}, err
	}
	return input{file: f, size: info.Size()}, nil
}

// newClient: no limit on the whole, for images are large, but on every step; a body that stands still is cut by stallReader.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = time.Minute
	return &http.Client{Transport: t}
}

// download streams the URL into a file of the job's.
func (j *job) download(ctx context.Context) (input, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, j.src.URL, nil)
	if err != nil {
		return input{}, err
	}
	// As it is: a transparent decompression would break the checksum.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "hive-image-import")
	resp, err := j.opts.Client.Do(req)
	if err != nil {
		return input{}, fmt.Errorf("download: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return input{}, fmt.Errorf("download: the server answered %s", resp.Status)
	}
	length := resp.ContentLength
	if length > j.opts.MaxVirtualSize {
		return input{}, fmt.Errorf("%w: the download has %d bytes, the limit is %d", ErrTooLarge, length, j.opts.MaxVirtualSize)
	}
	if err := checkSpace(j.dir, max(0, length)); err != nil {
		return input{}, err
	}
	body := newStallReader(resp.Body, stallLimit, cancel)
	defer body.stop()
	in, err := j.spool(ctx, "download", body, length)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil {
		return input{}, fmt.Errorf("download: %w", err)
	}
	return in, nil
}

// spool writes a stream into a sparse file of the job's, with sums. length is -1 when unknown.
func (j *job) spool(ctx context.Context, stage string, body io.Reader, length int64) (input, error) {
	path := filepath.Join(j.dir, stage)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return input{}, err
	}
	sums := newSummer(j.src)
	w := &sparseWriter{file: f, dir: j.dir}
	// One byte more than allowed is read, to tell "too large" from "just fits".
	limited := io.LimitReader(body, j.opts.MaxVirtualSize+1)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(sums, w)}, struct{ io.Reader }{j.reader(ctx, limited, length, stage)}, make([]byte, copyBuffer))
	switch {
	case err != nil:
	case n > j.opts.MaxVirtualSize:
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, j.opts.MaxVirtualSize)
	case n == 0:
		err = fmt.Errorf("%w: no data", ErrCorrupt)
	case length >= 0 && n != length:
		err = fmt.Errorf("got %d bytes of %d: %w", n, length, io.ErrUnexpectedEOF)
	default:
		err = w.finish()
	}
	if err != nil {
		_ = f.Close()
		return input{}, err
	}
	return input{file: f, size: n, path: path, ours: true, sums: sums.sums()}, nil
}

// verify computes the sums of an input, unless they are known, and compares them with those that were asked for.
func (j *job) verify(ctx context.Context, in *input) error {
	if in.sums == (sums{}) {
		h := newSummer(j.src)
		r := j.reader(ctx, io.NewSectionReader(in.file, 0, in.size), in.size, "read")
		if _, err := io.CopyBuffer(h, struct{ io.Reader }{r}, make([]byte, copyBuffer)); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		in.sums = h.sums()
	}
	return in.sums.check(j.src)
}

// reader makes a reader stop with the context and report progress.
func (j *job) reader(ctx context.Context, r io.Reader, total int64, stage string) io.Reader {
	return &progressReader{ctx: ctx, r: r, total: total, stage: stage, report: j.opts.Progress}
}

type progressReader struct {
	ctx    context.Context
	r      io.Reader
	done   int64
	total  int64
	stage  string
	report func(done, total int64, stage string)
}

func (p *progressReader) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	p.done += int64(n)
	if p.report != nil && n > 0 {
		p.report(p.done, p.total, p.stage)
	}
	return n, err
}

// stallReader ends its context when no byte came for a while.
type stallReader struct {
	r     io.Reader
	limit time.Duration
	timer *time.Timer
}

var errStalled = errors.New("no data for too long")

func newStallReader(r io.Reader, limit time.Duration, cancel context.CancelCauseFunc) *stallReader {
	return &stallReader{r: r, limit: limit, timer: time.AfterFunc(limit, func() { cancel(errStalled) })}
}

func (s *stallReader) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.timer.Reset(s.limit)
	return n, err
}

func (s *stallReader) stop() { s.timer.Stop() }

// sums are the checksums of a source, hexadecimal; sha512 is empty when nobody asked for it.
type sums struct{ sha256, sha512 string }

func (s sums) check(want Source) error {
	for _, c := range []struct{ name, want, got string }{{"sha256", want.SHA256, s.sha256}, {"sha512", want.SHA512, s.sha512}} {
		if c.want != "" && c.want != c.got {
			return fmt.Errorf("%w: %s is %s, want %s", ErrChecksum, c.name, c.got, c.want)
		}
	}
	return nil
}

// summer computes the sums of what is written to it; SHA-512, which takes as long again, only when it is asked for.
type summer struct{ h256, h512 hash.Hash }

func newSummer(want Source) *summer {
	s := &summer{h256: sha256.New()}
	if want.SHA512 != "" {
		s.h512 = sha512.New()
	}
	return s
}

func (s *summer) Write(p []byte) (int, error) {
	_, _ = s.h256.Write(p) // hashes never fail
	if s.h512 != nil {
		_, _ = s.h512.Write(p)
	}
	return len(p), nil
}

func (s *summer) sums() sums {
	r := sums{sha256: hex.EncodeToString(s.h256.Sum(nil))}
	if s.h512 != nil {
		r.sha512 = hex.EncodeToString(s.h512.Sum(nil))
	}
	return r
}
