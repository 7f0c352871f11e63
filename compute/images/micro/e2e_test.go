// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package micro

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/ssh"

	"github.com/hivecloud/hive/compute/cloudinit"
	"github.com/hivecloud/hive/compute/images"
)

// The test binary has two other lives, told by the environment: it is the unprivileged builder, and it is the pipe by which the
// guest's connections to the metadata address reach the test's server.
const (
	buildEnv = "HIVE_TEST_BUILD_MICRO" // OUT:CACHE
	pipeEnv  = "HIVE_TEST_PIPE"        // address
	nobody   = 65534
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(buildEnv); spec != "" {
		out, cache, _ := strings.Cut(spec, ":")
		log := hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr})
		res, err := Build(context.Background(), Config{OutPath: out, CacheDir: cache, Logger: log})
		fmt.Println(res, err)
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if addr := os.Getenv(pipeEnv); addr != "" {
		pipe(addr)
		os.Exit(0)
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func pipe(addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	go func() { _, _ = io.Copy(conn, os.Stdin) }()
	_, _ = io.Copy(os.Stdout, conn)
}

func testLogger(t *testing.T) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: hclog.DefaultOutput}).Named(t.Name())
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// image builds once for all tests, as an unprivileged user when the test runs as root, and returns the path.
func image(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		built.dir, built.err = os.MkdirTemp("", "hive-micro-test")
		if built.err == nil {
			built.err = buildUnprivileged(t, filepath.Join(built.dir, "micro.raw"))
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "micro.raw")
}

// buildUnprivileged runs the build in a process of its own. The test binary is copied, because others may not read the directory
// in which the go command made it. HIVE_TEST_CACHE names a directory that keeps the packages from one run to the next.
func buildUnprivileged(t *testing.T, out string) error {
	exe := filepath.Join(filepath.Dir(out), "builder")
	if err := copyFile("/proc/self/exe", exe, 0o755); err != nil {
		return err
	}
	cache := filepath.Join(filepath.Dir(out), "cache")
	if dir := os.Getenv("HIVE_TEST_CACHE"); dir != "" {
		cache = dir
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), buildEnv+"="+out+":"+cache)
	cmd.Dir = filepath.Dir(out)
	if os.Getuid() == 0 {
		for _, dir := range []string{filepath.Dir(out), cache} {
			if err := os.Chown(dir, nobody, nobody); err != nil {
				return err
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("build as uid %d: %w: %s", nobody, err, output)
	}
	return nil
}

// newDisk is a copy of the image, grown to a size, as an instance gets it.
func newDisk(t *testing.T, size int64) string {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk.raw")
	if err := createSparse(disk, size); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := copySparse(f, 0, image(t)); err != nil {
		t.Fatal(err)
	}
	return disk
}

// isoSeed is the seed disk that Hive makes.
func isoSeed(t *testing.T, seed cloudinit.Seed) string {
	t.Helper()
	data, err := cloudinit.Image(seed)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "seed.iso")
	if err := writeFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// fatSeed is a NoCloud seed as others make it, on a FAT file system.
func fatSeed(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "seed.fat")
	if err := createSparse(path, 2*mib); err != nil {
		t.Fatal(err)
	}
	b := &builder{work: dir, log: testLogger(t)}
	if _, err := b.run(t.Context(), command{name: "mkfs.vfat", args: []string{"-n", "CIDATA", path}}); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := writeFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := b.run(t.Context(), command{name: "mcopy", args: []string{"-i", path, filepath.Join(dir, name), "::" + name}}); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

const gib = 1 << 30

// TestBuild_Reproducible builds a second time, as another user, in another directory and with another umask.
func TestBuild_Reproducible(t *testing.T) {
	first, err := os.ReadFile(image(t))
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(built.dir, "cache")
	if dir := os.Getenv("HIVE_TEST_CACHE"); dir != "" {
		cache = dir
	}
	var stages []string
	old := syscall.Umask(0o077)
	out := filepath.Join(t.TempDir(), "again.raw")
	res, err := Build(t.Context(), Config{OutPath: out, CacheDir: cache, Arch: ArchX8664,
		Progress: func(done, total int64, stage string) {
			stages = append(stages, fmt.Sprint(done, "/", total, " ", stage))
		}})
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(res.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("two builds differ")
	}
	if int64(len(second)) != res.VirtualSize || res.Kernel == "" || len(res.Packages) < 10 || len(stages) != totalStages {
		t.Errorf("result %+v after stages %q", res, stages)
	}
	layout, err := images.Inspect(bytes.NewReader(second), res.VirtualSize)
	if err != nil || !slices.Equal(layout.BootModes, []string{images.BootBIOS, images.BootUEFI}) || layout.Arch != ArchX8664 || layout.Root == nil || !layout.Root.Last {
		t.Errorf("layout %+v, %v", layout, err)
	}
	leftovers, err := filepath.Glob(filepath.Join(filepath.Dir(out), ".hive*"))
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left behind: %q, %v", leftovers, err)
	}
}

