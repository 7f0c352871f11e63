// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const mib = 1 << 20

// tool runs a host program, and skips the test when the host lacks it; in CI that is a failure.
func tool(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("this host has no %s", name)
		}
		t.Skipf("this host has no %s", name)
	}
	run := func() ([]byte, error) {
		cmd := exec.Command(path, args...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
		return cmd.CombinedOutput()
	}
	out, err := run()
	// qemu-img times its key derivation, and on a busy machine it sometimes cannot.
	for n := 0; err != nil && strings.Contains(string(out), "Unable to get accurate CPU usage") && n < 100; n++ {
		out, err = run()
	}
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// noise is reproducible data with runs of zeros between.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, n)
	for at := 0; at < n; at += 3 * 65536 {
		for i := at; i < min(at+65536, n); i++ {
			data[i] = byte(r.Uint32())
		}
	}
	return data
}

// plainDisk is a disk with a boot sector and one MBR partition; size need not be a multiple of anything.
func plainDisk(size int) []byte {
	data := noise(size)
	clear(data[440:512])
	entry := data[446:]
	entry[0], entry[4] = 0x80, 0x83
	entry[8], entry[9] = 0, 8 // starts at sector 2048
	sectors := size/512 - 2048
	entry[12], entry[13], entry[14] = byte(sectors), byte(sectors>>8), byte(sectors>>16)
	data[510], data[511] = 0x55, 0xaa
	return data
}

type gptPart struct {
	start, size int // MiB
	options     string
	data        []byte
}

// gptDisk makes a disk with sfdisk.
func gptDisk(t *testing.T, sizeMiB int, bootCode bool, parts ...gptPart) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.raw")
	write(t, path, nil)
	if err := os.Truncate(path, int64(sizeMiB)*mib); err != nil {
		t.Fatal(err)
	}
	table := "label: gpt\n"
	for _, p := range parts {
		table += "start=" + strconv.Itoa(p.start*2048) + ", size=" + strconv.Itoa(p.size*2048) + ", " + p.options + "\n"
	}
	tool(t, table, "sfdisk", "-q", path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, p := range parts {
		if _, err := f.WriteAt(p.data, int64(p.start)*mib); err != nil {
			t.Fatal(err)
		}
	}
	if bootCode {
		if _, err := f.WriteAt(bytes.Repeat([]byte{0x90}, 440), 0); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// espData is a FAT file system with a loader in EFI/BOOT.
func espData(t *testing.T, sizeMiB int, loader string, options ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "esp")
	write(t, path, make([]byte, sizeMiB*mib))
	tool(t, "", "mkfs.vfat", append(options, "-n", "MY-ESP", path)...)
	tool(t, "", "mmd", "-i", path, "::EFI", "::EFI/debian", "::EFI/BOOT")
	file := write(t, filepath.Join(t.TempDir(), loader), []byte("MZ"))
	tool(t, "", "mcopy", "-i", path, file, "::EFI/BOOT/"+loader)
	return read(t, path)
}

// rootData is an ext4 file system.
func rootData(t *testing.T, sizeMiB int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root")
	tool(t, "", "mke2fs", "-q", "-t", "ext4", "-L", "my-root", path, strconv.Itoa(sizeMiB)+"M")
	return read(t, path)
}
