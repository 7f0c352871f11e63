// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Node is one hive node of a Cluster.
type Node struct {
	Name     string
	Dir      string // data directory
	Endpoint string // URL of its API
	Hive     string // its own binary; empty: the cluster's
	Space    *Space // nil: the test's own

	agent   *exec.Cmd
	ended   chan struct{}
	mounted bool
	patient testing.TB
}

// Kill ends the agent as a crash would. Its guests, guards and block daemon go on.
func (n *Node) Kill() {
	if n.agent != nil {
		_ = n.agent.Process.Kill()
		<-n.ended
	}
}

// KillAll ends every process of the node at once, as the loss of its power would.
func (n *Node) KillAll() {
	n.Kill()
	for left := n.Processes(); len(left) > 0; left = n.Processes() { // guards start what dies
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// Stop ends the agent in order and waits; guests go on.
func (n *Node) Stop() {
	_ = n.agent.Process.Signal(syscall.SIGTERM)
	<-n.ended
}

// Pause stops the agent alone by SIGSTOP.
func (n *Node) Pause() { _ = n.agent.Process.Signal(syscall.SIGSTOP) }

// Continue lets a paused agent go on.
func (n *Node) Continue() { _ = n.agent.Process.Signal(syscall.SIGCONT) }

// Processes are all processes whose command line names the node's directory.
func (n *Node) Processes() []int {
	var out []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if bytes.Contains(line, []byte(n.Dir+"/")) || bytes.Contains(line, []byte(n.Dir+"\x00")) {
			out = append(out, pid)
		}
	}
	return out
}

// Ended tells whether the agent has ended.
func (n *Node) Ended() bool {
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// Tail is the end of the agent's log.
func (n *Node) Tail(size int) string {
	b, err := os.ReadFile(filepath.Join(n.Dir, "agent.log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-size):])
}
