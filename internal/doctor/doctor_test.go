// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/raftnode"
)

func mustConfig(t *testing.T, flags map[string]string, env ...string) *config.Config {
	t.Helper()
	cfg, diags := config.Load(config.Sources{Flags: flags, Env: env, Host: &config.Host{Name: "n1", CPUs: 4, Memory: 8 << 30}})
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	return cfg
}

// statOf answers as a directory tree of the given modes.
func statOf(modes map[string]fs.FileMode) func(string) (fs.FileInfo, error) {
	return func(path string) (fs.FileInfo, error) {
		m, ok := modes[path]
		if !ok {
			return nil, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
		}
		name := cmp.Or(strings.TrimPrefix(path, "/"), "root")
		return fs.Stat(fstest.MapFS{name: &fstest.MapFile{Mode: m}}, name)
	}
}

func healthyFiles() map[string]fs.FileMode {
	return map[string]fs.FileMode{
		"/var/lib/hive": fs.ModeDir | 0o700, "/usr/share/OVMF/OVMF_CODE_4M.fd": 0o644, "/sys/fs/cgroup/cgroup.controllers": 0o444,
		"/": fs.ModeDir | 0o755, "/var": fs.ModeDir | 0o755, "/var/lib": fs.ModeDir | 0o755,
		"/run/systemd/system": fs.ModeDir | 0o755, "/usr/lib/systemd/system/hive.service": 0o644,
		"/var/lib/hive/node.json": 0o600, "/var/lib/hive/cluster.key": 0o600,
	}
}

func healthy() Machine {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	return Machine{
		LookPath: func(name string) (string, error) { return "/usr/bin/" + name, nil },
		Output: func(context.Context, string, ...string) (string, error) {
			return "QEMU emulator version 7.2.9 (Debian)", nil
		},
		Accelerator:       func(context.Context, string, string) (string, string, error) { return "kvm", "", nil },
		Stat:              statOf(healthyFiles()),
		Owner:             func(fs.FileInfo) (int, bool) { return 1000, true },
		Disk:              func(string) (DiskInfo, error) { return DiskInfo{"ext4", 100 << 30, 200 << 30}, nil },
		Flush:             func(_ string, n int) ([]time.Duration, error) { return make([]time.Duration, n), nil },
		Listen:            func(string) error { return nil },
		AgentAnswers:      func(context.Context, string) bool { return false },
		Certificates:      func(string) ([]Certificate, error) { return []Certificate{{"node.pem", now.AddDate(0, 2, 0)}}, nil },
		Processes:         func(string) ([]ProcessInfo, error) { return nil, nil },
		ClockSynchronised: func() (bool, bool) { return true, true },
		UserExists:        func(string) bool { return true },
		OpenFiles:         func() (uint64, uint64) { return 1024, 1 << 20 },
		LookupHost:        func(context.Context, string) ([]string, error) { return []string{"127.0.1.1"}, nil },
		ReadFile:          kernelSays("0", "0"),
		LastEntry:         func(string) (uint64, error) { return 42, nil },
		Interfaces:        linked(1500),
		Answer:            func(string) ([]string, error) { return []string{"eth0"}, nil },
		Hostname:          "n1", CPUs: 4, Memory: 8 << 30, UID: 1000,
		Now: func() time.Time { return now },
	}
}

// kernelSays is a kernel with an overcommit policy and so many kB of huge pages.
func kernelSays(overcommit, huge string) func(string) (string, error) {
	return func(path string) (string, error) {
		return map[string]string{"/proc/sys/vm/overcommit_memory": overcommit + "\n", "/proc/meminfo": "MemTotal: 8388608 kB\nHugetlb: " + huge + " kB\n"}[path], nil
	}
}

// linked is a machine with one interface of an MTU beside loopback.
func linked(mtu int) func() ([]Interface, error) {
	return func() ([]Interface, error) {
		return []Interface{{"lo", 65536, true, []string{"127.0.0.1"}}, {"eth0", mtu, false, []string{"10.0.0.11"}}}, nil
	}
}

func TestHealthyMachine_EverythingOK(t *testing.T) {
	t.Parallel()
	results := Run(t.Context(), mustConfig(t, nil), healthy(), nil)
	if len(results) < 20 {
		t.Errorf("only %d checks", len(results))
	}
	for _, r := range results {
		if r.Verdict != OK || r.Fix != "" || r.Found == "" {
			t.Errorf("%+v", r)
		}
	}
	if Worst(results) != OK {
		t.Error("a healthy machine is not well")
	}
}

