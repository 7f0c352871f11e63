// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func inspect(t *testing.T, path string) (Layout, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return Inspect(f, info.Size())
}

func TestInspect_GPT(t *testing.T) {
	t.Parallel()
	const linux = "type=0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	root := rootData(t, 8)
	for _, tc := range []struct {
		name     string
		bootCode bool
		parts    []gptPart
		modes    []string
		arch     string
		root     int
		last     bool
	}{
		{"BIOS and UEFI, root first in the table and last on the disk", true, []gptPart{
			{40, 8, linux + ", name=root", root},
			{1, 1, "type=" + typeBIOSBoot, nil},
			{2, 34, "type=" + typeESP, espData(t, 34, "BOOTX64.EFI", "-F", "32", "-s", "1")},
		}, []string{BootBIOS, BootUEFI}, "x86_64", 1, true},
		{"UEFI only, FAT16", false, []gptPart{{1, 16, "type=" + typeESP, espData(t, 16, "bootx64.efi", "-F", "16")}, {20, 8, linux, root}}, []string{BootUEFI}, "x86_64", 2, true},
		{"arm64, FAT12", true, []gptPart{{1, 4, "type=" + typeESP, espData(t, 4, "BOOTAA64.EFI", "-F", "12")}, {20, 8, "type=" + typeRootARM64, root}, {30, 1, linux, nil}},
			[]string{BootUEFI}, "arm64", 2, false},
		{"legacy-bootable attribute", true, []gptPart{{1, 16, `type=` + typeESP + `, attrs="LegacyBIOSBootable"`, espData(t, 16, "OTHER.EFI")}, {20, 8, linux, root}}, []string{BootBIOS}, "x86_64", 2, true},
		{"no boot code", false, []gptPart{{1, 1, "type=" + typeBIOSBoot, nil}, {20, 8, linux, root}}, nil, "", 2, true},
		{"the larger of two file systems is the root", false, []gptPart{{1, 8, linux, root}, {20, 12, linux, root}}, nil, "", 2, true},
		{"nothing to boot from", true, []gptPart{{20, 8, linux, make([]byte, 10)}}, nil, "", 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l, err := inspect(t, gptDisk(t, 64, tc.bootCode, tc.parts...))
			if err != nil {
				t.Fatal(err)
			}
			if l.Table != "gpt" || len(l.Partitions) != len(tc.parts) || !slices.Equal(l.BootModes, tc.modes) || l.Arch != tc.arch {
				t.Errorf("layout %+v, want %q, %q", l, tc.modes, tc.arch)
			}
			if tc.root == 0 {
				if l.Root != nil {
					t.Errorf("root %+v, want none", l.Root)
				}
				return
			}
			if l.Root == nil || l.Root.Number != tc.root || l.Root.FileSystem != "ext4" || l.Root.Label != "my-root" || l.Root.Last != tc.last {
				t.Errorf("root %+v, want number %d, last %v", l.Root, tc.root, tc.last)
			}
		})
	}
}

func TestInspect_MBRAndNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := inspect(t, write(t, filepath.Join(dir, "mbr"), plainDisk(4*mib)))
	if err != nil || l.Table != "mbr" || !slices.Equal(l.BootModes, []string{BootBIOS}) || l.Arch != "x86_64" || len(l.Partitions) != 1 || !l.Partitions[0].Last {
		t.Errorf("MBR: %+v, %v", l, err)
	}

	// A file system on the whole disk with a loader in its boot sector, whose code is where a partition table would be.
	whole := rootData(t, 8)
	copy(whole, bytes.Repeat([]byte{0x80, 0x11, 0x22, 0x33}, 128))
	whole[510], whole[511] = 0x55, 0xaa
	l, err = inspect(t, write(t, filepath.Join(dir, "whole"), whole))
	if err != nil || l.Table != "none" || !slices.Equal(l.BootModes, []string{BootBIOS}) || l.Root == nil || l.Root.Number != 0 || l.Root.FileSystem != "ext4" || l.Root.Size != 8*mib {
		t.Errorf("whole disk: %+v, root %+v, %v", l, l.Root, err)
	}

	data := rootData(t, 8)
	l, err = inspect(t, write(t, filepath.Join(dir, "data"), data))
	if err != nil || len(l.BootModes) != 0 || l.Root == nil {
		t.Errorf("data disk: %+v, %v", l, err)
	}
}

