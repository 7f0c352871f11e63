// SPDX-License-Identifier: Apache-2.0

package micro

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// usrMerged are top-level directories that may or may not be links into /usr, depending on the Debian release: a file is
// looked for in both places.
var usrMerged = []string{"bin/", "sbin/", "lib/", "lib64/"}

// find locates a file of the unpacked packages by its path in the file system, such as usr/sbin/dropbear.
func (b *builder) find(path string) (string, error) {
	candidates := []string{path}
	plain := strings.TrimPrefix(path, "usr/")
	for _, top := range usrMerged {
		if strings.HasPrefix(plain, top) {
			candidates = []string{"usr/" + plain, plain}
		}
	}
	for _, tree := range b.trees {
		for _, c := range candidates {
			full := filepath.Join(tree, c)
			if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() {
				return full, nil
			}
		}
	}
	return "", fmt.Errorf("find %s: %w", path, errNoFile)
}

// findKernel looks for the one kernel among the unpacked packages. Its time becomes that of every file in the image.
func (b *builder) findKernel() error {
	var found []string
	for _, tree := range b.trees {
		matches, err := filepath.Glob(filepath.Join(tree, "boot", "vmlinuz-*"))
		if err != nil {
			return fmt.Errorf("find kernel: %w", err)
		}
		found = append(found, matches...)
	}
	if len(found) != 1 {
		return fmt.Errorf("find kernel: the packages have %d kernels, want one", len(found))
	}
	info, err := os.Stat(found[0])
	if err != nil {
		return fmt.Errorf("find kernel: %w", err)
	}
	b.kernel = strings.TrimPrefix(filepath.Base(found[0]), "vmlinuz-")
	b.epoch = info.ModTime().UTC()
	return nil
}

// copyEmbedded writes a directory of the embedded files under a target directory, everything executable that starts with #!.
func copyEmbedded(source fs.FS, target string) error {
	return fs.WalkDir(source, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(target, path)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := fs.ReadFile(source, path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(string(data), "#!") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return writeFile(to, data, mode)
	})
}

// writeFile writes a file with exactly the mode, whatever the umask.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	if err := os.WriteFile(path, data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

func copyFile(from, to string, mode fs.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeFile(to, data, mode)
}

// moveFile renames, or copies when the target is on another file system. A copy gets a temporary name first, so that the target
// is never half-made.
func moveFile(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.CreateTemp(filepath.Dir(to), ".incoming-")
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(out.Name(), to)
	}
	if err != nil {
		_ = os.Remove(out.Name())
	}
	return err
}

// freeze gives every file, directory and link of a tree the build's time. Children come before their directory, whose time they
// would change.
func (b *builder) freeze(root string) error {
	var paths []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	})
	if err != nil {
		return err
	}
	times := []unix.Timeval{{Sec: b.epoch.Unix()}, {Sec: b.epoch.Unix()}}
	for _, path := range slices.Backward(paths) {
		if err := unix.Lutimes(path, times); err != nil {
			return fmt.Errorf("set time of %s: %w", path, err)
		}
	}
	return nil
}
