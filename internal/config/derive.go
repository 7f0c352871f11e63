// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

// Host is what the machine is like: the defaults that depend on it.
type Host struct {
	Name   string // host name
	Home   string // home directory of the user, for ~/
	CPUs   int
	Memory Bytes
}

// thisHost asks the machine. What it will not say stays zero and the rules of
// derive then leave their least value.
func thisHost() *Host {
	h := &Host{CPUs: runtime.NumCPU()}
	h.Name, _ = os.Hostname()
	h.Home, _ = os.UserHomeDir()
	if m, err := mem.VirtualMemory(); err == nil {
		h.Memory = Bytes(m.Total)
	}
	return h
}

// derive fills the values whose default depends on other values or on the
// machine, and makes paths absolute, so that origins and show tell the truth.
func (l *loader) derive(h Host) {
	c := l.cfg
	derive(l, "node.name", &c.Node.Name, nodeName(h.Name))
	derive(l, "node.az", &c.Node.AZ, c.Cluster.Region+"a")
	derive(l, "node.failure_domain", &c.Node.FailureDomain, c.Node.Name)
	c.Node.DataDir = absolute(c.Node.DataDir, h.Home)
	derive(l, "block.data_dir", &c.Block.DataDir, filepath.Join(c.Node.DataDir, "volumes"))
	c.Block.DataDir = absolute(c.Block.DataDir, h.Home)
	derive(l, "audit.dir", &c.Audit.Dir, filepath.Join(c.Node.DataDir, "audit"))
	c.Audit.Dir = absolute(c.Audit.Dir, h.Home)
	derive(l, "compute.reserve_cpu", &c.Compute.ReserveCPU, reserveCPU(h.CPUs))
	derive(l, "compute.reserve_memory", &c.Compute.ReserveMemory, max(1<<30, h.Memory/10>>20<<20))
	derive(l, "limits.api_burst", &c.Limits.APIBurst, 2*c.Limits.APIRPS)
}

// derive sets a value nobody gave.
func derive[T any](l *loader, path string, field *T, value T) {
	if l.cfg.origins[path].Kind != FromDefault {
		return
	}
	*field = value
	rule := ""
	for _, f := range l.leaves {
		if f.path() == path {
			rule = f.tag.Get("derive")
		}
	}
	l.cfg.origins[path] = Origin{Kind: FromDerived, Where: "(" + rule + ")"}
}

// nodeName makes a host name a node name: the first label, lower case, with
// what a node name may not hold turned into dashes.
func nodeName(host string) string {
	label, _, _ := strings.Cut(strings.ToLower(host), ".")
	label = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, label)
	if label = strings.Trim(label, "-"); label == "" {
		return "node1"
	}
	return label[:min(len(label), 63)]
}

// reserveCPU keeps enough for storage and the log: flat fractions starve small
// machines and waste large ones.
func reserveCPU(cpus int) float64 {
	if cpus > 16 {
		return 2 + float64(cpus)/20
	}
	return max(1, float64(cpus)/10)
}

// absolute expands ~/ and makes a relative path absolute. A path that cannot
// be made absolute is returned as it is; validate refuses it then.
func absolute(path, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	if path == "" {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
