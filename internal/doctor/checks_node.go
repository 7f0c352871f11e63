// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/raftnode"
)

// checkParents walks up from the data directory: who may write to a parent can put another directory in its place, and
// QEMU's unprivileged user has to come through all of them.
func checkParents(_ context.Context, c *config.Config, m Machine) Result {
	for dir := filepath.Dir(c.Node.DataDir); ; dir = filepath.Dir(dir) {
		info, err := m.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != "/": // will be made
		case err != nil:
			return fail("run hive doctor as the user that runs the agent", "%v", err)
		case info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
			return fail("chmod go-w "+dir, "%s has mode %s: others could replace %s", dir, mode(info), c.Node.DataDir)
		case m.UID == 0 && info.Mode()&0o001 == 0:
			return warn("chmod o+x "+dir+", or put node.data_dir elsewhere", "%s has mode %s: guests cannot run as an account of their own", dir, mode(info))
		}
		if dir == "/" || dir == "." {
			return ok("nobody else may replace %s", c.Node.DataDir)
		}
	}
}

// initialised tells whether the data directory holds a node.
func initialised(c *config.Config, m Machine) bool {
	_, err := m.Stat(filepath.Join(c.Node.DataDir, "node.json"))
	return err == nil
}

func checkClusterKey(_ context.Context, c *config.Config, m Machine) Result {
	path := filepath.Join(c.Node.DataDir, "cluster.key")
	info, err := m.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !initialised(c, m):
		return ok("none yet; hive admin init makes it")
	case errors.Is(err, fs.ErrNotExist):
		return fail("copy it from another node of the region, or from a backup", "%s is missing: no access key can be checked", path)
	case err != nil:
		return fail("run hive doctor as the user that runs the agent", "%v", err)
	case info.Mode()&0o077 != 0:
		return fail("chmod 600 "+path, "%s has mode %s: others can read every access key", path, mode(info))
	}
	return ok("%s has mode %s", path, mode(info))
}

func checkLog(ctx context.Context, c *config.Config, m Machine) Result {
	if !initialised(c, m) {
		return ok("none yet; hive admin init makes it")
	}
	if m.AgentAnswers(ctx, c.AdminSocket()) {
		return ok("this node's agent has it open")
	}
	last, err := m.LastEntry(filepath.Join(c.Node.DataDir, "raft"))
	if errors.Is(err, raftnode.ErrLocked) {
		return warn("see the log of the agent that has it", "a process has the log open, and does not answer yet")
	}
	if err != nil {
		return fail("hive raft log verify says what is wrong; hive backup restore makes the region anew", "the log cannot be read: %v", err)
	}
	return ok("readable, its last entry is %d", last)
}

// leastMTU is what IPv6 promises everywhere; ethernet is what tunnels are planned for.
const (
	leastMTU = 1280
	ethernet = 1500
)

// checkMTU looks at the interface of the cluster address, or at all of them when the agent listens everywhere.
func checkMTU(_ context.Context, c *config.Config, m Machine) Result {
	all, err := m.Interfaces()
	if err != nil {
		return warn("run hive doctor as the user that runs the agent", "%v", err)
	}
	host := c.Listen.Cluster.Host()
	everywhere := host == "" || host == "0.0.0.0" || host == "::"
	var found []string
	for _, i := range all {
		if i.Loopback && everywhere || !everywhere && !slices.Contains(i.Addresses, host) {
			continue
		}
		switch {
		case i.MTU < leastMTU:
			return fail("ip link set "+i.Name+" mtu 1500", "%s has an MTU of %d: less than IPv6 allows", i.Name, i.MTU)
		case i.MTU < ethernet:
			return warn("ip link set "+i.Name+" mtu 1500, on every node and switch in between", "%s has an MTU of %d: guests' packets will be smaller than they expect", i.Name, i.MTU)
		}
		found = append(found, i.Name+" "+strconv.Itoa(i.MTU))
	}
	switch {
	case len(found) > 0:
		return ok("%s", strings.Join(found, ", "))
	case everywhere:
		return ok("no interface but loopback: a region of one node")
	}
	return fail("name one of this machine's addresses in listen.cluster", "no interface has the address %s", host)
}

// checkSearch wants a joiner's multicast to be heard. A region works without, so the worst is a warning.
func checkSearch(_ context.Context, c *config.Config, m Machine) Result {
	if !c.Listen.Search {
		return ok("switched off by listen.search")
	}
	links, err := m.Answer(c.Listen.Cluster.Host())
	switch {
	case err != nil:
		return warn("stop what has UDP port 8445, or set listen.search = false", "joiners cannot find this node by multicast: %v", err)
	case len(links) == 0:
		return warn("join other nodes with --host, or set listen.search = false", "no interface of %s takes multicast: joiners cannot find this node by it", c.Listen.Cluster)
	}
	return ok("joiners are answered on %s", strings.Join(links, ", "))
}

// checkOvercommit knows the two ways in which memory that is free cannot be had: strict accounting, under which QEMU's
// reservations fail, and huge pages, which nobody uses here.
func checkOvercommit(_ context.Context, c *config.Config, m Machine) Result {
	if text, err := m.ReadFile("/proc/sys/vm/overcommit_memory"); err == nil && strings.TrimSpace(text) == "2" {
		return warn("sysctl vm.overcommit_memory=0", "the kernel counts reserved memory strictly: guests may not start while memory is free")
	}
	text, err := m.ReadFile("/proc/meminfo")
	if err != nil {
		return ok("the kernel does not say")
	}
	if huge := meminfo(text, "Hugetlb"); huge > 0 {
		if m.Memory < huge+uint64(c.Compute.ReserveMemory)+leastGuest {
			return fail("sysctl vm.nr_hugepages=0", "huge pages hold %s: what is left is too little for a guest", config.Bytes(huge>>20<<20))
		}
		return warn("sysctl vm.nr_hugepages=0", "huge pages hold %s, which guests do not use", config.Bytes(huge>>20<<20))
	}
	return ok("memory that is free can be had")
}

// meminfo is a value of /proc/meminfo in bytes.
func meminfo(text, key string) uint64 {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) >= 2 && words[0] == key+":" {
			n, _ := strconv.ParseUint(words[1], 10, 54) // a kernel that writes no number has none
			return n << 10
		}
	}
	return 0
}

// checkUnit wants the agent to come back after a reboot, where systemd could do that.
func checkUnit(_ context.Context, _ *config.Config, m Machine) Result {
	if _, err := m.Stat("/run/systemd/system"); err != nil {
		return ok("systemd does not run this machine")
	}
	for _, dir := range []string{"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"} {
		path := dir + "/hive.service"
		if _, err := m.Stat(path); err == nil {
			return ok("%s", path)
		}
	}
	return warn("install the package, or copy contrib/systemd/hive.service to /etc/systemd/system", "there is no hive.service: nothing starts the agent after a reboot")
}
