// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/mem"
	"golang.org/x/sys/unix"

	"github.com/hivecloud/hive/compute/accel"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/beacon"
	"github.com/hivecloud/hive/raftnode"
)

// Host is the machine this process runs on.
func Host() Machine {
	m := Machine{
		LookPath:          exec.LookPath,
		Output:            output,
		Accelerator:       accelerator,
		Stat:              os.Stat,
		Owner:             owner,
		Disk:              disk,
		Flush:             flush,
		Listen:            listen,
		AgentAnswers:      agentAnswers,
		Certificates:      certificates,
		Processes:         processes,
		ClockSynchronised: clockSynchronised,
		UserExists:        func(name string) bool { _, err := user.Lookup(name); return err == nil },
		OpenFiles:         openFiles,
		LookupHost:        net.DefaultResolver.LookupHost,
		ReadFile:          func(path string) (string, error) { text, err := os.ReadFile(path); return string(text), err },
		LastEntry:         lastEntry,
		Interfaces:        interfaces,
		Answer:            answerable,
		CPUs:              runtime.NumCPU(),
		UID:               os.Getuid(),
		Now:               time.Now,
	}
	m.Hostname, _ = os.Hostname() // empty is what the check then reports
	if v, err := mem.VirtualMemory(); err == nil {
		m.Memory = v.Total
	}
	return m
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	text, err := exec.CommandContext(ctx, name, args...).Output()
	return string(text), err
}

func accelerator(ctx context.Context, qemu, mode string) (name, reason string, err error) {
	r, err := accel.Probe(ctx, accel.Config{QEMUBinary: qemu, Mode: accel.Mode(mode)})
	return string(r.Accel), r.Reason, err
}

func owner(info fs.FileInfo) (uid int, known bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// nearest is path or its nearest parent that exists: the file system a
// directory will be on when it is made.
func nearest(path string) string {
	for path != "/" && path != "." {
		if _, err := os.Stat(path); err == nil {
			break
		}
		path = filepath.Dir(path)
	}
	return path
}

// fsNames names the magic numbers of statfs(2) that matter here.
var fsNames = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
	unix.TMPFS_MAGIC: "tmpfs", unix.RAMFS_MAGIC: "ramfs", unix.NFS_SUPER_MAGIC: "nfs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs",
	unix.SMB2_SUPER_MAGIC: "smb2", unix.CIFS_SUPER_MAGIC: "cifs", unix.V9FS_MAGIC: "9p", unix.FUSE_SUPER_MAGIC: "fuse",
	unix.F2FS_SUPER_MAGIC: "f2fs", 0x2fc12fc1: "zfs",
}

func disk(path string) (DiskInfo, error) {
	path = nearest(path)
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return DiskInfo{}, fmt.Errorf("ask file system of %s: %w", path, err)
	}
	name, ok := fsNames[int64(st.Type)]
	if !ok {
		name = fmt.Sprintf("file system %#x", st.Type)
	}
	size := uint64(st.Bsize)
	return DiskInfo{Type: name, Free: st.Bavail * size, Total: st.Blocks * size}, nil
}

// flush measures what the log does: write one block at the end, flush it.
func flush(dir string, n int) ([]time.Duration, error) {
	f, err := os.CreateTemp(nearest(dir), ".hive-flush-*")
	if err != nil {
		return nil, fmt.Errorf("create probe file: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := bytes.Repeat([]byte{0xa5}, 4096)
	times := make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, fmt.Errorf("write probe file: %w", err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, fmt.Errorf("flush probe file: %w", err)
		}
		times[i] = time.Since(start)
	}
	return times, nil
}

func listen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

func agentAnswers(ctx context.Context, socket string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := admin.NewClient(socket).Status(ctx)
	return err == nil
}

// certificates reads every PEM certificate of a file, or of the files of a
// directory and its pki directory.
func certificates(path string) ([]Certificate, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for certificates: %w", err)
	}
	files := []string{path}
	if info.IsDir() {
		files = nil
		for _, pattern := range []string{"*.pem", "*.crt", "pki/*.pem", "pki/*.crt"} {
			found, _ := filepath.Glob(filepath.Join(path, pattern)) // constant patterns are valid
			files = append(files, found...)
		}
	}
	var out []Certificate
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				continue
			}
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("parse %s: %w", file, err)
			}
			out = append(out, Certificate{File: file, Until: cert.NotAfter})
		}
	}
	return out, nil
}

// processes reads /proc; a process that ends meanwhile, or that another user
// owns, is not one of ours.
func processes(text string) ([]ProcessInfo, error) {
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var out []ProcessInfo
	for _, dir := range dirs {
		pid, err := strconv.Atoi(dir.Name())
		if err != nil || pid == os.Getpid() || pid == os.Getppid() {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", dir.Name(), "cmdline"))
		if err != nil || !bytes.Contains(line, []byte(text)) {
			continue
		}
		words := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
		name := filepath.Base(words[0])
		switch {
		case strings.HasPrefix(name, "qemu"), strings.HasPrefix(name, "swtpm"):
			out = append(out, ProcessInfo{PID: pid, Name: name})
		case name == "hive" && len(words) > 1 && (words[1] == "guard" || words[1] == "blockd"):
			out = append(out, ProcessInfo{PID: pid, Name: name + " " + words[1]})
		}
	}
	return out, nil
}

func clockSynchronised() (synchronised, known bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, false
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, true
}

func lastEntry(dir string) (uint64, error) {
	o, err := raftnode.Inspect(dir)
	return o.LastIndex, err
}

func interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var out []Interface
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		found := Interface{Name: i.Name, MTU: i.MTU, Loopback: i.Flags&net.FlagLoopback != 0}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("list addresses of %s: %w", i.Name, err)
		}
		for _, a := range addrs {
			if ip, ok := a.(*net.IPNet); ok {
				found.Addresses = append(found.Addresses, ip.IP.String())
			}
		}
		out = append(out, found)
	}
	return out, nil
}

// answerable takes a host name for everywhere, as the agent's resolver may.
func answerable(host string) ([]string, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ip = netip.Addr{}
	}
	return beacon.Probe(ip)
}

func openFiles() (soft, hard uint64) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0
	}
	return r.Cur, r.Max
}