func TestBIOS_WholeLife(t *testing.T) {
	signer, public := newKey(t)
	disk := newDisk(t, gib)
	g := startGuest(t, guestOptions{memoryMiB: 128, disk: disk, key: signer, seed: isoSeed(t, cloudinit.Seed{
		InstanceID: "i-0123456789abcdef0", Hostname: "ip-10-0-2-15.ec2.internal", PublicKeys: []string{public},
		UserData: []byte(gzipped("#!/bin/sh\necho once >>/root/ran\necho USER-DATA-OUTPUT\nexit 3\n")),
	})})
	ready := g.waitConsole(t, "HIVE-READY", 1)
	t.Log(ready)
	if !strings.Contains(ready, "ip=10.0.2.15 id=i-0123456789abcdef0 ds=nocloud up=") {
		t.Errorf("ready line %q", ready)
	}
	g.waitConsole(t, "USER-DATA-OUTPUT", 1)
	g.waitConsole(t, "user-data: exit status 3", 1)
	g.waitConsole(t, "host key: ssh-ed25519", 1)
	grown := g.waitConsole(t, "root: /dev/vda2 grew from 24 to", 1)
	t.Log(grown)
	checkRootSize(t, g, gib)
	if got := g.must(t, "ec2-user", "id -un; pwd; hostname"); got != "ec2-user\n/home/ec2-user\nip-10-0-2-15" {
		t.Errorf("ec2-user is %q", got)
	}
	hostKey := g.must(t, "root", "dropbearkey -y -f /etc/dropbear/ed25519")

	g.must(t, "root", "echo precious >/root/file && sync")
	g.command(t, "system_reset")
	g.waitConsole(t, "HIVE-READY", 2)
	g.must(t, "root", "reboot")
	g.waitConsole(t, "HIVE-READY", 3)
	if got := g.must(t, "root", "cat /root/file /root/ran"); got != "precious\nonce" {
		t.Errorf("after a hard reset and a reboot the files hold %q", got)
	}
	if got := g.must(t, "root", "dropbearkey -y -f /etc/dropbear/ed25519"); got != hostKey {
		t.Error("the host key changed with a reboot")
	}
	checkRootSize(t, g, gib)
	powerOff(t, g)
	checkDisk(t, disk)
}

func TestUEFI_FATSeedAndCloudConfig(t *testing.T) {
	signer, public := newKey(t)
	disk := newDisk(t, gib)
	g := startGuest(t, guestOptions{uefi: true, memoryMiB: 256, disk: disk, key: signer, seed: fatSeed(t, map[string]string{
		"meta-data": `{"instance-id": "i-0fedcba9876543210", "local-hostname": "web", "public-keys": {"0": {"openssh-key": "` + public + `"}}}`,
		"user-data": gzipped("#cloud-config\nruncmd: [touch, /root/ran]\n"),
	})})
	ready := g.waitConsole(t, "HIVE-READY", 1)
	t.Log(ready)
	if !strings.Contains(ready, "id=i-0fedcba9876543210 ds=nocloud") {
		t.Errorf("ready line %q", ready)
	}
	g.waitConsole(t, `user-data: "#cloud-config" is not supported by the micro image`, 1)
	if got := g.must(t, "root", "hostname; [ -d /sys/firmware/efi ] && echo efi"); got != "web\nefi" {
		t.Errorf("got %q", got)
	}
	checkRootSize(t, g, gib)
	// A client that knows only RSA gets a key made for it.
	if got, err := g.sshWith(t, "root", "ls /etc/dropbear", ssh.KeyAlgoRSASHA256); err != nil || !strings.Contains(got, "dropbear_rsa_host_key") {
		t.Errorf("login by RSA host key: %v: %s", err, got)
	}
	powerOff(t, g)
	checkDisk(t, disk)
}

