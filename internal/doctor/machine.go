// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"io/fs"
	"time"
)

// Machine is what the checks ask of the host. Functions and not an interface:
// a test replaces the one answer it is about.
type Machine struct {
	// LookPath finds a program, as exec.LookPath does.
	LookPath func(name string) (string, error)
	// Output runs a program and returns its standard output.
	Output func(ctx context.Context, name string, args ...string) (string, error)
	// Accelerator boots the probe guest; it returns kvm or tcg and why.
	Accelerator func(ctx context.Context, qemu, mode string) (name, reason string, err error)
	// Stat describes a file.
	Stat func(path string) (fs.FileInfo, error)
	// Owner is the owner's user id of a file.
	Owner func(fs.FileInfo) (uid int, known bool)
	// Disk describes the file system that holds path or its nearest parent.
	Disk func(path string) (DiskInfo, error)
	// Flush writes and flushes one block n times below dir, and returns the
	// time of each.
	Flush func(dir string, n int) ([]time.Duration, error)
	// Listen binds a TCP address and lets it go.
	Listen func(address string) error
	// AgentAnswers tells whether an agent serves the admin socket.
	AgentAnswers func(ctx context.Context, socket string) bool
	// Certificates lists the certificates below a directory or in a file.
	Certificates func(path string) ([]Certificate, error)
	// Processes lists the processes whose command line holds text.
	Processes func(text string) ([]ProcessInfo, error)
	// ClockSynchronised asks the kernel; known is false where it cannot say.
	ClockSynchronised func() (synchronised, known bool)
	// UserExists tells whether an account exists.
	UserExists func(name string) bool
	// OpenFiles is the soft and hard limit of open files.
	OpenFiles func() (soft, hard uint64)
	// LookupHost resolves a name.
	LookupHost func(ctx context.Context, name string) ([]string, error)
	// ReadFile reads a small text file of the kernel.
	ReadFile func(path string) (string, error)
	// LastEntry opens the log of a stopped node and returns its last index.
	LastEntry func(dir string) (uint64, error)
	// Answer tells on which interfaces a member could answer a joiner's search when its cluster port is bound at host.
	Answer func(host string) ([]string, error)
	// Interfaces lists the network interfaces that are up.
	Interfaces func() ([]Interface, error)

	Hostname string
	CPUs     int
	Memory   uint64 // bytes
	UID      int
	Now      func() time.Time
}

// DiskInfo is a file system.
type DiskInfo struct {
	Type        string // ext4, xfs, tmpfs, ...
	Free, Total uint64 // bytes, as the user sees them
}

// Interface is a network interface.
type Interface struct {
	Name      string
	MTU       int
	Loopback  bool
	Addresses []string
}

// Certificate is one certificate of the node.
type Certificate struct {
	File  string
	Until time.Time
}

// ProcessInfo is a running process.
type ProcessInfo struct {
	PID  int
	Name string
}
