// SPDX-License-Identifier: Apache-2.0

package micro

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// Layout of the disk, in MiB: one before the first partition, the ESP, the root, one for the backup partition table.
const (
	mib       = 1 << 20
	espMiB    = 36
	rootMiB   = 24
	diskBytes = (1 + espMiB + rootMiB + 1) * mib
)

// Identifiers are fixed: the image is the same each time it is built, and the kernel finds its root by label anyway.
const (
	rootLabel = "hive-root"
	diskUUID  = "48495645-0000-4000-8000-000000000001"
	espUUID   = "48495645-0000-4000-8000-000000000002"
	partUUID  = "48495645-0000-4000-8000-000000000003"
	rootUUID  = "48495645-0000-4000-8000-000000000004"
	espID     = "48495645" // FAT volume id
	typeESP   = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	typeRoot  = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709" // Linux root (x86-64), discoverable partitions specification
)

// kernelArgs: the serial console comes last, so it is /dev/console. mitigations=off and nokaslr save a tenth of an emulated
// boot; the guest runs one tenant's code only, and the host does not rely on it. panic=1 reboots, unless pvpanic stops it first.
const kernelArgs = "console=tty0 console=ttyS0,115200 quiet loglevel=4 panic=1 mitigations=off nokaslr no_timer_check tsc=reliable random.trust_cpu=on"

// makeESP builds the FAT file system with the kernel, the initrd and both boot loaders' files.
func (b *builder) makeESP(ctx context.Context, initrd string) (string, error) {
	kernel, err := b.find("boot/vmlinuz-" + b.kernel)
	if err != nil {
		return "", err
	}
	loader, err := b.find("usr/lib/systemd/boot/efi/systemd-bootx64.efi")
	if err != nil {
		return "", err
	}
	stage := filepath.Join(b.work, "esp")
	if err := b.stageESP(stage, map[string]string{"vmlinuz": kernel, "initrd.img": initrd, "EFI/BOOT/BOOTX64.EFI": loader}); err != nil {
		return "", err
	}
	image := filepath.Join(b.work, "esp.fat")
	if err := createSparse(image, espMiB*mib); err != nil {
		return "", err
	}
	if _, err := b.run(ctx, command{name: "mkfs.vfat", args: []string{"-F", "16", "-s", "4", "-n", "HIVE-ESP", "-i", espID, "--invariant", image}}); err != nil {
		return "", err
	}
	// mcopy -s copies trees, -m keeps the times. The order is ours, not the directory's.
	args := []string{"-i", image, "-s", "-m", "-Q"}
	for _, name := range []string{"EFI", "loader", "initrd.img", "syslinux.cfg", "vmlinuz"} {
		args = append(args, filepath.Join(stage, name))
	}
	if _, err := b.run(ctx, command{name: "mcopy", args: append(args, "::")}); err != nil {
		return "", err
	}
	return image, nil
}

// stageESP lays the files of the ESP out in a directory.
func (b *builder) stageESP(stage string, files map[string]string) error {
	for _, dir := range []string{"EFI/BOOT", "loader/entries"} {
		if err := os.MkdirAll(filepath.Join(stage, dir), 0o755); err != nil {
			return err
		}
	}
	for to, from := range files {
		if err := copyFile(from, filepath.Join(stage, to), 0o644); err != nil {
			return err
		}
	}
	for to, text := range map[string]string{
		"syslinux.cfg": "DEFAULT hive\nPROMPT 0\nTIMEOUT 1\nNOESCAPE 1\nLABEL hive\n LINUX /vmlinuz\n INITRD /initrd.img\n APPEND " +
			kernelArgs + "\n",
		"loader/loader.conf":       "default hive\ntimeout 0\neditor no\n",
		"loader/entries/hive.conf": "title Hive micro\nlinux /vmlinuz\ninitrd /initrd.img\noptions " + kernelArgs + "\n",
	} {
		if err := writeFile(filepath.Join(stage, to), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return b.freeze(stage)
}

// writeDisk puts the partition table, the boot code and both file systems into one image.
func (b *builder) writeDisk(ctx context.Context, image, esp, root string) error {
	if err := createSparse(image, diskBytes); err != nil {
		return err
	}
	const sector = 512
	table := "label: gpt\nlabel-id: " + diskUUID + "\nfirst-lba: 2048\n" +
		"start=" + strconv.Itoa(mib/sector) + ", size=" + strconv.Itoa(espMiB*mib/sector) + ", type=" + typeESP + ", uuid=" + espUUID +
		", name=esp, attrs=\"LegacyBIOSBootable\"\n" +
		"start=" + strconv.Itoa((1+espMiB)*mib/sector) + ", size=" + strconv.Itoa(rootMiB*mib/sector) + ", type=" + typeRoot + ", uuid=" + partUUID +
		", name=root\n"
	if _, err := b.run(ctx, command{name: "sfdisk", args: []string{"-q", image}, stdin: table}); err != nil {
		return err
	}
	mbr, err := b.readPackaged("usr/lib/syslinux/mbr/gptmbr.bin")
	if err != nil {
		return err
	}
	if len(mbr) > 440 {
		return fmt.Errorf("boot code has %d bytes, 440 fit", len(mbr))
	}
	disk, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = disk.WriteAt(mbr, 0)
	if err == nil {
		err = copySparse(disk, mib, esp)
	}
	if err == nil {
		err = copySparse(disk, (1+espMiB)*mib, root)
	}
	if cerr := disk.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	// syslinux writes its boot sector and its two files into the file system at the offset, by way of mtools.
	_, err = b.run(ctx, command{name: "syslinux", args: []string{"--install", "--offset", strconv.Itoa(mib), image}})
	return err
}

func createSparse(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// copySparse writes a file into the image at an offset, leaving out blocks of zeros.
func copySparse(image *os.File, offset int64, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	const block = 64 << 10
	buf, zero := make([]byte, block), make([]byte, block)
	for {
		n, err := io.ReadFull(in, buf)
		if n > 0 && !bytes.Equal(buf[:n], zero[:n]) {
			if _, werr := image.WriteAt(buf[:n], offset); werr != nil {
				return werr
			}
		}
		offset += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