// Each fault is found by its check, with a verdict and one thing to do, and no
// other check is disturbed by it.
func TestEachFault_IsFoundByItsCheck(t *testing.T) {
	t.Parallel()
	missing := func(names ...string) func(*Machine) {
		return func(m *Machine) {
			m.LookPath = func(name string) (string, error) {
				for _, n := range names {
					if n == name {
						return "", errors.New("not found")
					}
				}
				return "/usr/bin/" + name, nil
			}
		}
	}
	without := func(path string) func(*Machine) {
		return func(m *Machine) { files := healthyFiles(); delete(files, path); m.Stat = statOf(files) }
	}
	modeOf := func(path string, mode fs.FileMode) func(*Machine) {
		return func(m *Machine) { files := healthyFiles(); files[path] = mode; m.Stat = statOf(files) }
	}
	busy := func(port string, err error) func(*Machine) {
		return func(m *Machine) {
			m.Listen = func(addr string) error {
				if strings.HasSuffix(addr, ":"+port) {
					return fmt.Errorf("bind %s: %w", addr, err)
				}
				return nil
			}
		}
	}
	free := func(n uint64, kind string) func(*Machine) {
		return func(m *Machine) { m.Disk = func(string) (DiskInfo, error) { return DiskInfo{kind, n, n}, nil } }
	}
	cases := []struct {
		id, name string
		verdict  Verdict
		found    string
		spoil    func(*Machine)
	}{
		{"accelerator", "KVM that does not run guests", Warn, "kvm emulates", func(m *Machine) {
			m.Accelerator = func(context.Context, string, string) (string, string, error) { return "tcg", "kvm emulates", nil }
		}},
		{"accelerator", "no accelerator at all", Fail, "no guest can run", func(m *Machine) {
			m.Accelerator = func(context.Context, string, string) (string, string, error) { return "", "", errors.New("boom") }
		}},
		{"qemu", "not installed", Fail, "not installed", missing("qemu-system-x86_64")},
		{"qemu", "too old", Fail, "version 6.2", func(m *Machine) {
			m.Output = func(context.Context, string, ...string) (string, error) { return "QEMU emulator version 6.2.0", nil }
		}},
		{"qemu-img", "not installed", Fail, "not installed", missing("qemu-img")},
		{"ovmf", "not installed", Warn, "no UEFI firmware", without("/usr/share/OVMF/OVMF_CODE_4M.fd")},
		{"swtpm", "not installed", Warn, "not installed", missing("swtpm")},
		{"qemu-user", "root without the account", Warn, "run as root", func(m *Machine) {
			m.UID, m.UserExists = 0, func(string) bool { return false }
			m.Owner = func(fs.FileInfo) (int, bool) { return 0, true }
		}},
		{"cgroup", "version 1", Warn, "cgroup v2", without("/sys/fs/cgroup/cgroup.controllers")},
		{"cpu-reserve", "one core, one kept back", Fail, "nothing is left", func(m *Machine) { m.CPUs = 1 }},
		{"memory-reserve", "too little", Fail, "no guest fits", func(m *Machine) { m.Memory = 1 << 30 }},
		{"open-files", "few", Warn, "4096 files", func(m *Machine) { m.OpenFiles = func() (uint64, uint64) { return 1024, 4096 } }},
		{"data-dir", "writable for all", Fail, "0777", func(m *Machine) {
			files := healthyFiles()
			files["/var/lib/hive"] = fs.ModeDir | 0o777
			m.Stat = statOf(files)
		}},
		{"data-dir", "somebody else's", Fail, "belongs to user 0", func(m *Machine) { m.Owner = func(fs.FileInfo) (int, bool) { return 0, true } }},
		{"file-system", "memory", Warn, "tmpfs", free(100<<30, "tmpfs")},
		{"disk-volumes", "full", Fail, "stay reserved", free(3<<29, "ext4")},
		{"disk-data", "almost full", Warn, "1536MiB free", free(3<<29, "ext4")},
		{"flush-latency", "slow disk", Warn, "takes 50ms", func(m *Machine) {
			m.Flush = func(string, int) ([]time.Duration, error) {
				return []time.Duration{time.Millisecond, 50 * time.Millisecond, 60 * time.Millisecond}, nil
			}
		}},
		{"port-api", "in use", Fail, "another program", busy("9443", syscall.EADDRINUSE)},
		{"port-cluster", "in use", Fail, "another program", busy("8443", syscall.EADDRINUSE)},
		{"port-gossip", "forbidden", Fail, "may not be bound", busy("8444", syscall.EACCES)},
		{"port-metrics", "no such address", Fail, "cannot be bound", busy("9464", syscall.EADDRNOTAVAIL)},
		{"public-pool", "sshd on every address", Warn, "port 22 of 127.80.0.1", busy("22", syscall.EADDRINUSE)},
		{"public-pool", "not bindable", Fail, "cannot be bound", busy("0", syscall.EADDRNOTAVAIL)},
		{"hostname", "localhost", Warn, `"localhost"`, func(m *Machine) { m.Hostname = "localhost" }},
		{"hostname", "unknown", Warn, "does not resolve", func(m *Machine) {
			m.LookupHost = func(context.Context, string) ([]string, error) { return nil, errors.New("no such host") }
		}},
		{"clock", "never set", Fail, "1970", func(m *Machine) { m.Now = func() time.Time { return time.Unix(0, 0) } }},
		{"clock", "not kept in step", Warn, "nothing keeps", func(m *Machine) { m.ClockSynchronised = func() (bool, bool) { return false, true } }},
		{"certificates", "expired", Fail, "ended on 2026-12-31", func(m *Machine) {
			m.Certificates = func(string) ([]Certificate, error) {
				return []Certificate{{"ca.pem", m.Now().AddDate(9, 0, 0)}, {"node.pem", m.Now().AddDate(0, 0, -1)}}, nil
			}
		}},
		{"certificates", "ends soon", Warn, "ends on 2027-01-08", func(m *Machine) {
			m.Certificates = func(string) ([]Certificate, error) { return []Certificate{{"node.pem", m.Now().AddDate(0, 0, 7)}}, nil }
		}},
		{"leftovers", "guests without an agent", Warn, "hive guard, qemu-system-x86_64", func(m *Machine) {
			m.Processes = func(string) ([]ProcessInfo, error) {
				return []ProcessInfo{{7, "qemu-system-x86_64"}, {6, "hive guard"}}, nil
			}
		}},
		{"overcommit", "strict", Warn, "strictly", func(m *Machine) { m.ReadFile = kernelSays("2", "0") }},
		{"overcommit", "huge pages", Warn, "1GiB", func(m *Machine) { m.ReadFile = kernelSays("0", "1048576") }},
		{"overcommit", "huge pages everywhere", Fail, "7GiB", func(m *Machine) { m.ReadFile = kernelSays("0", "7340032") }},
		{"data-parents", "writable for all", Fail, "/var/lib has mode 0777", modeOf("/var/lib", fs.ModeDir|0o777)},
		{"data-parents", "sticky and root, closed to others", Warn, "account of their own", func(m *Machine) {
			modeOf("/var/lib", fs.ModeDir|fs.ModeSticky|0o700)(m)
			m.UID, m.Owner = 0, func(fs.FileInfo) (int, bool) { return 0, true }
		}},
		{"cluster-key", "readable for all", Fail, "0644", modeOf("/var/lib/hive/cluster.key", 0o644)},
		{"cluster-key", "missing", Fail, "no access key", without("/var/lib/hive/cluster.key")},
		{"raft-log", "damaged", Fail, "not a database", func(m *Machine) {
			m.LastEntry = func(string) (uint64, error) { return 0, errors.New("not a database") }
		}},
		{"raft-log", "open elsewhere", Warn, "does not answer", func(m *Machine) {
			m.LastEntry = func(string) (uint64, error) { return 0, fmt.Errorf("inspect: %w", raftnode.ErrLocked) }
		}},
		{"mtu", "tunnel below", Warn, "eth0 has an MTU of 1450", func(m *Machine) { m.Interfaces = linked(1450) }},
		{"mtu", "tiny", Fail, "MTU of 576", func(m *Machine) { m.Interfaces = linked(576) }},
		{"search", "port taken", Warn, "address already in use", func(m *Machine) {
			m.Answer = func(string) ([]string, error) { return nil, syscall.EADDRINUSE }
		}},
		{"search", "no multicast", Warn, "takes multicast", func(m *Machine) { m.Answer = func(string) ([]string, error) { return nil, nil } }},
		{"unit", "not installed", Warn, "after a reboot", without("/usr/lib/systemd/system/hive.service")},
		{"aws-cli", "not installed", Warn, "not installed", missing("aws")},
		{"ssh", "not installed", Warn, "not installed", missing("ssh")},
	}
	disturbs := map[string]bool{"disk-data": true, "disk-volumes": true, "certificates": true, "clock": true}
	for _, tc := range cases {
		t.Run(tc.id+"/"+tc.name, func(t *testing.T) {
			t.Parallel()
			m := healthy()
			tc.spoil(&m)
			for _, r := range Run(t.Context(), mustConfig(t, nil), m, nil) {
				switch {
				case r.ID == tc.id:
					if r.Verdict != tc.verdict || !strings.Contains(r.Found, tc.found) || r.Fix == "" {
						t.Errorf("got %+v, want %s with %q", r, tc.verdict, tc.found)
					}
				case r.Verdict != OK && !disturbs[r.ID]:
					t.Errorf("%s was disturbed: %+v", r.ID, r)
				}
			}
		})
	}
}