func TestInspect_DamagedTables(t *testing.T) {
	t.Parallel()
	root := rootData(t, 8)
	disk := read(t, gptDisk(t, 64, false, gptPart{1, 8, "type=" + typeRootX8664, root}, gptPart{50, 8, "type=" + typeESP, espData(t, 8, "BOOTX64.EFI")}))
	change := func(offset int, value byte) []byte {
		c := bytes.Clone(disk)
		c[offset] ^= value
		return c
	}
	l, err := Inspect(bytes.NewReader(change(512+60, 1)), int64(len(disk)))
	if err != nil || len(l.Partitions) != 2 {
		t.Errorf("damaged primary header: %+v, %v; want the backup's answer", l, err)
	}
	l, err = Inspect(bytes.NewReader(change(1024+5, 1)), int64(len(disk)))
	if err != nil || len(l.Partitions) != 2 {
		t.Errorf("damaged primary table: %+v, %v; want the backup's answer", l, err)
	}
	both := change(512+60, 1)
	both[len(both)-512+60] ^= 1
	for name, tc := range map[string]struct {
		disk []byte
		kind error
		text string
	}{
		"both headers damaged":             {both, ErrCorrupt, "wrong checksum"},
		"cut off":                          {disk[:40*mib], ErrCorrupt, "cut off"},
		"no GPT behind the protective MBR": {append(bytes.Clone(disk[:512]), make([]byte, 10*mib)...), ErrCorrupt, "there is none"},
		"4096-byte sectors":                {append(make([]byte, 4096), append([]byte(gptSignature), make([]byte, mib)...)...), ErrUnsupported, "4096-byte"},
	} {
		if l, err := Inspect(bytes.NewReader(tc.disk), int64(len(tc.disk))); !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
}

func TestListFAT_SurvivesLoops(t *testing.T) {
	t.Parallel()
	esp := espData(t, 16, "BOOTX64.EFI", "-F", "16")
	f, ok, err := openFAT(bytes.NewReader(esp))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	// Every cluster's successor is cluster 2, and no directory ends.
	for i := f.fatAt; i < f.rootAt; i += 2 {
		esp[i], esp[i+1] = 2, 0
	}
	for i := f.dataAt; i < int64(len(esp)); i++ {
		if esp[i] == 0 {
			esp[i] = 0x41
		}
	}
	if _, err := listFAT(bytes.NewReader(esp), "EFI", "BOOT"); err != nil {
		t.Error(err)
	}
}

// FuzzHeaders: whatever the bytes are, detecting, validating and inspecting end, without panics and without reading much.
func FuzzHeaders(f *testing.F) {
	disk := plainDisk(2 * mib)[:4096]
	for _, magic := range []string{"QFI\xfb\x00\x00\x00\x03", "KDMV", "conectix", "vhdxfile", "\x1f\x8b\x08", "\xfd7zXZ\x00"} {
		f.Add(append([]byte(magic), disk...))
	}
	f.Add(disk)
	f.Add(append(bytes.Clone(disk[:512]), append([]byte(gptSignature), disk...)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, size := bytes.NewReader(data), int64(len(data))
		if format, err := Detect(r, size); err == nil && format != FormatRaw {
			_ = validateHeader(r, size, format, 1<<40)
		}
		for _, format := range []Format{FormatQCOW2, FormatVMDK, FormatVHD, FormatVHDX} {
			_ = validateHeader(r, size, format, 1<<40)
		}
		if l, err := Inspect(r, size); err == nil {
			for _, p := range l.Partitions {
				if p.Start < 0 || p.Size < 0 || p.Start+p.Size > size {
					t.Errorf("partition %+v of a disk of %d bytes", p, size)
				}
			}
		}
		_, _ = listFAT(r, "EFI", "BOOT")
		_ = checkDescriptor(string(data))
	})
}
