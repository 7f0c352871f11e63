// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sum256(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// qemuImage converts a raw disk into another format and returns the path.
func qemuImage(t *testing.T, raw []byte, format string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	from := write(t, filepath.Join(dir, "from.raw"), raw)
	to := filepath.Join(dir, "image")
	tool(t, "", "qemu-img", append(append([]string{"convert", "-f", "raw", "-O", format}, args...), from, to)...)
	return to
}

func TestPrepare_FormatsAndSizes(t *testing.T) {
	t.Parallel()
	type image struct {
		name   string
		size   int
		format string
		args   []string
		want   Format
	}
	for _, tc := range []image{
		{"raw, whole MiB", 4 * mib, "", nil, FormatRaw},
		{"raw, ends within a sector", 4*mib + 1029, "", nil, FormatRaw},
		{"qcow2", 4 * mib, "qcow2", nil, FormatQCOW2},
		{"qcow2, one sector more than a block", 4*mib + 512, "qcow2", nil, FormatQCOW2},
		{"qcow2 version 2", 4 * mib, "qcow2", []string{"-o", "compat=0.10"}, FormatQCOW2},
		{"qcow2 compressed", 5 * mib, "qcow2", []string{"-c"}, FormatQCOW2},
		{"qcow2 zstd, small clusters", 5 * mib, "qcow2", []string{"-c", "-o", "compression_type=zstd,cluster_size=4096"}, FormatQCOW2},
		{"vmdk", 4 * mib, "vmdk", nil, FormatVMDK},
		{"vmdk streamOptimized", 4*mib + 512*7, "vmdk", []string{"-o", "subformat=streamOptimized"}, FormatVMDK},
		{"vhd dynamic", 4 * mib, "vpc", []string{"-o", "force_size"}, FormatVHD},
		{"vhd fixed", 4*mib + 512, "vpc", []string{"-o", "subformat=fixed,force_size"}, FormatVHD},
		{"vhdx", 4 * mib, "vhdx", nil, FormatVHDX},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			disk := plainDisk(tc.size)
			path := write(t, filepath.Join(t.TempDir(), "image"), disk)
			if tc.format != "" {
				path = qemuImage(t, disk, tc.format, tc.args...)
			}
			work := t.TempDir()
			var stages []string
			p, err := Prepare(t.Context(), Source{File: path, SHA256: strings.ToUpper(sum256(read(t, path)))}, Options{WorkDir: work,
				Progress: func(done, total int64, stage string) {
					if done > total {
						t.Errorf("%s: %d of %d", stage, done, total)
					}
					stages = append(stages, stage)
				}})
			if err != nil {
				t.Fatal(err)
			}
			got := read(t, p.RawPath)
			if p.Format != tc.want || p.SourceSize != int64(tc.size) || p.VirtualSize != int64(len(got)) || len(got)%Alignment != 0 || len(got)-tc.size >= Alignment {
				t.Errorf("prepared %+v, file of %d bytes", p, len(got))
			}
			if !bytes.Equal(got[:tc.size], disk) || !bytes.Equal(got[tc.size:], make([]byte, len(got)-tc.size)) {
				t.Error("the raw file is not the disk, padded with zeros")
			}
			if p.SHA256 != sum256(read(t, path)) || p.Layout.Table != "mbr" || !slices.Equal(p.Layout.BootModes, []string{BootBIOS}) {
				t.Errorf("prepared %+v", p)
			}
			if !slices.Contains(stages, "read") || (tc.format != "") != slices.Contains(stages, "convert") {
				t.Errorf("stages %q", slices.Compact(stages))
			}
			if left := entries(t, work); len(left) != 1 {
				t.Errorf("work directory holds %q", left)
			}
		})
	}
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestPrepare_KeepsHoles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "big.raw")
	write(t, path, plainDisk(2*mib))
	if err := os.Truncate(path, 512*mib); err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(t.Context(), Source{File: path}, Options{WorkDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(p.RawPath, &st); err != nil || st.Blocks*512 > 4*mib {
		t.Errorf("the copy takes %d bytes, %v", st.Blocks*512, err)
	}
}

func compressed(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	var err error
	switch name {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "zstd":
		w, err = zstd.NewWriter(&b)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPrepare_Compressed(t *testing.T) {
	t.Parallel()
	disk := plainDisk(3*mib + 77)
	inner := map[string][]byte{"raw": disk, "qcow2": read(t, qemuImage(t, plainDisk(3*mib), "qcow2"))}
	for _, compression := range []string{"gzip", "xz", "zstd"} {
		for format, data := range inner {
			t.Run(compression+" of "+format, func(t *testing.T) {
				t.Parallel()
				packed := compressed(t, compression, data)
				path := write(t, filepath.Join(t.TempDir(), "image"), packed)
				p, err := Prepare(t.Context(), Source{File: path, SHA256: sum256(packed)}, Options{WorkDir: t.TempDir()})
				if err != nil {
					t.Fatal(err)
				}
				if p.Compression != compression || string(p.Format) != format || p.SHA256 != sum256(packed) {
					t.Errorf("prepared %+v", p)
				}
				if got := read(t, p.RawPath); !bytes.Equal(got[:p.SourceSize], disk[:p.SourceSize]) && format == "raw" {
					t.Error("the raw file is not the disk")
				}
			})
		}
	}
}

// patched is a copy of a file with bytes overwritten.
func patched(t *testing.T, path string, offset int64, value []byte) string {
	t.Helper()
	data := read(t, path)
	if offset < 0 {
		offset += int64(len(data))
	}
	copy(data[offset:], value)
	return write(t, filepath.Join(t.TempDir(), "patched"), data)
}

func be64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// badImages are images that must be refused: what they are, how they are made, the kind of error, and words of its text.
func badImages(t *testing.T) []badImage {
	disk := plainDisk(4 * mib)
	qcow2, vmdk, vhd := qemuImage(t, disk, "qcow2"), qemuImage(t, disk, "vmdk"), qemuImage(t, disk, "vpc")
	stream := qemuImage(t, disk, "vmdk", "-o", "subformat=streamOptimized")
	dir := t.TempDir()
	made := func(name string, args ...string) string {
		path := filepath.Join(dir, name)
		tool(t, "", "qemu-img", append(append([]string{"create", "-q"}, args...), path, "8M")...)
		return path
	}
	file := func(name string, data []byte) string { return write(t, filepath.Join(dir, name), data) }
	withParent := read(t, vmdk)
	copy(withParent[bytes.Index(withParent, []byte("parentCID=ffffffff")):], "parentCID=12345678")
	otherFile := read(t, vmdk)
	at := bytes.Index(otherFile, []byte(" SPARSE "))
	copy(otherFile[at:], " FLAT   ")
	truncated, packed := read(t, qcow2), read(t, qemuImage(t, disk, "qcow2", "-c"))
	return []badImage{
		{"qcow2 with a backing file", made("backed", "-f", "qcow2", "-F", "raw", "-u", "-b", "/etc/passwd"), ErrUnsafe, "backing file"},
		{"qcow2 with an external data file", made("external", "-f", "qcow2", "-o", "data_file="+filepath.Join(dir, "data"), "-o", "data_file_raw=on"), ErrUnsafe, "external data file"},
		{"qcow2 with encryption", made("luks", "-f", "qcow2", "--object", "secret,id=s,data=x", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"), ErrUnsafe, "encrypted"},
		{"qcow2 of an exabyte", patched(t, qcow2, 24, be64(1<<60)), ErrTooLarge, "the limit is"},
		{"qcow2 of no size", patched(t, qcow2, 24, be64(0)), ErrCorrupt, "no size"},
		{"qcow2 with a huge table", patched(t, qcow2, 36, []byte{0x7f, 0xff, 0xff, 0xff}), ErrCorrupt, "table"},
		{"qcow2 with absurd clusters", patched(t, qcow2, 20, []byte{0, 0, 0, 63}), ErrCorrupt, "cluster size"},
		{"qcow2 with unknown features", patched(t, qcow2, 72, be64(1<<40)), ErrUnsupported, "features"},
		{"qcow2 marked corrupt", patched(t, qcow2, 72, be64(2)), ErrCorrupt, "marked corrupt"},
		{"qcow2 cut off in the tables", file("cut", truncated[:70_000]), ErrCorrupt, "cut off"},
		{"qcow2 cut off in the data", file("datacut", truncated[:len(truncated)-300_000]), ErrCorrupt, "cut off"},
		{"qcow2 compressed, cut off", file("packedcut", packed[:len(packed)-200_000]), ErrCorrupt, "cut off"},
		{"qcow2 cut off in the header", file("head", truncated[:60]), ErrCorrupt, "cut off"},
		{"qcow2 with tables that point nowhere", patched(t, qcow2, 3*65536, be64(0xffff_ffff_ffff)), ErrCorrupt, "qemu-img"},
		{"qcow of version 1", file("qcow1", append([]byte("QFI\xfb\x00\x00\x00\x01"), disk...)), ErrUnsupported, "version 1"},
		{"qcow2 of version 9", patched(t, qcow2, 4, []byte{0, 0, 0, 9}), ErrUnsupported, "unknown version"},
		{"vmdk in two files", made("flat", "-f", "vmdk", "-o", "subformat=monolithicFlat"), ErrUnsupported, "names other files"},
		{"vmdk with a backing file", made("child", "-f", "vmdk", "-F", "vmdk", "-b", vmdk), ErrUnsafe, "parent"},
		{"vmdk with a parent id", file("parent", withParent), ErrUnsafe, "parent"},
		{"vmdk with an extent elsewhere", file("extent", otherFile), ErrUnsafe, "in another file"},
		{"vmdk that only describes", patched(t, vmdk, 12, make([]byte, 8)), ErrUnsafe, "other files"},
		{"vmdk of 8 exabytes", patched(t, vmdk, 12, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f}), ErrTooLarge, "the limit is"},
		{"vmdk after a text transfer", patched(t, vmdk, 73, []byte("\n \n\n")), ErrCorrupt, "text mode"},
		{"vmdk cut off", file("vmdkcut", read(t, vmdk)[:len(read(t, vmdk))-300_000]), ErrCorrupt, "qemu-img check"},
		{"vmdk streamOptimized, cut off", file("streamcut", read(t, stream)[:200_000]), ErrCorrupt, "qemu-img"},
		{"vhd that needs a parent", differencing(t, vhd), ErrUnsafe, "parent"},
		{"vhd with a wrong checksum", patched(t, vhd, -400, []byte{1, 2, 3}), ErrCorrupt, "checksum"},
		{"vhd cut off", file("vhdcut", read(t, vhd)[:9000]), ErrCorrupt, "no footer"},
		{"vhdx without its sections", file("vhdx", append([]byte("vhdxfile"), make([]byte, 400_000)...)), ErrCorrupt, "section"},
		{"VirtualBox image", qemuImage(t, disk, "vdi"), ErrUnsupported, "VDI"},
		{"QED image", qemuImage(t, disk, "qed"), ErrUnsupported, "QED"},
		{"web page", file("html", []byte("\n <!DOCTYPE html><html>404</html>")), ErrUnsupported, "web page"},
		{"archive", file("tar", append(append(make([]byte, 257), "ustar\x0000"...), make([]byte, 2000)...)), ErrUnsupported, "tar archive"},
		{"zeros", file("zeros", make([]byte, mib)), ErrUnsupported, "--format raw"},
		{"empty", file("empty", nil), ErrCorrupt, "empty"},
		{"directory", dir, ErrUnsupported, "not a regular file"},
		{"gzip bomb", file("bomb", compressed(t, "gzip", make([]byte, 80*mib))), ErrTooLarge, "more than"},
		{"gzip cut off", file("gzcut", compressed(t, "gzip", disk)[:5000]), ErrCorrupt, "decompress gzip"},
		{"xz cut off", file("xzcut", compressed(t, "xz", disk)[:5000]), ErrCorrupt, "decompress xz"},
		{"xz with a huge dictionary", patched(t, file("xz", compressed(t, "xz", disk)), 16, []byte{39}), ErrTooLarge, "dictionary"},
		{"zstd damaged", patched(t, file("zst", compressed(t, "zstd", disk)), 100, []byte("XXXXXXXXX")), ErrCorrupt, "decompress zstd"},
		{"compressed twice", file("twice", compressed(t, "gzip", compressed(t, "xz", disk))), ErrUnsupported, "twice"},
		{"raw above the limit", sparse(t, disk, 65*mib), ErrTooLarge, "the limit is"},
		{"disk cut off", file("diskcut", disk[:3*mib]), ErrCorrupt, "cut off"},
	}
}

type badImage struct {
	name, path string
	kind       error
	text       string
}

// differencing makes a dynamic VHD say that it has a parent.
func differencing(t *testing.T, vhd string) string {
	data := read(t, vhd)
	foot := data[len(data)-512:]
	foot[63] = vhdDifferencing
	binary.BigEndian.PutUint32(foot[64:], 0)
	var sum uint32
	for _, b := range foot {
		sum += uint32(b)
	}
	binary.BigEndian.PutUint32(foot[64:], ^sum)
	copy(data, foot)
	return write(t, filepath.Join(t.TempDir(), "diff"), data)
}

func sparse(t *testing.T, data []byte, size int64) string {
	path := write(t, filepath.Join(t.TempDir(), "sparse"), data)
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrepare_RefusesBadImages(t *testing.T) {
	t.Parallel()
	for _, tc := range badImages(t) {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			work := t.TempDir()
			before, _ := os.ReadFile(tc.path)
			p, err := Prepare(t.Context(), Source{File: tc.path}, Options{WorkDir: work, MaxVirtualSize: 64 * mib})
			if !errors.Is(err, tc.kind) || !strings.Contains(fmt.Sprint(err), tc.text) {
				t.Errorf("got %+v, %v; want %q with %q", p, err, tc.kind, tc.text)
			}
			if left := entries(t, work); len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
			if after, _ := os.ReadFile(tc.path); !bytes.Equal(before, after) {
				t.Error("the source was changed")
			}
			t.Log(err)
		})
	}
}

func TestPrepare_RefusesBadRequests(t *testing.T) {
	t.Parallel()
	disk := plainDisk(2 * mib)
	raw := write(t, filepath.Join(t.TempDir(), "raw"), disk)
	qcow2 := qemuImage(t, disk, "qcow2")
	for _, tc := range []struct {
		name string
		src  Source
		text string
	}{
		{"nothing", Source{}, "either a file or a URL"},
		{"both", Source{File: raw, URL: "http://x/y"}, "either a file or a URL"},
		{"file URL", Source{URL: "file:///etc/passwd"}, "http:// or https://"},
		{"relative URL", Source{URL: "debian.qcow2"}, "http:// or https://"},
		{"missing file", Source{File: raw + "x"}, "no such file"},
		{"unknown format", Source{File: raw, Format: "iso"}, `format "iso"`},
		{"short sum", Source{File: raw, SHA256: "abcd"}, "64 hexadecimal digits"},
		{"no sum", Source{File: raw, SHA512: strings.Repeat("x", 128)}, "128 hexadecimal digits"},
		{"wrong sha256", Source{File: raw, SHA256: sum256(nil)}, "checksum does not match"},
		{"wrong sha256 of qcow2", Source{File: qcow2, SHA256: sum256(nil)}, "checksum does not match"},
		{"wrong sha512", Source{File: raw, SHA512: strings.Repeat("0", 128)}, "checksum does not match"},
		{"qcow2 said to be raw", Source{File: qcow2, Format: FormatRaw}, "said to be raw, but its content is qcow2"},
		{"raw said to be qcow2", Source{File: raw, Format: FormatQCOW2}, "said to be qcow2, but its content is raw"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			work := t.TempDir()
			if _, err := Prepare(t.Context(), tc.src, Options{WorkDir: work}); err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %q", err, tc.text)
			}
			if left := entries(t, work); len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestPrepare_RawOfNothingKnownWhenTheCallerInsists(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "zeros"), make([]byte, 100))
	p, err := Prepare(t.Context(), Source{File: path, Format: FormatRaw}, Options{WorkDir: t.TempDir()})
	if err != nil || p.VirtualSize != mib || p.Layout.Table != "none" || len(p.Layout.BootModes) != 0 {
		t.Errorf("got %+v, %v", p, err)
	}
}

// TestPrepare_FileNamesAreOnlyNames: what QEMU would take for a protocol or options is a file like any other.
func TestPrepare_FileNamesAreOnlyNames(t *testing.T) {
	t.Parallel()
	image := read(t, qemuImage(t, plainDisk(2*mib), "qcow2"))
	for _, name := range []string{"nbd:localhost:10809", `json:{"driver":"null-co"}`, "a,b=c", "-O", "fat:rw:", "ümläut %d"} {
		path := write(t, filepath.Join(t.TempDir(), name), image)
		if _, err := Prepare(t.Context(), Source{File: path}, Options{WorkDir: t.TempDir()}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrepare_Download(t *testing.T) {
	t.Parallel()
	image := read(t, qemuImage(t, plainDisk(3*mib), "qcow2"))
	sum := sha512.Sum512(image)
	mux := http.NewServeMux()
	mux.HandleFunc("/image", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "identity" {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write(image)
	})
	mux.Handle("/moved", http.RedirectHandler("/image", http.StatusFound))
	mux.Handle("/evil", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(image)))
		_, _ = w.Write(image[:len(image)/2])
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "900000000")
		w.(http.Flusher).Flush()
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, mib); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, tc := range []struct {
		path string
		kind error
		text string
	}{
		{"/image", nil, ""}, {"/moved", nil, ""},
		{"/evil", nil, "unsupported protocol scheme"}, {"/missing", nil, "404 Not Found"}, {"/short", nil, "unexpected EOF"},
		{"/long", ErrTooLarge, "900000000 bytes"}, {"/endless", ErrTooLarge, "more than"},
	} {
		work := t.TempDir()
		p, err := Prepare(t.Context(), Source{URL: server.URL + tc.path, SHA512: hex.EncodeToString(sum[:])},
			Options{WorkDir: work, MaxVirtualSize: 64 * mib, Client: client})
		if tc.text == "" {
			if err != nil || p.SourceSize != 3*mib || p.SHA256 != sum256(image) {
				t.Errorf("%s: %+v, %v", tc.path, p, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tc.text) || tc.kind != nil && !errors.Is(err, tc.kind) {
			t.Errorf("%s: got %v, want %q", tc.path, err, tc.text)
		}
		if left := entries(t, work); len(left) != 0 {
			t.Errorf("%s left behind: %q", tc.path, left)
		}
	}
}

func TestPrepare_CancelLeavesNothing(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, mib))
		w.(http.Flusher).Flush()
		<-release
	}))
	defer server.Close()
	defer close(release)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	raw := sparse(t, plainDisk(2*mib), 4<<30)
	qcow2 := filepath.Join(t.TempDir(), "image")
	tool(t, "", "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2)
	for stage, src := range map[string]Source{"download": {URL: server.URL}, "read": {File: raw}, "convert": {File: qcow2}} {
		work := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		_, err := Prepare(ctx, src, Options{WorkDir: work, Client: client, Progress: func(_, _ int64, s string) {
			if s == stage {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", stage, err)
		}
		if left := entries(t, work); len(left) != 0 {
			t.Errorf("%s left behind: %q", stage, left)
		}
	}
}

func TestPrepare_RefusesWhenTheDiskIsFull(t *testing.T) {
	t.Parallel()
	if err := checkSpace(t.TempDir(), 1<<60); !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), "MiB are free") {
		t.Errorf("got %v", err)
	}
	if err := checkSpace(t.TempDir(), 0); err != nil {
		t.Skip("this host has no space left: ", err)
	}
}

func TestStallReader_CancelsTheDownload(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	s := newStallReader(strings.NewReader("x"), time.Millisecond, cancel)
	defer s.stop()
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), errStalled) {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}

func TestRemoveLeftovers_SparesRunningJobs(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	dead := filepath.Join(work, jobPrefix+"dead")
	if err := os.Mkdir(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dead, "disk.raw"), []byte("half"))
	write(t, filepath.Join(work, "image-1.raw"), []byte("whole"))
	running, err := newJob(Source{}, Options{WorkDir: work})
	if err != nil {
		t.Fatal(err)
	}
	defer running.close()
	if err := RemoveLeftovers(work); err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Base(running.dir), "image-1.raw"}
	if got := entries(t, work); !slices.Equal(got, want) {
		t.Errorf("left: %q, want %q", got, want)
	}
}