// Ten things wrong at once: each is found, none hides another, and each comes with what to do.
func TestTenFaultsAtOnce_AllFound(t *testing.T) {
	t.Parallel()
	m := healthy()
	files := healthyFiles()
	files["/var/lib/hive"], files["/var/lib"], files["/var/lib/hive/cluster.key"] = fs.ModeDir|0o777, fs.ModeDir|0o777, 0o644
	m.Stat = statOf(files)
	m.Accelerator = func(context.Context, string, string) (string, string, error) { return "", "", errors.New("no QEMU") }
	m.LookPath = func(name string) (string, error) { return "", errors.New(name + " not found") }
	m.Disk = func(string) (DiskInfo, error) { return DiskInfo{"ext4", 1 << 20, 1 << 40}, nil }
	m.Listen = func(string) error { return syscall.EADDRINUSE }
	m.LastEntry = func(string) (uint64, error) { return 0, errors.New("invalid database") }
	m.Certificates = func(string) ([]Certificate, error) {
		return []Certificate{{"node.pem", m.Now().AddDate(0, 0, -1)}}, nil
	}
	m.Interfaces = linked(576)
	m.OpenFiles = func() (uint64, uint64) { return 256, 256 }
	want := map[string]string{
		"accelerator": "qemu check", "qemu": "apt install qemu-system-x86", "qemu-img": "apt install qemu-utils", "data-dir": "chmod go-w", "data-parents": "chmod go-w /var/lib",
		"cluster-key": "chmod 600", "disk-data": "free some space", "port-api": "listen.api", "raft-log": "hive raft log verify", "certificates": "renew",
		"mtu": "mtu 1500", "open-files": "ulimit",
	}
	results := Run(t.Context(), mustConfig(t, nil), m, nil)
	for _, r := range results {
		if fix, seeded := want[r.ID]; seeded {
			if r.Verdict != Fail || !strings.Contains(r.Fix, fix) {
				t.Errorf("%+v, want a failure whose fix says %q", r, fix)
			}
			delete(want, r.ID)
		}
	}
	if len(want) > 0 || Worst(results) != Fail {
		t.Errorf("not looked for: %v", want)
	}
}

