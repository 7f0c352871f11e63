// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hivecloud/hive/internal/config"
)

// comfort is the free space above the reserve below which a warning is due: a
// small root volume.
const comfort = 8 << 30

func checkDataDir(_ context.Context, c *config.Config, m Machine) Result {
	dir := c.Node.DataDir
	info, err := m.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ok("%s does not exist yet; hive admin init makes it", dir)
	case err != nil:
		return fail("run hive doctor as the user that runs the agent", "%v", err)
	case !info.IsDir():
		return fail("move the file away, or name another node.data_dir", "%s is not a directory", dir)
	case info.Mode()&0o022 != 0:
		return fail("chmod go-w "+dir, "%s has mode %s: others could replace the node's keys", dir, mode(info))
	}
	if uid, known := m.Owner(info); known && uid != m.UID {
		return fail("run hive as the owner, or chown "+dir, "%s belongs to user %d, this is user %d", dir, uid, m.UID)
	}
	return ok("%s has mode %s", dir, mode(info))
}

// checkFileSystem knows the file systems that lose what was acknowledged.
func checkFileSystem(_ context.Context, c *config.Config, m Machine) Result {
	disk, err := m.Disk(c.Node.DataDir)
	if err != nil {
		return fail("name a node.data_dir that can be read", "%v", err)
	}
	switch {
	case disk.Type == "tmpfs" || disk.Type == "ramfs":
		return warn("put node.data_dir on a disk unless the region is a throw-away one", "%s is on %s: everything is gone after a reboot", c.Node.DataDir, disk.Type)
	case slices.Contains([]string{"nfs", "cifs", "smb2", "9p", "fuse"}, disk.Type):
		return warn("use a local disk", "%s is on %s, which may acknowledge flushes it has not done", c.Node.DataDir, disk.Type)
	}
	return ok("%s is on %s", c.Node.DataDir, disk.Type)
}

func checkDiskData(_ context.Context, c *config.Config, m Machine) Result {
	return checkDisk(c.Node.DataDir, 1<<30, m)
}

func checkDiskVolumes(_ context.Context, c *config.Config, m Machine) Result {
	return checkDisk(c.Block.DataDir, uint64(c.Block.Reserve), m)
}

func checkDisk(dir string, reserve uint64, m Machine) Result {
	disk, err := m.Disk(dir)
	free, kept := config.Bytes(disk.Free>>20<<20), config.Bytes(reserve)
	switch {
	case err != nil:
		return fail("name a directory that can be read", "%v", err)
	case disk.Free < reserve:
		return fail("free some space, or use a larger disk", "%s has %s free, less than the %s that stay reserved", dir, free, kept)
	case disk.Free < reserve+comfort:
		return warn("free some space before launching larger guests", "%s has %s free, and %s of it stay reserved", dir, free, kept)
	}
	return ok("%s has %s free", dir, free)
}

// flushes is how many flushes the probe makes; their median is the verdict,
// because one flush beside another program's says nothing.
const flushes = 15

func checkFlush(_ context.Context, c *config.Config, m Machine) Result {
	times, err := m.Flush(c.Node.DataDir, flushes)
	if err != nil || len(times) == 0 {
		return warn("make "+c.Node.DataDir+" writable for this user", "the disk could not be tried: %v", err)
	}
	slices.Sort(times)
	median := times[len(times)/2].Round(10 * time.Microsecond)
	if median > 30*time.Millisecond {
		return warn("use an SSD, best one with power-loss protection", "a flush takes %s; every API write waits for one", median)
	}
	return ok("a flush takes %s", median)
}

// certificateNotice is how long before its end a certificate is worth a word.
// The agent renews its own long before; what is found here was given by hand,
// or is of a node that was off for long.
const certificateNotice = 14 * 24 * time.Hour

func checkCertificates(_ context.Context, c *config.Config, m Machine) Result {
	all, err := m.Certificates(c.Node.DataDir)
	if err == nil && c.TLS.CertFile != "" {
		var own []Certificate
		own, err = m.Certificates(c.TLS.CertFile)
		all = append(all, own...)
	}
	if err != nil {
		return fail("run hive doctor as the user that runs the agent", "%v", err)
	}
	if len(all) == 0 {
		return ok("none yet; hive admin init makes them")
	}
	first := slices.MinFunc(all, func(a, b Certificate) int { return cmp.Compare(a.Until.Unix(), b.Until.Unix()) })
	left := first.Until.Sub(m.Now())
	switch {
	case left <= 0:
		return fail("start the agent to renew it; replace one that was given by hand", "%s ended on %s", first.File, first.Until.Format(time.DateOnly))
	case left < certificateNotice:
		return warn("start the agent to renew it; replace one that was given by hand", "%s ends on %s", first.File, first.Until.Format(time.DateOnly))
	}
	return ok("%d, the first ends on %s", len(all), first.Until.Format(time.DateOnly))
}

// checkLeftovers finds what an agent that did not end well has left running.
// Guests that outlive their agent are meant to; the next agent adopts them.
func checkLeftovers(ctx context.Context, c *config.Config, m Machine) Result {
	if m.AgentAnswers(ctx, c.AdminSocket()) {
		return ok("this node's agent is running")
	}
	left, err := m.Processes(c.Node.DataDir)
	if err != nil {
		return warn("run hive doctor as the user that runs the agent", "%v", err)
	}
	if len(left) > 0 {
		names := make([]string, len(left))
		for i, p := range left {
			names[i] = p.Name
		}
		slices.Sort(names)
		return warn("start the agent, which adopts them", "no agent runs, but %d of its processes do: %s", len(left), strings.Join(slices.Compact(names), ", "))
	}
	if _, err := m.Stat(c.AdminSocket()); err == nil {
		return ok("an earlier agent left %s, which the next one replaces", filepath.Base(c.AdminSocket()))
	}
	return ok("none")
}
