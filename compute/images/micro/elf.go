// SPDX-License-Identifier: Apache-2.0

package micro

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ulikunitz/xz"
)

// libDirs are where the loader looks, relative to the root.
var libDirs = []string{"usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib"}

// libraries follows the needed-entries of programs and returns the files of all libraries, loader included, by soname. It reads
// the ELF files instead of running ldd, which would look at the host's libraries.
func (b *builder) libraries(programs []string) (map[string]string, error) {
	found := map[string]string{}
	queue := slices.Clone(programs)
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		needed, err := neededBy(path)
		if err != nil {
			return nil, fmt.Errorf("read libraries of %s: %w", filepath.Base(path), err)
		}
		for _, soname := range needed {
			if found[soname] != "" {
				continue
			}
			lib, err := b.findLibrary(soname)
			if err != nil {
				return nil, fmt.Errorf("%s needs a library: %w", filepath.Base(path), err)
			}
			found[soname] = lib
			queue = append(queue, lib)
		}
	}
	return found, nil
}

func (b *builder) findLibrary(soname string) (string, error) {
	var last error
	for _, dir := range libDirs {
		path, err := b.find(dir + "/" + soname)
		if err == nil {
			return path, nil
		}
		last = err
	}
	return "", last
}

// neededBy lists the sonames that a program or library needs, its loader among them.
func neededBy(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	needed, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		interp, err := io.ReadAll(p.Open())
		if err != nil {
			return nil, err
		}
		needed = append(needed, filepath.Base(strings.TrimRight(string(interp), "\x00")))
	}
	return needed, nil
}

// module is a kernel module of the image.
type module struct {
	name string // file name without .ko, with underscores as the kernel has it
	data []byte // uncompressed
}

// modules are the wanted modules and what they depend on, in the order in which they must be loaded, each once. Modules that are
// built into the kernel are left out; any other that is missing is an error.
func (b *builder) modules(wanted []string) ([]module, error) {
	files, builtin, err := b.moduleFiles()
	if err != nil {
		return nil, err
	}
	var ordered []module
	seen := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		if seen[name] || builtin[name] {
			return nil
		}
		seen[name] = true
		path, ok := files[name]
		if !ok {
			return fmt.Errorf("kernel %s has no module %s", b.kernel, name)
		}
		data, err := readModule(path)
		if err != nil {
			return fmt.Errorf("read module %s: %w", name, err)
		}
		deps, err := moduleDepends(data)
		if err != nil {
			return fmt.Errorf("read module %s: %w", name, err)
		}
		for _, dep := range deps {
			if err := add(dep); err != nil {
				return fmt.Errorf("module %s: %w", name, err)
			}
		}
		ordered = append(ordered, module{name: name, data: data})
		return nil
	}
	for _, name := range wanted {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return ordered, nil
}

// moduleFiles maps module names to files, and tells which are built in.
func (b *builder) moduleFiles() (files map[string]string, builtin map[string]bool, err error) {
	files, builtin = map[string]string{}, map[string]bool{}
	for _, tree := range b.trees {
		for _, top := range []string{"lib/modules", "usr/lib/modules"} {
			dir := filepath.Join(tree, top, b.kernel)
			if list, err := os.ReadFile(filepath.Join(dir, "modules.builtin")); err == nil {
				for line := range strings.Lines(string(list)) {
					builtin[moduleName(strings.TrimSpace(line))] = true
				}
			}
			err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err == nil && strings.Contains(d.Name(), ".ko") {
					files[moduleName(d.Name())] = path
				}
				return nil // a package without modules has no such directory
			})
			if err != nil {
				return nil, nil, fmt.Errorf("list kernel modules: %w", err)
			}
		}
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("list kernel modules: the packages have none for %s", b.kernel)
	}
	return files, builtin, nil
}

// moduleName is the kernel's name of a module file: virtio-rng.ko.xz is virtio_rng.
func moduleName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// readModule reads a module; newer Debian kernels have them compressed, and the guest's insmod should not spend time on that.
func readModule(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil || strings.HasSuffix(path, ".ko") {
		return data, err
	}
	if !strings.HasSuffix(path, ".ko.xz") {
		return nil, fmt.Errorf("unknown compression of %s", filepath.Base(path))
	}
	r, err := xz.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// moduleDepends reads the depends entry of a module's .modinfo section: NUL-separated key=value texts.
func moduleDepends(data []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("no .modinfo section")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for entry := range strings.SplitSeq(string(info), "\x00") {
		if list, ok := strings.CutPrefix(entry, "depends="); ok && list != "" {
			deps := strings.Split(list, ",")
			for i := range deps {
				deps[i] = moduleName(deps[i])
			}
			return deps, nil
		}
	}
	return nil, nil
}