func TestBusyPorts_AreFineWhileTheAgentRuns(t *testing.T) {
	t.Parallel()
	m := healthy()
	m.Listen = func(string) error { return syscall.EADDRINUSE }
	m.AgentAnswers = func(context.Context, string) bool { return true }
	for _, r := range Run(t.Context(), mustConfig(t, nil), m, []string{"public-pool"}) {
		if r.Verdict != OK && r.ID != "public-pool" {
			t.Errorf("%+v", r)
		}
	}
}

func TestSkippedCheck_IsNotRun(t *testing.T) {
	t.Parallel()
	m := healthy()
	m.Accelerator = nil // would panic
	results := Run(t.Context(), mustConfig(t, nil), m, []string{"accelerator"})
	for _, r := range results {
		if (r.Verdict == Skip) != (r.ID == "accelerator") {
			t.Errorf("%+v", r)
		}
	}
	if Worst(results) != OK {
		t.Error("a check that was skipped counts")
	}
}

// The real machine answers every question without a panic, whatever it says.
func TestRealMachine_AnswersEveryCheck(t *testing.T) {
	t.Parallel()
	cfg := mustConfig(t, map[string]string{"data-dir": t.TempDir(), "api": "127.0.0.1:0", "cluster": "127.0.0.1:0"})
	for _, r := range Run(t.Context(), cfg, Host(), []string{"accelerator"}) {
		if r.ID == "" || r.Found == "" || (r.Verdict != OK && r.Verdict != Skip && r.Fix == "") {
			t.Errorf("%+v", r)
		}
		t.Logf("%-15s %-4s %s", r.ID, r.Verdict, r.Found)
	}
}

// A simulated node says that it is one, and misses nothing of what only real guests need.
func TestSimulatedNode_NeedsNoQEMU(t *testing.T) {
	t.Parallel()
	m := healthy()
	files := healthyFiles()
	files["/var/lib/hive/simulated/NOTICE"] = 0o600
	delete(files, "/usr/share/OVMF/OVMF_CODE_4M.fd")
	m.Stat = statOf(files)
	m.Accelerator = func(context.Context, string, string) (string, string, error) { return "", "", errors.New("no QEMU") }
	m.Output = func(context.Context, string, ...string) (string, error) { return "", errors.New("no QEMU") }
	for _, r := range Run(t.Context(), mustConfig(t, nil), m, nil) {
		switch {
		case r.ID == "simulation":
			if r.Verdict != Warn || !strings.Contains(r.Found, "simulated") || r.Fix == "" {
				t.Errorf("got %+v, want a warning that guests are simulated", r)
			}
		case r.Verdict != OK && r.Verdict != Skip:
			t.Errorf("%+v", r)
		}
	}
}
