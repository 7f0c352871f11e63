// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

var compressions = []struct {
	name  string
	magic string
}{
	{"gzip", "\x1f\x8b\x08"}, {"xz", "\xfd7zXZ\x00"}, {"zstd", "\x28\xb5\x2f\xfd"},
}

// detectCompression names the compression of a file: gzip, xz, zstd or none.
func detectCompression(r io.ReaderAt) (string, error) {
	head := make([]byte, 8)
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read: %w", err)
	}
	for _, c := range compressions {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			return c.name, nil
		}
	}
	return "", nil
}

// maxWindow bounds the memory that a compressed stream can ask its decoder for, in bytes.
const maxWindow = 128 << 20

// decompress replaces the input by what it holds. The sums stay those of the compressed bytes.
func (j *job) decompress(ctx context.Context, in *input, compression string) error {
	source := bufio.NewReaderSize(io.NewSectionReader(in.file, 0, in.size), copyBuffer)
	plain, closer, err := newDecoder(source, compression)
	if err != nil {
		return corrupt(err)
	}
	defer closer()
	out, err := j.spool(ctx, "decompress", corruptReader{plain}, -1)
	if err != nil {
		return err
	}
	out.sums = in.sums
	_ = in.file.Close()
	*in = out
	if inner, err := detectCompression(in.file); err != nil || inner != "" {
		return errors.Join(err, fmt.Errorf("%w: compressed twice", ErrUnsupported))
	}
	return nil
}

func newDecoder(r *bufio.Reader, compression string) (io.Reader, func(), error) {
	switch compression {
	case "gzip":
		d, err := gzip.NewReader(r)
		return d, func() {}, err
	case "xz":
		if err := checkXZWindow(r); err != nil {
			return nil, nil, err
		}
		d, err := xz.NewReader(r)
		return d, func() {}, err
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, nil, err
	}
	return d, d.Close, nil
}

// checkXZWindow refuses a stream whose first block wants a dictionary above the limit: the decoder would allocate what it says.
// Format: https://tukaani.org/xz/xz-file-format.txt, sections 2.1.1 and 3.1.
func checkXZWindow(r *bufio.Reader) error {
	const streamHeader, maxBlockHeader = 12, 1024
	head, err := r.Peek(streamHeader + maxBlockHeader)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(head) < streamHeader+6 || head[streamHeader] == 0 { // a zero size byte is an index: no blocks
		return nil
	}
	block := head[streamHeader:]
	flags, pos := block[1], 2
	for _, present := range []byte{0x40, 0x80} { // compressed size, uncompressed size: variable-length integers
		if flags&present == 0 {
			continue
		}
		for pos < len(block) && block[pos]&0x80 != 0 {
			pos++
		}
		pos++
	}
	const lzma2 = 0x21
	if pos+2 >= len(block) || block[pos] != lzma2 || block[pos+1] != 1 {
		return fmt.Errorf("%w: xz filters other than LZMA2", ErrUnsupported)
	}
	bits := block[pos+2]
	if bits > 40 {
		return errors.New("invalid dictionary size")
	}
	if size := uint64(2|bits&1) << (bits/2 + 11); size > maxWindow {
		return fmt.Errorf("%w: its dictionary has %d MiB, the limit is %d", ErrTooLarge, size>>20, maxWindow>>20)
	}
	return nil
}

// corruptReader marks the errors of a decoder as faults of the data.
type corruptReader struct{ r io.Reader }

func (c corruptReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	return n, corrupt(err)
}

func corrupt(err error) error {
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrUnsupported) || errors.Is(err, ErrTooLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
