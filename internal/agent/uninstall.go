// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/raftnode"
)

// Uninstall says what of a node is to go.
type Uninstall struct {
	Node      string   `json:"node"`
	Region    string   `json:"region"`
	Paths     []string `json:"paths"`     // files and directories that are there, and go
	Kept      []string `json:"kept"`      // what else is in the data directory, and stays
	Processes []string `json:"processes"` // of the node, that run and are ended
	Others    []string `json:"others"`    // other members of the region's log

	config *config.Config
}

// ours are the names in a data directory that Hive makes.
var ours = []string{"node.json", "cluster.json", "pki", "cluster.key", "gossip.key", "raft", "volumes", "guests", "simulated", "fetched", "metrics", "audit", "import", "run", "log", "left", "hive.hcl"}

// PlanUninstall looks at what is there and changes nothing.
func PlanUninstall(c *config.Config) (*Uninstall, error) {
	at := layout{c.Node.DataDir}
	id, err := readIdentity(at.node())
	if err != nil {
		return nil, err
	}
	u := &Uninstall{Node: id.Node, Region: id.Region, Paths: []string{}, Kept: []string{}, Processes: []string{}, Others: []string{}, config: c}
	entries, err := os.ReadDir(at.dir)
	if err != nil {
		return nil, fmt.Errorf("look at data directory: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(at.dir, e.Name())
		if slices.Contains(ours, e.Name()) {
			u.Paths = append(u.Paths, path)
		} else {
			u.Kept = append(u.Kept, path)
		}
	}
	if _, err := os.Stat(c.Block.DataDir); err == nil && !strings.HasPrefix(c.Block.DataDir, at.dir+"/") {
		u.Paths = append(u.Paths, c.Block.DataDir)
	}
	if _, err := os.Stat(c.Audit.Dir); err == nil && !strings.HasPrefix(c.Audit.Dir, at.dir+"/") {
		u.Kept = append(u.Kept, c.Audit.Dir) // records outlive what they are of, and /var/log may be others' too
	}
	// node.json goes last: without it an uninstall that was interrupted could not be repeated.
	u.Paths = append(slices.DeleteFunc(u.Paths, func(p string) bool { return p == at.node() }), at.node())
	running, err := processesOf(at.dir)
	if err != nil {
		return nil, err
	}
	for pid, name := range running {
		u.Processes = append(u.Processes, fmt.Sprintf("%s (%d)", name, pid))
	}
	slices.Sort(u.Processes)
	if o, err := raftnode.Inspect(at.raft()); err == nil { // a running agent answers that better, and a damaged log does not matter any more
		u.addPeers(o.Peers, id.NodeID)
	}
	return u, nil
}

func (u *Uninstall) addPeers(peers []raftnode.Peer, self string) {
	for _, p := range peers {
		if p.ID != self {
			u.Others = append(u.Others, p.ID)
		}
	}
}

// AskAgent lets a running agent say which other members there are.
func (u *Uninstall) AskAgent(ctx context.Context, client *admin.Client) error {
	peers, err := client.RaftPeers(ctx)
	if err != nil {
		return err
	}
	for _, p := range peers {
		if p.Node != u.Node && !slices.Contains(u.Others, p.NodeID) {
			u.Others = append(u.Others, p.NodeID)
		}
	}
	return nil
}

// Run ends every process of the node and removes its files. progress is told each step.
func (u *Uninstall) Run(ctx context.Context, client *admin.Client, grace time.Duration, progress func(string)) error {
	at := layout{u.config.Node.DataDir}
	if _, err := client.Status(ctx); err == nil {
		req := admin.ShutdownRequest{Drain: true, Timeout: int(grace / time.Second)}
		if err := client.Shutdown(ctx, req, func(e admin.ShutdownEvent) { progress(e.Step) }); err != nil {
			return fmt.Errorf("drain the node: %w", err)
		}
	}
	if err := endAll(ctx, at.dir, progress); err != nil {
		return err
	}
	var errs []error
	for _, path := range u.Paths {
		progress("removing " + path)
		errs = append(errs, os.RemoveAll(path))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove files: %w", err)
	}
	if len(u.Kept) == 0 {
		if err := os.Remove(at.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove data directory: %w", err)
		}
	}
	return nil
}

// endGrace is how long a process may take after SIGTERM.
const endGrace = 10 * time.Second

// endAll ends the node's processes: politely, and then the hard way. A guest that its guard started again in between is
// found by the second pass.
func endAll(ctx context.Context, dir string, progress func(string)) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		running, err := processesOf(dir)
		if err != nil {
			return err
		}
		for pid, name := range running {
			progress(fmt.Sprintf("ending %s (%d)", name, pid))
			if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("end %s (%d): %w", name, pid, err)
			}
		}
		for deadline := time.Now().Add(endGrace); len(running) > 0 && time.Now().Before(deadline); {
			if err := sleep(ctx, 50*time.Millisecond); err != nil {
				return err
			}
			if running, err = processesOf(dir); err != nil {
				return err
			}
		}
		if len(running) == 0 {
			return nil
		}
	}
	return admin.Errorf(admin.KindFailure, "end them by hand, then run the command again", "processes of the node do not end")
}

// processesOf finds the node's processes by what only they have: a program of Hive's or QEMU's with a path below the
// data directory on its command line.
func processesOf(dir string) (map[int]string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	out := map[int]string{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || pid == os.Getppid() {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || len(line) == 0 {
			continue // it ended, or is a zombie or the kernel's
		}
		words := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
		if name := nodeProcess(words); name != "" && mentions(words, dir) {
			out[pid] = name
		}
	}
	return out, nil
}

// nodeProcess names a process that a node runs; empty for others.
func nodeProcess(words []string) string {
	name := filepath.Base(words[0])
	switch {
	case strings.HasPrefix(name, "qemu-system-"), name == "swtpm":
		return name
	case name == "hive" && len(words) > 1 && (words[1] == "agent" || words[1] == "guard" || words[1] == "blockd"):
		return "hive " + words[1]
	}
	return ""
}

// mentions tells whether a word holds dir or a path below it.
func mentions(words []string, dir string) bool {
	return slices.ContainsFunc(words[1:], func(w string) bool {
		at := strings.Index(w, dir)
		if at < 0 {
			return false
		}
		rest := w[at+len(dir):]
		return rest == "" || rest[0] == '/' || rest[0] == ','
	})
}