func TestIMDS_KeysAndUserData(t *testing.T) {
	signer, public := newKey(t)
	server := httptest.NewServer(imds(public))
	t.Cleanup(server.Close)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	g := startGuest(t, guestOptions{
		memoryMiB: 128, disk: newDisk(t, 128*mib), key: signer, env: []string{pipeEnv + "=" + server.Listener.Addr().String()},
		netdev: ",net=169.254.169.0/24,host=169.254.169.1,dns=169.254.169.2,dhcpstart=169.254.169.15,guestfwd=tcp:169.254.169.254:80-cmd:" + exe,
	})
	ready := g.waitConsole(t, "HIVE-READY", 1)
	t.Log(ready)
	if !strings.Contains(ready, "ip=169.254.169.15 id=i-00000000000000001 ds=ec2 up=") {
		t.Errorf("ready line %q", ready)
	}
	g.waitConsole(t, "user-data: exit status 0", 1)
	if got := g.must(t, "ec2-user", "cat /tmp/ran; hostname; cat /home/ec2-user/.ssh/authorized_keys"); got != "hello\nip-10-1-2-3\n"+public {
		t.Errorf("got %q", got)
	}
	powerOff(t, g)
}

func TestNoDatasource_BootsAndSaysSo(t *testing.T) {
	g := startGuest(t, guestOptions{memoryMiB: 128, disk: newDisk(t, diskBytes)})
	ready := g.waitConsole(t, "HIVE-READY", 1)
	if !strings.Contains(ready, "id=none ds=none") {
		t.Errorf("ready line %q", ready)
	}
	g.waitConsole(t, "ec2: no answer from 169.254.169.254", 1)
	powerOff(t, g)
}

func TestHugeDisk_RootGrows(t *testing.T) {
	signer, public := newKey(t)
	const size = 3 << 40
	disk := newDisk(t, size)
	g := startGuest(t, guestOptions{memoryMiB: 256, disk: disk, key: signer, seed: isoSeed(t, cloudinit.Seed{InstanceID: "i-1", Hostname: "huge", PublicKeys: []string{public}})})
	g.waitConsole(t, "root: /dev/vda2 grew from 24 to", 1)
	checkRootSize(t, g, 1<<40) // its descriptors have room for 2 TiB at the least
	powerOff(t, g)
}

// checkRootSize: the file system fills at least 95 % of the disk.
func checkRootSize(t *testing.T, g *guest, size int64) {
	t.Helper()
	out := g.must(t, "root", "df -m / | tail -n 1 | awk '{print $2}'")
	got, err := strconv.ParseInt(out, 10, 64)
	if err != nil || got < size/mib*95/100 {
		t.Errorf("root has %q MiB of a disk of %d MiB", out, size/mib)
	}
}

func powerOff(t *testing.T, g *guest) {
	t.Helper()
	start := time.Now()
	g.command(t, "system_powerdown")
	g.waitEvent(t, "SHUTDOWN guest-shutdown")
	t.Logf("power button to shutdown: %v", time.Since(start).Round(10*time.Millisecond))
	g.waitConsole(t, "HIVE-STOPPING", strings.Count(g.console(), "HIVE-STOPPING"))
	g.command(t, "quit")
	<-g.exited
}

// imds is a metadata service as EC2's, which answers nothing without a token.
func imds(public string) http.Handler {
	tree := map[string]string{
		"meta-data/instance-id": "i-00000000000000001", "meta-data/local-hostname": "ip-10-1-2-3.ec2.internal",
		"meta-data/public-keys/": "0=my-key", "meta-data/public-keys/0/openssh-key": public,
		"user-data": "#!/bin/sh\necho hello >/tmp/ran\n",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/latest/")
		if path == "api/token" {
			if r.Method != http.MethodPut || r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") != "21600" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			_, _ = io.WriteString(w, "SECRET==")
			return
		}
		if r.Header.Get("X-aws-ec2-metadata-token") != "SECRET==" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		text, ok := tree[path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, text)
	})
}
