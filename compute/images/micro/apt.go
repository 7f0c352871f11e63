// SPDX-License-Identifier: Apache-2.0

package micro

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// kernelPackage depends on the newest kernel for virtual machines; which one that is, is asked, never written down.
const kernelPackage = "linux-image-cloud-amd64"

// packages whose files the image takes. Their libraries are found by dependency.
var packages = []string{"busybox-static", "dropbear-bin", "e2fsprogs", "fdisk", "syslinux-common", "systemd-boot-efi", "util-linux", "zlib1g"}

// withLibraries are packages whose library dependencies are followed; together they have all that the programs need. (zlib1g is
// named above, because the library packages are told by their names.)
var withLibraries = []string{"dropbear-bin", "e2fsprogs", "fdisk"}

// deb is a package as the package index describes it.
type deb struct {
	file   string // name_version_arch.deb, with the version's special characters escaped by apt
	size   int64
	sha256 string // hexadecimal
}

// fetchPackages brings every needed package into the cache. The host's own package index is asked first; when it is missing or
// out of date (the mirror no longer has what it lists), a private index is fetched, which needs no root.
func (b *builder) fetchPackages(ctx context.Context) ([]deb, error) {
	debs, err := b.fetchWith(ctx, nil)
	if err == nil || ctx.Err() != nil {
		return debs, err
	}
	b.log.Info("host's package index is not usable, fetching an own one", "error", err)
	private, perr := b.privateIndex(ctx)
	if perr != nil {
		return nil, errors.Join(err, perr)
	}
	return b.fetchWith(ctx, private)
}

func (b *builder) fetchWith(ctx context.Context, options []string) ([]deb, error) {
	names, err := b.resolve(ctx, options)
	if err != nil {
		return nil, err
	}
	debs, err := b.locate(ctx, options, names)
	if err != nil {
		return nil, err
	}
	if err := b.download(ctx, options, names, debs); err != nil {
		return nil, err
	}
	return debs, nil
}

// privateIndex runs apt-get update into the cache directory.
func (b *builder) privateIndex(ctx context.Context) ([]string, error) {
	dir := filepath.Join(b.cfg.CacheDir, "apt")
	for _, sub := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("make package index directory: %w", err)
		}
	}
	options := []string{
		"-o", "Dir::State::Lists=" + filepath.Join(dir, "lists"), "-o", "Dir::Cache=" + dir,
		"-o", "Dir::Cache::archives=" + filepath.Join(dir, "archives"), "-o", "Debug::NoLocking=true",
		"-o", "APT::Sandbox::User=root", "-o", "APT::Update::Post-Invoke-Success=", "-o", "APT::Update::Post-Invoke=",
	}
	if _, err := b.run(ctx, command{name: "apt-get", args: append(slices.Clone(options), "-q", "update")}); err != nil {
		return nil, fmt.Errorf("fetch package index: %w", err)
	}
	return options, nil
}

// resolve names all packages to download, sorted: ours, the kernel, and the libraries.
func (b *builder) resolve(ctx context.Context, options []string) ([]string, error) {
	out, err := b.run(ctx, command{name: "apt-cache", args: append(slices.Clone(options), "depends", "--important", kernelPackage)})
	if err != nil {
		return nil, fmt.Errorf("find kernel package: %w", err)
	}
	kernel := kernelDependency(out)
	if kernel == "" {
		return nil, fmt.Errorf("find kernel package: %s depends on no linux-image package: %s", kernelPackage, lastLines(out, 5))
	}
	args := append(slices.Clone(options), "depends", "--recurse", "--important")
	out, err = b.run(ctx, command{name: "apt-cache", args: append(args, withLibraries...)})
	if err != nil {
		return nil, fmt.Errorf("find libraries: %w", err)
	}
	names := append(libraryPackages(out), packages...)
	names = append(names, kernel)
	slices.Sort(names)
	return slices.Compact(names), nil
}

// kernelDependency reads the kernel's package name out of apt-cache depends.
func kernelDependency(out string) string {
	for line := range strings.SplitSeq(out, "\n") {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: ")
		if ok && strings.HasPrefix(name, "linux-image-") && !strings.HasSuffix(name, "-dbg") {
			return name
		}
	}
	return ""
}

// libraryPackages picks the library packages out of apt-cache depends --recurse, whose unindented lines are packages.
func libraryPackages(out string) []string {
	var names []string
	for line := range strings.SplitSeq(out, "\n") {
		if strings.HasPrefix(line, "lib") && !strings.ContainsAny(line, " :<") {
			names = append(names, line)
		}
	}
	return names
}

