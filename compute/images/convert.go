// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of a qemu-img process. A malicious image must not take the host's memory or time: reading headers and tables is a matter
// of moments, and a conversion may take long but not much memory.
const (
	converterMemory = 4 << 30         // address space, bytes
	infoCPU         = 120             // seconds
	infoTimeout     = 5 * time.Minute // on a very busy host
	maxInfo         = 1 << 20         // bytes of its answer
	inputFD         = "/dev/fd/3"     // the first of ExtraFiles
)

// checkAnswers are the exit codes of qemu-img check that come with an answer, or with none because the format has no check:
// corrupt, leaked clusters (harmless here), not supported.
var checkAnswers = []int{2, 3, 63}

// driver is QEMU's name of a format, with the options that go with it.
func driver(format Format) map[string]any {
	node := map[string]any{
		"driver": string(format),
		// Never open a backing file, whatever the header says.
		"backing": nil,
		"file":    map[string]any{"driver": "file", "filename": inputFD},
	}
	switch format {
	case FormatVHD:
		node["driver"] = "vpc"
		// The size that the disk was created with, not the product of its cylinders, heads and sectors.
		node["force_size_calc"] = "current_size"
	case FormatVHDX:
		delete(node, "backing") // has none, and the driver knows no such option
	}
	return node
}

// node is the image as qemu-img's file name argument. The json: form fixes driver and options, so nothing is probed.
func node(format Format) (string, error) {
	text, err := json.Marshal(driver(format))
	if err != nil {
		return "", err
	}
	return "json:" + string(text), nil
}

// imageInfo is what qemu-img info tells.
type imageInfo struct {
	VirtualSize     int64  `json:"virtual-size"`
	ClusterSize     int64  `json:"cluster-size"`
	Format          string `json:"format"`
	BackingFilename string `json:"backing-filename"`
	Encrypted       bool   `json:"encrypted"`
	FormatSpecific  struct {
		Data struct {
			DataFile string `json:"data-file"`
			Corrupt  bool   `json:"corrupt"`
		} `json:"data"`
	} `json:"format-specific"`
}

// convert turns the source, whose header was validated, into the job's raw file.
func (j *job) convert(ctx context.Context, in *os.File, format Format) error {
	name, err := node(format)
	if err != nil {
		return err
	}
	info, err := j.info(ctx, in, name)
	if err != nil {
		return err
	}
	if err := info.check(j.opts.MaxVirtualSize); err != nil {
		return err
	}
	if err := j.consistent(ctx, in, name, info.ClusterSize); err != nil {
		return err
	}
	need, err := j.measure(ctx, in, name, info.VirtualSize)
	if err != nil {
		return err
	}
	if err := checkSpace(j.dir, need); err != nil {
		return err
	}
	j.opts.Logger.Debug("converting image", "format", format, "virtual_size", info.VirtualSize, "data", need)
	args := []string{"convert", "-p", "-O", "raw", "-t", "writeback", "-S", "4k", name, j.rawPath()}
	limits := map[int]uint64{unix.RLIMIT_AS: converterMemory, unix.RLIMIT_FSIZE: uint64(info.VirtualSize) + Alignment, unix.RLIMIT_CORE: 0}
	report := func(percent float64) {
		if j.opts.Progress != nil {
			j.opts.Progress(int64(percent/100*float64(info.VirtualSize)), info.VirtualSize, "convert")
		}
	}
	if err := runQemuImg(ctx, in, args, limits, func(r io.Reader) { readPercent(r, report) }); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}

// info asks qemu-img what it sees, with little time and memory.
func (j *job) info(ctx context.Context, in *os.File, name string) (imageInfo, error) {
	var info imageInfo
	if err := j.ask(ctx, in, []string{"info", "--output=json", name}, &info); err != nil {
		return imageInfo{}, err
	}
	return info, nil
}

// consistent lets qemu-img check the image's tables. A converter reads what lies behind the end of the file as zeros, so that a
// download that was cut off would become a disk with holes; the check tells where the data should end.
func (j *job) consistent(ctx context.Context, in *os.File, name string, cluster int64) error {
	var c struct {
		ImageEnd    int64 `json:"image-end-offset"`
		CheckErrors int64 `json:"check-errors"`
		Corruptions int64 `json:"corruptions"`
	}
	if err := j.ask(ctx, in, []string{"check", "--output=json", name}, &c); err != nil {
		return err
	}
	if c.Corruptions > 0 || c.CheckErrors > 0 {
		return fmt.Errorf("%w: its tables have %d errors (qemu-img check); was the download cut off?", ErrCorrupt, c.Corruptions+c.CheckErrors)
	}
	size, err := in.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	// The last cluster need not be written to its end.
	if size <= c.ImageEnd-cluster {
		return fmt.Errorf("%w: its data ends at byte %d, the file has %d; was the download cut off?", ErrCorrupt, c.ImageEnd, size)
	}
	return nil
}

