// SPDX-License-Identifier: Apache-2.0

package micro

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
)

func TestBuild_RefusesBadConfig(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"no output":    {Config{CacheDir: "c"}, "no output path"},
		"no cache":     {Config{OutPath: "o"}, "no cache directory"},
		"architecture": {Config{OutPath: "o", CacheDir: "c", Arch: "arm64"}, `architecture "arm64" is not supported`},
	} {
		if _, err := Build(t.Context(), tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
}

func TestCheckTools_NamesWhatIsMissingAndHowToGetIt(t *testing.T) {
	t.Parallel()
	find := func(name string) (string, error) {
		if strings.HasPrefix(name, "m") {
			return "", exec.ErrNotFound
		}
		return "/bin/" + name, nil
	}
	err := checkTools(hostTools, find)
	want := "building the micro image needs mcopy, mke2fs, mkfs.vfat, mmd; install with: apt-get install -y dosfstools e2fsprogs mtools"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var missing *MissingToolsError
	if !errors.As(err, &missing) || len(missing.Tools) != 4 {
		t.Errorf("error is %T", err)
	}
	if err := checkTools(hostTools, func(string) (string, error) { return "", nil }); err != nil {
		t.Errorf("nothing missing: %v", err)
	}
}

func TestKernelDependency(t *testing.T) {
	t.Parallel()
	out := "linux-image-cloud-amd64\n  Depends: linux-base\n  Depends: linux-image-6.1.0-56-cloud-amd64\n"
	if got := kernelDependency(out); got != "linux-image-6.1.0-56-cloud-amd64" {
		t.Errorf("got %q", got)
	}
	if got := kernelDependency("linux-image-cloud-amd64\n  Depends: linux-base\n"); got != "" {
		t.Errorf("got %q, want none", got)
	}
}

func TestLibraryPackages(t *testing.T) {
	t.Parallel()
	out := "dropbear-bin\n  Depends: libc6\nlibc6\n  Depends: libgcc-s1\n<libvirtual>\nlibgcc-s1\n  PreDepends: x\nlibfoo:i386\nzlib1g\n"
	if diff := cmp.Diff([]string{"libc6", "libgcc-s1"}, libraryPackages(out)); diff != "" {
		t.Error(diff)
	}
}

func TestParseURIs(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("0a", 32)
	good := "'http://deb.debian.org/x.deb' dropbear-bin_2022.83-1+deb12u3_amd64.deb 155520 SHA256:" + sum
	got, err := parseURIs(good + "\n" + strings.Replace(good, "dropbear-bin", "libx", 1) + "\n")
	if err != nil || len(got) != 2 || got[0] != (deb{"dropbear-bin_2022.83-1+deb12u3_amd64.deb", 155520, sum}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"empty": "", "three fields": "'u' f.deb 1", "no size": strings.Replace(good, "155520", "many", 1), "weak hash": strings.Replace(good, "SHA256:", "MD5Sum:", 1),
		"short hash": good[:len(good)-2], "leaves the directory": strings.Replace(good, "dropbear-bin_", "../", 1), "no package": strings.Replace(good, ".deb 1", ".rpm 1", 1),
	} {
		if got, err := parseURIs(bad); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}

func TestVerify_RefusesChangedPackage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.deb")
	if err := os.WriteFile(path, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := deb{"a.deb", 5, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}
	if err := verify(path, d); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]deb{"size": {"a.deb", 6, d.sha256}, "hash": {"a.deb", 5, strings.Repeat("0", 64)}} {
		if verify(path, bad) == nil {
			t.Errorf("wrong %s accepted", name)
		}
	}
}

func TestPackageNames(t *testing.T) {
	t.Parallel()
	got := packageNames([]deb{{file: "libz_1%3a2.0+x_amd64.deb"}, {file: "busybox-static_1.35_amd64.deb"}})
	if diff := cmp.Diff([]string{"busybox-static_1.35", "libz_1:2.0+x"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestCPIO_UnpacksWithTheHostsCPIO checks the archive with another implementation.
func TestCPIO_UnpacksWithTheHostsCPIO(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	c := &cpio{w: &archive, mtime: time.Unix(1700000000, 0)}
	c.dir("bin")
	c.file("bin/a", []byte("12345"))
	c.file("init", nil)
	c.trailer()
	if c.err != nil {
		t.Fatal(c.err)
	}
	if archive.Len()%4 != 0 {
		t.Errorf("length %d is not a multiple of four", archive.Len())
	}
	cpioPath, err := findTool("cpio")
	if err != nil {
		t.Skip("no cpio on this host")
	}
	dir := t.TempDir()
	cmd := exec.Command(cpioPath, "-i", "--no-preserve-owner")
	cmd.Dir, cmd.Stdin = dir, &archive
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "bin/a"))
	info, serr := os.Stat(filepath.Join(dir, "init"))
	if err != nil || serr != nil || string(data) != "12345" || info.Mode() != 0o755 {
		t.Errorf("got %q, %v, %v, %v", data, err, info, serr)
	}
}

func TestModuleName(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{"virtio-rng.ko": "virtio_rng", "kernel/fs/isofs/isofs.ko": "isofs", "nls_cp437.ko.xz": "nls_cp437"} {
		if got := moduleName(file); got != want {
			t.Errorf("%s: got %s, want %s", file, got, want)
		}
	}
}

func TestCopySparse_LeavesHolesAndKeepsBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := make([]byte, 3*mib+17)
	copy(data[mib:], "middle")
	copy(data[3*mib+10:], "the end")
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := createSparse(to, 5*mib); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(copySparse(f, mib, from), f.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(to)
	if err != nil || len(got) != 5*mib || !bytes.Equal(got[mib:mib+len(data)], data) {
		t.Errorf("copy differs: %d bytes, %v", len(got), err)
	}
}

func TestRun_CancelKillsTheToolAndItsChildren(t *testing.T) {
	t.Parallel()
	b := &builder{work: t.TempDir(), log: nullLogger()}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := b.run(ctx, command{name: "/bin/sh", args: []string{"-c", "sleep 600 & sleep 600"}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRun_ErrorCarriesTheToolsWords(t *testing.T) {
	t.Parallel()
	b := &builder{work: t.TempDir(), log: nullLogger()}
	_, err := b.run(t.Context(), command{name: "/bin/sh", args: []string{"-c", "echo no space left >&2; exit 4"}})
	if err == nil || !strings.Contains(err.Error(), "exit status 4: no space left") {
		t.Errorf("got %v", err)
	}
}

func nullLogger() hclog.Logger { return hclog.NewNullLogger() }

// TestRootFiles_ShellSyntax parses every script of the guest.
func TestRootFiles_ShellSyntax(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"initrd/init", "rootfs/sbin/init", "rootfs/etc/rc", "rootfs/etc/rc.stop", "rootfs/etc/hive/udhcpc", "rootfs/etc/hive/log.sh",
		"rootfs/etc/hive/grow.sh", "rootfs/etc/hive/dhcp.sh", "rootfs/etc/hive/nocloud.sh", "rootfs/etc/hive/ec2.sh", "rootfs/etc/hive/instance.sh",
		"rootfs/etc/hive/userdata.sh", "rootfs/etc/acpi/PWRF/00000080"} {
		if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", script, err, out)
		}
	}
}
