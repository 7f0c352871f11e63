// SPDX-License-Identifier: Apache-2.0

package micro

import (
	"bufio"
	"embed"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

//go:embed initrd/init
var initrdFiles embed.FS

// initrdModules bring the root disk up.
var initrdModules = []string{"virtio_pci", "virtio_blk"}

// writeInitrd writes the initial RAM file system: busybox, the modules of the root disk, and initrd/init. It is not compressed:
// an emulated CPU reads two more megabytes faster than it inflates them.
func (b *builder) writeInitrd(path string) error {
	busybox, err := b.readPackaged("usr/bin/busybox")
	if err != nil {
		return err
	}
	modules, err := b.modules(initrdModules)
	if err != nil {
		return err
	}
	init, err := initrdFiles.ReadFile("initrd/init")
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	c := &cpio{w: w, mtime: b.epoch}
	for _, dir := range []string{"bin", "dev", "m", "proc", "r", "sys"} {
		c.dir(dir)
	}
	c.file("init", init)
	c.file("bin/busybox", busybox)
	for _, m := range modules {
		c.file("m/"+m.name+".ko", m.data)
	}
	c.file("m/order", []byte(loadOrder(modules)))
	c.trailer()
	if c.err == nil {
		c.err = w.Flush()
	}
	if err := f.Close(); c.err == nil {
		c.err = err
	}
	return c.err
}

func (b *builder) readPackaged(path string) ([]byte, error) {
	full, err := b.find(path)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(full)
}

// loadOrder is the file that the guest's scripts read: one module file a line.
func loadOrder(modules []module) string {
	var s strings.Builder
	for _, m := range modules {
		s.WriteString(m.name + ".ko\n")
	}
	return s.String()
}

// cpio writes an archive in the "newc" format that the kernel unpacks
// (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html), everything owned by root. The first error sticks.
type cpio struct {
	w     io.Writer
	mtime time.Time
	inode int
	err   error
}

const (
	cpioDir  = 0o040755
	cpioFile = 0o100755
)

func (c *cpio) dir(name string) { c.entry(name, cpioDir, nil) }

func (c *cpio) file(name string, data []byte) { c.entry(name, cpioFile, data) }

func (c *cpio) trailer() { c.entry("TRAILER!!!", 0, nil) }

func (c *cpio) entry(name string, mode int, data []byte) {
	c.inode++
	links := 1
	if mode == cpioDir {
		links = 2
	}
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		c.inode, mode, 0, 0, links, c.mtime.Unix(), len(data), 0, 0, 0, 0, len(name)+1, 0)
	c.write([]byte(header + name + "\x00"))
	c.pad(len(header) + len(name) + 1)
	c.write(data)
	c.pad(len(data))
}

func (c *cpio) pad(n int) { c.write(make([]byte, -n&3)) }

func (c *cpio) write(p []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(p)
	}
}
