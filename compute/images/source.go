// SPDX-License-Identifier: Apache-2.0

package images

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// Alignment is what the length of a prepared image is a multiple of, in bytes: a multiple of every block size that a volume may
// have, so that an odd image never ends within a block.
const Alignment = 1 << 20

// DefaultMaxVirtualSize is the largest disk that is accepted unless Options say otherwise, in bytes.
const DefaultMaxVirtualSize = 2 << 40

// Why an image is not taken. Errors of Prepare wrap at most one of them; others are of the host (I/O, network, cancelled).
var (
	ErrUnsupported = errors.New("image is not supported")
	ErrUnsafe      = errors.New("image is refused")
	ErrCorrupt     = errors.New("image is corrupt")
	ErrChecksum    = errors.New("checksum does not match")
	ErrTooLarge    = errors.New("image is too large")
	ErrNoSpace     = errors.New("not enough disk space")
)

// Format of a disk image.
type Format string

// The formats. FormatAuto is for asking only. VHD is QEMU's "vpc".
const (
	FormatAuto  Format = "auto"
	FormatRaw   Format = "raw"
	FormatQCOW2 Format = "qcow2"
	FormatVMDK  Format = "vmdk"
	FormatVHD   Format = "vhd"
	FormatVHDX  Format = "vhdx"
)

// ParseFormat reads a format as users write it; "" is auto and "vpc" is VHD.
func ParseFormat(s string) (Format, error) {
	switch f := Format(strings.ToLower(s)); f {
	case "":
		return FormatAuto, nil
	case "vpc":
		return FormatVHD, nil
	case FormatAuto, FormatRaw, FormatQCOW2, FormatVMDK, FormatVHD, FormatVHDX:
		return f, nil
	}
	return "", fmt.Errorf("parse image format %q: want auto, raw, qcow2, vmdk, vhd or vhdx", s)
}

// Source is where an image comes from: a file or a URL, possibly compressed with gzip, xz or zstd.
type Source struct {
	File string // path of a regular file; it is only read
	URL  string // http or https

	SHA256 string // hexadecimal; "" is not checked. Of the bytes as they come, before decompression
	SHA512 string // likewise
	Format Format // "" is auto
}

// Options of Prepare.
type Options struct {
	WorkDir        string // must exist; holds temporary files and the result
	MaxVirtualSize int64  // bytes; 0 is DefaultMaxVirtualSize. Also bounds downloads
	// Progress, when set, is called now and then from Prepare's goroutine: done of total bytes of a stage (download, read,
	// decompress, convert). total is -1 when unknown.
	Progress func(done, total int64, stage string)
	Client   *http.Client // nil: one with sane timeouts
	Logger   hclog.Logger // nil: none
}

// Prepared is an image that was taken in.
type Prepared struct {
	RawPath     string // a sparse raw file in WorkDir; the caller's now
	VirtualSize int64  // its length in bytes, a multiple of Alignment
	SourceSize  int64  // the disk's length in the source, before padding
	SHA256      string // of the source as it came, hexadecimal
	Format      Format // of the source
	Compression string // of the source: "", gzip, xz or zstd
	Layout      Layout // what is on the disk
}

// validate checks a source and normalises it.
func (s *Source) validate() error {
	if (s.File == "") == (s.URL == "") {
		return errors.New("give either a file or a URL")
	}
	if s.URL != "" {
		u, err := url.Parse(s.URL)
		if err != nil {
			return fmt.Errorf("parse URL: %w", err)
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return fmt.Errorf("URL %q: want http:// or https://", s.URL)
		}
	}
	f, err := ParseFormat(string(s.Format))
	if err != nil {
		return err
	}
	s.Format = f
	if s.SHA256, err = checksum("sha256", s.SHA256, 32); err != nil {
		return err
	}
	s.SHA512, err = checksum("sha512", s.SHA512, 64)
	return err
}

// checksum normalises a hexadecimal checksum of n bytes.
func checksum(name, s string, n int) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if raw, err := hex.DecodeString(s); err != nil || (len(raw) != n && len(raw) != 0) {
		return "", fmt.Errorf("%s %q: want %d hexadecimal digits", name, s, 2*n)
	}
	return s, nil
}

func (o *Options) defaults() error {
	if o.WorkDir == "" {
		return errors.New("no work directory")
	}
	if o.MaxVirtualSize < 0 {
		return fmt.Errorf("maximum size %d is negative", o.MaxVirtualSize)
	}
	if o.MaxVirtualSize == 0 {
		o.MaxVirtualSize = DefaultMaxVirtualSize
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.Client == nil {
		o.Client = newClient()
	}
	return nil
}

// agree tells whether the format that was asked for is the one that was found.
func agree(asked, found Format) error {
	if asked == FormatAuto || asked == found {
		return nil
	}
	return fmt.Errorf("%w: said to be %s, but its content is %s", ErrUnsafe, asked, found)
}

// Formats are the formats that Prepare takes, for help texts.
func Formats() []Format {
	return slices.Clone([]Format{FormatRaw, FormatQCOW2, FormatVMDK, FormatVHD, FormatVHDX})
}
