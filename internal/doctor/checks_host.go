// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/hivecloud/hive/internal/config"
)

// leastGuest is the memory of the smallest instance type with QEMU's own.
const leastGuest = 712 << 20

func checkCPU(_ context.Context, c *config.Config, m Machine) Result {
	left := float64(m.CPUs) - c.Compute.ReserveCPU
	sold := int(left * c.Compute.OvercommitCPUBurstable)
	if left <= 0 || sold < 1 {
		return fail("lower compute.reserve_cpu", "%d cores, %g kept back: nothing is left for guests", m.CPUs, c.Compute.ReserveCPU)
	}
	if sold < 2 {
		return warn("lower compute.reserve_cpu or raise compute.overcommit_cpu_burstable", "%d cores sell %d vCPU: too few for any t3 type", m.CPUs, sold)
	}
	return ok("%d cores, %g kept back: %d burstable vCPUs", m.CPUs, c.Compute.ReserveCPU, sold)
}

func checkMemory(_ context.Context, c *config.Config, m Machine) Result {
	total, kept := config.Bytes(m.Memory>>20<<20), c.Compute.ReserveMemory>>20<<20
	if m.Memory < uint64(c.Compute.ReserveMemory)+leastGuest {
		return fail("lower compute.reserve_memory", "%s of memory, %s kept back: no guest fits", total, kept)
	}
	return ok("%s of memory, %s kept back", total, kept)
}

// checkOpenFiles counts what a busy node holds open: about ten descriptors a
// guest, and one a client connection.
func checkOpenFiles(_ context.Context, _ *config.Config, m Machine) Result {
	_, hard := m.OpenFiles()
	switch {
	case hard < 1024:
		return fail("raise it: ulimit -Hn 65536, or LimitNOFILE in the unit", "%d files may be open", hard)
	case hard < 16384:
		return warn("raise it: ulimit -Hn 65536, or LimitNOFILE in the unit", "%d files may be open, enough for a few guests", hard)
	}
	return ok("%d files may be open", hard)
}

// portCheck makes the check of one listen address.
func portCheck(address func(*config.Config) config.HostPort, name string) func(context.Context, *config.Config, Machine) Result {
	return func(ctx context.Context, c *config.Config, m Machine) Result {
		addr := address(c)
		err := m.Listen(string(addr))
		switch {
		case err == nil:
			return ok("%s is free", addr)
		case errors.Is(err, syscall.EADDRINUSE) && m.AgentAnswers(ctx, c.AdminSocket()):
			return ok("%s is in use; this node's agent is running", addr)
		case errors.Is(err, syscall.EADDRINUSE):
			return fail("end the other program, or change "+name, "%s is in use by another program", addr)
		case errors.Is(err, syscall.EACCES):
			return fail("use a port above 1023 in "+name+", or give the agent CAP_NET_BIND_SERVICE", "%s may not be bound by this user", addr)
		}
		return fail("correct "+name, "%s cannot be bound: %v", addr, err)
	}
}

// checkPublicPool tries the first public address, and whether its port 22 may
// be bound: without that, ssh needs a port number.
func checkPublicPool(_ context.Context, c *config.Config, m Machine) Result {
	first := c.Network.PublicPool.Addr().Next().String()
	if err := m.Listen(net.JoinHostPort(first, "0")); err != nil {
		return fail("choose a network.public_pool in 127.0.0.0/8", "%s cannot be bound: %v", first, err)
	}
	err := m.Listen(net.JoinHostPort(first, "22"))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return warn("bind the host's sshd to its own addresses: ListenAddress in /etc/ssh/sshd_config", "port 22 of %s is taken, most likely by an sshd on every address; guests' ssh gets another port", first)
	case errors.Is(err, syscall.EACCES):
		return warn("sysctl net.ipv4.ip_unprivileged_port_start=22, or run the agent as root", "port 22 of %s may not be bound by this user; guests' ssh gets another port", first)
	case err != nil:
		return warn("choose another network.public_pool", "port 22 of %s cannot be bound: %v", first, err)
	}
	return ok("%s is free, port 22 included", c.Network.PublicPool)
}

func checkHostname(ctx context.Context, _ *config.Config, m Machine) Result {
	if m.Hostname == "" || m.Hostname == "localhost" {
		return warn("hostnamectl set-hostname NAME", "the host name is %s: nodes cannot be told apart", strconv.Quote(m.Hostname))
	}
	if _, err := m.LookupHost(ctx, m.Hostname); err != nil {
		return warn("add the name to /etc/hosts", "%s does not resolve: %v", m.Hostname, err)
	}
	return ok("%s", m.Hostname)
}

// buildYear bounds a clock that was never set: no such binary existed earlier.
const buildYear = 2026

func checkClock(_ context.Context, _ *config.Config, m Machine) Result {
	now := m.Now()
	if now.Year() < buildYear {
		return fail("set the clock, best with chrony or systemd-timesyncd", "the clock says %s: every signature will be refused", now.Format(time.DateOnly))
	}
	synchronised, known := m.ClockSynchronised()
	switch {
	case !known:
		return ok("%s; %s cannot tell whether it is kept in step", now.UTC().Format(time.RFC3339), runtime.GOOS)
	case !synchronised:
		return warn("apt install systemd-timesyncd", "nothing keeps the clock in step; signatures are refused from 5 minutes of skew on")
	}
	return ok("kept in step")
}
