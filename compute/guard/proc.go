// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// procStat is what we need of /proc/PID/stat (proc(5)).
type procStat struct {
	state      byte
	cpuTicks   uint64 // user and system, of all threads that live or have lived
	startTicks uint64 // after the host's boot
	rssPages   uint64
}

// userHZ is the unit of the kernel's ticks towards user space; it is 100 on every architecture QEMU's hosts have.
const userHZ = 100

func readProcStat(pid int) (procStat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, err
	}
	return parseProcStat(text)
}

// parseProcStat counts fields from the last parenthesis: a process may have any name.
func parseProcStat(text []byte) (procStat, error) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return procStat{}, errors.New("no process name")
	}
	fields := strings.Fields(string(text[end+1:])) // fields[0] is field 3 of proc(5)
	const state, utime, stime, starttime, rss = 0, 11, 12, 19, 21
	if len(fields) <= rss {
		return procStat{}, fmt.Errorf("%d fields", len(fields))
	}
	var n [rss + 1]uint64
	for _, i := range []int{utime, stime, starttime, rss} {
		v, err := strconv.ParseUint(fields[i], 10, 64)
		if err != nil {
			return procStat{}, fmt.Errorf("field %d: %w", i+3, err)
		}
		n[i] = v
	}
	return procStat{state: fields[state][0], cpuTicks: n[utime] + n[stime], startTicks: n[starttime], rssPages: n[rss]}, nil
}

// dead says that a process has ended and only waits for its parent.
func (s procStat) dead() bool { return s.state == 'Z' || s.state == 'X' }

// isQEMU says whether the process is the QEMU that writes the pid file: its command line names it, and, for a guard that starts QEMU as
// somebody else, it runs as that user, so that no other user can pretend.
func isQEMU(pid int, pidFile string, runAs *RunAs) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	args := strings.Split(string(text), "\x00")
	i := slices.Index(args, "-pidfile")
	if i < 0 || i+1 >= len(args) || args[i+1] != pidFile {
		return false
	}
	uid, err := processUID(pid)
	if err != nil {
		return false
	}
	want := uint32(os.Geteuid())
	if runAs != nil && want == 0 {
		want = runAs.UID
	}
	return uid == want
}

// processUID is the effective user of a process.
func processUID(pid int) (uint32, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "Uid:" {
			uid, err := strconv.ParseUint(f[2], 10, 32)
			return uint32(uid), err
		}
	}
	return 0, errors.New("no uid")
}

// findQEMU looks for the living QEMU of a pid file: first where the file points to, then everywhere, because QEMU writes its pid file
// only some time after it was started.
func findQEMU(pidFile string, runAs *RunAs) (int, bool) {
	alive := func(pid int) bool {
		s, err := readProcStat(pid)
		return err == nil && !s.dead() && isQEMU(pid, pidFile, runAs)
	}
	if pid, err := readPIDFile(pidFile); err == nil && alive(pid) {
		return pid, true
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(d)); err == nil && alive(pid) {
			return pid, true
		}
	}
	return 0, false
}

func readPIDFile(path string) (int, error) {
	f, err := openGuestFile(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var b [32]byte
	n, err := f.Read(b[:])
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b[:n])))
}

// hostBoot identifies this boot of the host.
func hostBoot() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text)), err
}