// measure asks how many bytes of data the image has. It measures for qcow2, because for raw the answer is the whole disk.
func (j *job) measure(ctx context.Context, in *os.File, name string, virtualSize int64) (int64, error) {
	var m struct{ Required int64 }
	if err := j.ask(ctx, in, []string{"measure", "--output=json", "-O", "qcow2", name}, &m); err != nil {
		return 0, err
	}
	return min(m.Required, virtualSize), nil
}

func (j *job) ask(ctx context.Context, in *os.File, args []string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, infoTimeout)
	defer cancel()
	var out bytes.Buffer
	limits := map[int]uint64{unix.RLIMIT_AS: converterMemory, unix.RLIMIT_CPU: infoCPU, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0}
	err := runQemuImg(ctx, in, args, limits, func(r io.Reader) { _, _ = io.Copy(&out, io.LimitReader(r, maxInfo)) })
	var exit *exec.ExitError
	if args[0] == "check" && errors.As(err, &exit) && slices.Contains(checkAnswers, exit.ExitCode()) {
		err = nil // the answer tells
	}
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) || ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if out.Len() == 0 {
		return nil // a format that cannot be checked
	}
	if err := json.Unmarshal(out.Bytes(), answer); err != nil {
		return fmt.Errorf("read answer of qemu-img %s: %w", args[0], err)
	}
	return nil
}

// check is the second opinion: what the header check must have caught already.
func (i imageInfo) check(maxSize int64) error {
	switch {
	case i.BackingFilename != "":
		return fmt.Errorf("%w: it has a backing file", ErrUnsafe)
	case i.FormatSpecific.Data.DataFile != "":
		return fmt.Errorf("%w: it has an external data file", ErrUnsafe)
	case i.Encrypted:
		return fmt.Errorf("%w: it is encrypted", ErrUnsafe)
	case i.FormatSpecific.Data.Corrupt:
		return fmt.Errorf("%w: it is marked corrupt", ErrCorrupt)
	case i.VirtualSize < 0:
		return fmt.Errorf("%w: its disk has %d bytes", ErrCorrupt, i.VirtualSize)
	}
	return checkVirtualSize(uint64(i.VirtualSize), maxSize)
}

// runQemuImg runs qemu-img with the source as descriptor 3 and gives its standard output to a reader, which must read to the end.
func runQemuImg(ctx context.Context, in *os.File, args []string, limits map[int]uint64, read func(io.Reader)) error {
	path, err := exec.LookPath("qemu-img")
	if err != nil {
		return fmt.Errorf("find qemu-img (apt-get install -y qemu-utils): %w", err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
	cmd.ExtraFiles = []*os.File{in}
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start qemu-img: %w", err)
	}
	limitErr := setLimits(cmd.Process.Pid, limits)
	if limitErr != nil {
		_ = cmd.Process.Kill()
	}
	read(stdout)
	_, _ = io.Copy(io.Discard, stdout)
	err = cmd.Wait()
	switch {
	case limitErr != nil:
		return fmt.Errorf("limit qemu-img: %w", limitErr)
	case ctx.Err() != nil:
		return fmt.Errorf("qemu-img %s: %w", args[0], ctx.Err())
	case err != nil:
		return fmt.Errorf("qemu-img %s: %w: %s", args[0], err, tidy(stderr.String(), args))
	}
	return nil
}

func setLimits(pid int, limits map[int]uint64) error {
	for resource, value := range limits {
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: value, Max: value}, nil); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// tidy is the first line of qemu-img's complaint without the json: names, which tell the user nothing.
func tidy(text string, args []string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	for _, a := range args {
		if strings.HasPrefix(a, "json:") {
			line = strings.ReplaceAll(line, "'"+a+"': ", "")
			line = strings.ReplaceAll(line, a, "image")
		}
	}
	return strings.TrimPrefix(line, "qemu-img: ")
}

// readPercent reads the progress that qemu-img convert -p prints: "    (12.34/100%)\r".
func readPercent(r io.Reader, report func(percent float64)) {
	scanner := bufio.NewScanner(r)
	scanner.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexAny(data, "\r\n"); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF {
			return len(data), nil, nil
		}
		return 0, nil, nil
	})
	for scanner.Scan() {
		_, text, _ := strings.Cut(scanner.Text(), "(")
		text, _, ok := strings.Cut(text, "/")
		if percent, err := strconv.ParseFloat(text, 64); ok && err == nil {
			report(percent)
		}
	}
}
