// SPDX-License-Identifier: Apache-2.0

package micro

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

//go:embed all:rootfs
var rootFiles embed.FS

// Modules of the running guest. The early ones are loaded before anything else, the seed ones when a NoCloud disk is there, the
// late ones when the guest is ready.
var (
	earlyModules = []string{"virtio_net", "evdev", "button", "virtio_rng"}
	seedModules  = []string{"isofs", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8"}
	lateModules  = []string{"virtio_balloon", "pvpanic_pci", "virtio_console"}
)

// programs of the guest beside busybox. sfdisk, partx and resize2fs grow the root.
var programs = []string{"usr/sbin/dropbear", "usr/bin/dropbearkey", "usr/sbin/sfdisk", "usr/bin/partx", "usr/sbin/resize2fs"}

var rootDirs = []string{
	"boot", "dev", "etc/dropbear", "home/ec2-user", "lib/hive", "mnt", "proc", "root", "run", "sys", "tmp",
	"usr/bin", "usr/sbin", "usr/lib/x86_64-linux-gnu", "usr/lib64", "var/lib/hive", "var/log",
}

// usrLinks makes the tree usr-merged, as Debian's is.
var usrLinks = map[string]string{"bin": "usr/bin", "sbin": "usr/sbin", "lib64": "usr/lib64"}

// makeRoot builds the root file system and returns the path of its image.
func (b *builder) makeRoot(ctx context.Context) (string, error) {
	root := filepath.Join(b.work, "root")
	if err := b.fillRoot(ctx, root); err != nil {
		return "", err
	}
	if err := b.freeze(root); err != nil {
		return "", fmt.Errorf("set file times: %w", err)
	}
	image := filepath.Join(b.work, "root.ext4")
	// The features are spelled out, because mke2fs's defaults differ between releases. -i: one inode for 16 KiB, or growing would
	// write four times the inode tables. resize: room in the descriptor table to grow online to 2 TiB.
	args := []string{
		"--", "mke2fs", "-q", "-F", "-t", "ext4", "-L", rootLabel, "-U", rootUUID, "-b", "4096", "-m", "0", "-i", "16384", "-J", "size=4",
		"-O", "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum",
		"-E", "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,hash_seed=" + rootUUID + ",resize=" + strconv.FormatInt(2<<40/4096, 10),
		"-d", root, image, strconv.Itoa(rootMiB) + "M",
	}
	// fakeroot makes the files root's in the image.
	if _, err := b.run(ctx, command{name: "fakeroot", args: args}); err != nil {
		return "", err
	}
	if err := b.freezeChangeTimes(ctx, root, image); err != nil {
		return "", fmt.Errorf("set change times: %w", err)
	}
	return image, nil
}

// freezeChangeTimes sets the ctime of every inode in the image, the one thing that mke2fs takes over from the tree and that no
// program can set there. Without it, no two builds are equal.
func (b *builder) freezeChangeTimes(ctx context.Context, root, image string) error {
	var script strings.Builder
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if rel, rerr := filepath.Rel(root, path); err == nil && rerr == nil {
			fmt.Fprintf(&script, "set_inode_field \"/%s\" ctime @%s\n", strings.TrimPrefix(rel, "."), b.epochString())
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = b.run(ctx, command{name: "debugfs", args: []string{"-w", "-f", "-", image}, stdin: script.String()})
	return err
}

// fillRoot assembles the tree of the root file system.
func (b *builder) fillRoot(ctx context.Context, root string) error {
	for _, dir := range rootDirs {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for link, target := range usrLinks {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			return err
		}
	}
	own, err := fs.Sub(rootFiles, "rootfs")
	if err != nil {
		return err
	}
	if err := copyEmbedded(own, root); err != nil {
		return fmt.Errorf("copy own files: %w", err)
	}
	if err := b.addBusybox(ctx, root); err != nil {
		return fmt.Errorf("add busybox: %w", err)
	}
	if err := b.addPrograms(root); err != nil {
		return fmt.Errorf("add programs: %w", err)
	}
	if err := b.addModules(root); err != nil {
		return fmt.Errorf("add modules: %w", err)
	}
	return setModes(root)
}

// addBusybox copies busybox and links its applets, save those that the image has real programs for.
func (b *builder) addBusybox(ctx context.Context, root string) error {
	path, err := b.find("usr/bin/busybox")
	if err != nil {
		return err
	}
	if err := copyFile(path, filepath.Join(root, "usr/bin/busybox"), 0o755); err != nil {
		return err
	}
	applets, err := b.run(ctx, command{name: path, args: []string{"--list"}})
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(applets) {
		if name == "busybox" || slices.ContainsFunc(programs, func(p string) bool { return filepath.Base(p) == name }) {
			continue
		}
		if err := os.Symlink("busybox", filepath.Join(root, "usr/bin", name)); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) addPrograms(root string) error {
	var paths []string
	for _, p := range programs {
		path, err := b.find(p)
		if err != nil {
			return err
		}
		if err := copyFile(path, filepath.Join(root, p), 0o755); err != nil {
			return err
		}
		paths = append(paths, path)
	}
	libs, err := b.libraries(paths)
	if err != nil {
		return err
	}
	for soname, path := range libs {
		dir := "usr/lib/x86_64-linux-gnu"
		if strings.HasPrefix(soname, "ld-linux") {
			dir = "usr/lib64"
		}
		if err := copyFile(path, filepath.Join(root, dir, soname), 0o755); err != nil {
			return err
		}
	}
	// The loader's built-in paths still begin with /lib.
	return os.Symlink("../usr/lib/x86_64-linux-gnu", filepath.Join(root, "lib/x86_64-linux-gnu"))
}

// addModules puts the modules into lib/hive, with a list of what to load when.
func (b *builder) addModules(root string) error {
	loaded := map[string]bool{}
	initial, err := b.modules(initrdModules)
	if err != nil {
		return err
	}
	for _, m := range initial {
		loaded[m.name] = true // by the initrd
	}
	for _, set := range []struct {
		list  string
		names []string
	}{{"order", earlyModules}, {"order.seed", seedModules}, {"order.late", lateModules}} {
		modules, err := b.modules(set.names)
		if err != nil {
			return err
		}
		modules = slices.DeleteFunc(modules, func(m module) bool { return loaded[m.name] })
		for _, m := range modules {
			loaded[m.name] = true
			if err := writeFile(filepath.Join(root, "lib/hive", m.name+".ko"), m.data, 0o644); err != nil {
				return err
			}
		}
		if err := writeFile(filepath.Join(root, "lib/hive", set.list), []byte(loadOrder(modules)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// setModes gives directories their rights, whatever the umask was, and the special ones theirs.
func setModes(root string) error {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	if err != nil {
		return err
	}
	for path, mode := range map[string]fs.FileMode{
		"etc/shadow": 0o600, "etc/dropbear": 0o700, "root": 0o700, "tmp": 0o777 | fs.ModeSticky,
	} {
		if err := os.Chmod(filepath.Join(root, path), mode); err != nil {
			return err
		}
	}
	return nil
}
