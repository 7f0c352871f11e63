// SPDX-License-Identifier: Apache-2.0

package micro

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
)

// ArchX8664 is the one architecture that can be built; EC2's name for it.
const ArchX8664 = "x86_64"

// Config of a build.
type Config struct {
	OutPath  string // the raw image; replaced when it exists
	CacheDir string // packages and unpacked trees, kept for the next build; created if missing
	Arch     string // "" or x86_64
	Logger   hclog.Logger
	// Progress, when set, is told when a stage begins: done of total stages. It is called from Build's goroutine.
	Progress func(done, total int64, stage string)
}

// Result is a finished build.
type Result struct {
	Path        string
	VirtualSize int64    // bytes
	Kernel      string   // release, such as 6.1.0-56-cloud-amd64
	Packages    []string // name_version of each package that was used, sorted
}

// Build makes the image. It may run for some minutes the first time (it downloads about 40 MB); later ones take seconds.
// Two builds with one cache directory wait for each other.
func Build(ctx context.Context, cfg Config) (Result, error) {
	if err := cfg.validate(); err != nil {
		return Result{}, err
	}
	if err := CheckHost(); err != nil {
		return Result{}, err
	}
	b := &builder{cfg: cfg, log: cfg.Logger}
	if b.log == nil {
		b.log = hclog.NewNullLogger()
	}
	res, err := b.build(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("build micro image: %w", err)
	}
	return res, nil
}

func (c *Config) validate() error {
	switch {
	case c.OutPath == "":
		return errors.New("build micro image: no output path")
	case c.CacheDir == "":
		return errors.New("build micro image: no cache directory")
	case c.Arch != "" && c.Arch != ArchX8664:
		return fmt.Errorf("build micro image: architecture %q is not supported, only %s", c.Arch, ArchX8664)
	}
	return nil
}

// builder is one run of Build.
type builder struct {
	cfg    Config
	log    hclog.Logger
	work   string    // temporary directory of this run
	trees  []string  // unpacked packages
	kernel string    // release
	epoch  time.Time // the time of every file in the image
	stages int64
}

const totalStages = 5

func (b *builder) stage(name string) {
	b.log.Info("building micro image", "stage", name)
	if b.cfg.Progress != nil {
		b.cfg.Progress(b.stages, totalStages, name)
	}
	b.stages++
}

func (b *builder) build(ctx context.Context) (Result, error) {
	// Tools run in other directories, so every path must be absolute.
	out, err := filepath.Abs(b.cfg.OutPath)
	if err != nil {
		return Result{}, err
	}
	if b.cfg.CacheDir, err = filepath.Abs(b.cfg.CacheDir); err != nil {
		return Result{}, err
	}
	if err := os.MkdirAll(b.cfg.CacheDir, 0o755); err != nil {
		return Result{}, fmt.Errorf("make cache directory: %w", err)
	}
	unlock, err := lockDir(ctx, b.cfg.CacheDir)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	// The work directory is beside the result, so that the last step is a rename within one file system.
	if b.work, err = os.MkdirTemp(filepath.Dir(out), ".hive-micro-"); err != nil {
		return Result{}, fmt.Errorf("make work directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(b.work) }()

	b.stage("download packages")
	debs, err := b.fetchPackages(ctx)
	if err != nil {
		return Result{}, err
	}
	b.stage("unpack packages")
	if err := b.unpack(ctx, debs); err != nil {
		return Result{}, err
	}
	image, err := b.assemble(ctx)
	if err != nil {
		return Result{}, err
	}
	if err := publish(image, out); err != nil {
		return Result{}, err
	}
	return Result{Path: out, VirtualSize: diskBytes, Kernel: b.kernel, Packages: packageNames(debs)}, nil
}

// assemble makes the image out of the unpacked packages, in the work directory.
func (b *builder) assemble(ctx context.Context) (string, error) {
	if err := b.findKernel(); err != nil {
		return "", err
	}
	b.stage("assemble root file system")
	initrd := filepath.Join(b.work, "initrd.img")
	if err := b.writeInitrd(initrd); err != nil {
		return "", fmt.Errorf("write initrd: %w", err)
	}
	root, err := b.makeRoot(ctx)
	if err != nil {
		return "", fmt.Errorf("make root file system: %w", err)
	}
	b.stage("assemble boot partition")
	esp, err := b.makeESP(ctx, initrd)
	if err != nil {
		return "", fmt.Errorf("make boot partition: %w", err)
	}
	b.stage("write disk image")
	image := filepath.Join(b.work, "disk.raw")
	if err := b.writeDisk(ctx, image, esp, root); err != nil {
		return "", fmt.Errorf("write disk image: %w", err)
	}
	return image, nil
}

// publish makes the finished image durable under its final name.
func publish(image, out string) error {
	f, err := os.Open(image)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("sync image: %w", err)
	}
	return os.Rename(image, out)
}

// lockDir takes the lock file of the cache directory, waiting for another build to end.
func lockDir(ctx context.Context, dir string) (func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open cache lock: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			_ = f.Close()
			return nil, fmt.Errorf("lock cache directory %s: %w", dir, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("wait for another build in %s: %w", dir, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (b *builder) epochString() string { return strconv.FormatInt(b.epoch.Unix(), 10) }