// locate asks which files the packages are.
func (b *builder) locate(ctx context.Context, options, names []string) ([]deb, error) {
	args := append(slices.Clone(options), "-qq", "download", "--print-uris")
	out, err := b.run(ctx, command{name: "apt-get", args: append(args, names...)})
	if err != nil {
		return nil, fmt.Errorf("locate packages: %w", err)
	}
	debs, err := parseURIs(out)
	if err != nil {
		return nil, err
	}
	if len(debs) != len(names) {
		return nil, fmt.Errorf("locate packages: apt-get named %d files for %d packages", len(debs), len(names))
	}
	return debs, nil
}

// parseURIs reads lines of apt-get --print-uris: 'URI' file size SHA256:hex.
func parseURIs(out string) ([]deb, error) {
	var debs []deb
	for line := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
		f := strings.Fields(line)
		if len(f) != 4 {
			return nil, fmt.Errorf("locate packages: cannot read %q", line)
		}
		size, err := strconv.ParseInt(f[2], 10, 64)
		sum, isSHA256 := strings.CutPrefix(f[3], "SHA256:")
		if err != nil || !isSHA256 || len(sum) != hex.EncodedLen(sha256.Size) || f[1] != filepath.Base(f[1]) || !strings.HasSuffix(f[1], ".deb") {
			return nil, fmt.Errorf("locate packages: cannot read %q", line)
		}
		debs = append(debs, deb{file: f[1], size: size, sha256: sum})
	}
	return debs, nil
}

// download fetches what the cache does not have and checks each file against the index, once, when it comes in.
func (b *builder) download(ctx context.Context, options, names []string, debs []deb) error {
	dir := b.debDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make package cache: %w", err)
	}
	var missing []string
	for _, d := range debs {
		if verify(filepath.Join(dir, d.file), d) == nil {
			continue
		}
		i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(d.file, n+"_") })
		if i < 0 {
			return fmt.Errorf("locate packages: nobody asked for %s", d.file)
		}
		missing = append(missing, names[i])
	}
	if len(missing) == 0 {
		return nil
	}
	incoming := filepath.Join(b.work, "incoming")
	if err := os.Mkdir(incoming, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make download directory: %w", err)
	}
	args := append(slices.Clone(options), "-q", "-o", "APT::Sandbox::User=root", "download")
	if _, err := b.run(ctx, command{name: "apt-get", args: append(args, missing...), dir: incoming}); err != nil {
		return fmt.Errorf("download packages: %w", err)
	}
	for _, d := range debs {
		from := filepath.Join(incoming, d.file)
		if _, err := os.Stat(from); err != nil {
			continue
		}
		if err := verify(from, d); err != nil {
			return err
		}
		if err := moveFile(from, filepath.Join(dir, d.file)); err != nil {
			return fmt.Errorf("keep package %s: %w", d.file, err)
		}
	}
	for _, d := range debs {
		if err := verify(filepath.Join(dir, d.file), d); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) debDir() string { return filepath.Join(b.cfg.CacheDir, "debs") }

// verify checks a package file's size and hash.
func verify(path string, d deb) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("verify package: %w", err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return fmt.Errorf("verify package %s: %w", d.file, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != d.size || got != d.sha256 {
		return fmt.Errorf("verify package %s: got %d bytes with sha256 %s, the index says %d and %s", d.file, n, got, d.size, d.sha256)
	}
	return nil
}

// unpack extracts each package into a tree of its own in the cache, once.
func (b *builder) unpack(ctx context.Context, debs []deb) error {
	for _, d := range debs {
		tree := filepath.Join(b.cfg.CacheDir, "trees", d.sha256)
		b.trees = append(b.trees, tree)
		if _, err := os.Stat(tree); err == nil {
			continue
		}
		// The rename at the end makes the tree exist all at once.
		tmp, err := os.MkdirTemp(b.cfg.CacheDir, "unpack-")
		if err != nil {
			return fmt.Errorf("unpack package: %w", err)
		}
		_, err = b.run(ctx, command{name: "dpkg-deb", args: []string{"--extract", filepath.Join(b.debDir(), d.file), tmp}})
		if err == nil {
			err = os.MkdirAll(filepath.Dir(tree), 0o755)
		}
		if err == nil {
			err = os.Rename(tmp, tree)
		}
		if err != nil {
			_ = os.RemoveAll(tmp)
			return fmt.Errorf("unpack package %s: %w", d.file, err)
		}
	}
	return nil
}

// packageNames are name_version of packages.
func packageNames(debs []deb) []string {
	names := make([]string, 0, len(debs))
	for _, d := range debs {
		name := strings.TrimSuffix(d.file, ".deb")
		if i := strings.LastIndexByte(name, '_'); i > 0 {
			name = name[:i]
		}
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
