// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sys/unix"
)

const (
	// Region is the name of the region that a Cluster is.
	Region = "ap-southeast-2"
	// Patience bounds every wait: machines differ tenfold in speed.
	Patience = 3 * time.Minute
)

// Cluster is the nodes of a region and what their clients need.
type Cluster struct {
	T     testing.TB
	Hive  string   // the binary of nodes that have none of their own
	Extra string   // more lines of every node's configuration
	Agent []string // more flags of every agent
	Net   *Net     // nil: all nodes are on loopback
	Nodes []*Node
	Keys  aws.Credentials
	Token string // the join token that init printed

	pool   string
	bundle string // file of the CA
	client client
}

// New makes a cluster without nodes. HIVE_BIN names the binary.
func New(t *testing.T, network *Net) *Cluster {
	t.Helper()
	hive, err := filepath.Abs(os.Getenv("HIVE_BIN"))
	if err != nil || os.Getenv("HIVE_BIN") == "" {
		t.Fatal("HIVE_BIN must name the hive binary: run make test-e2e")
	}
	return &Cluster{T: t, Hive: hive, Net: network, pool: fmt.Sprintf("127.%d.%d.0/24", 190+os.Getpid()%50, os.Getpid()/50%256)}
}

// Lay makes a node's directory, configuration and, in a Net, namespace.
func (c *Cluster) Lay(name string) *Node { return c.LayOn(name, "") }

// LayOn is Lay with the data directory on a memory disk of a size, as mount(8) reads it; empty: none.
func (c *Cluster) LayOn(name, size string) *Node {
	c.T.Helper()
	dir, err := os.MkdirTemp("", "hc") // short: unix sockets end at 107 bytes
	if err != nil {
		c.T.Fatal(err)
	}
	n := &Node{Name: name, Dir: dir, mounted: size != "", patient: c.T}
	c.Nodes = append(c.Nodes, n)
	c.T.Cleanup(func() { c.clean(n) })
	if n.mounted {
		if err := unix.Mount("lab", dir, "tmpfs", 0, "size="+size); err != nil {
			c.T.Fatalf("mount a disk of %s: %v", size, err)
		}
	}
	if err := os.Chmod(dir, 0o711); err != nil { // QEMU runs as another user and must get through
		c.T.Fatal(err)
	}
	text := fmt.Sprintf("listen {\n%s}\nnetwork {\n  public_pool = %q\n%s}\ncompute {\n  accel = \"tcg\"\n  reserve_cpu = 0\n  overcommit_cpu_burstable = 8\n}\nraft {\n  replace_after = \"5s\"\n}\n%s",
		c.listen(n), c.pool, c.virtual(), c.Extra)
	if err := os.WriteFile(filepath.Join(dir, "test.hcl"), []byte(text), 0o644); err != nil {
		c.T.Fatal(err)
	}
	return n
}

// listen says where a node is found: in a namespace at the usual ports of its address, else at free ones of loopback.
func (c *Cluster) listen(n *Node) string {
	c.T.Helper()
	var at [4]string
	if c.Net != nil {
		ip := fmt.Sprintf("10.77.0.%d", len(c.Nodes))
		n.Space = c.Net.Space(c.T.(*testing.T), n.Name, ip)
		at = [4]string{"0.0.0.0:9443", ip + ":8443", ip + ":8444", "127.0.0.1:9464"}
		n.Endpoint = "https://" + ip + ":9443"
	} else {
		for i := range at {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				c.T.Fatal(err)
			}
			defer l.Close()
			at[i] = l.Addr().String()
		}
		n.Endpoint = "https://" + at[0]
	}
	return fmt.Sprintf("  api = %q\n  cluster = %q\n  gossip = %q\n  metrics = %q\n", at[0], at[1], at[2], at[3])
}

func (c *Cluster) virtual() string {
	if c.Net == nil {
		return ""
	}
	return fmt.Sprintf("  virtual_ip = %q\n", VirtualIP)
}

// Virtual is the region at its one URL.
func (c *Cluster) Virtual() string { return "https://" + VirtualIP + ":9443" }

// clean ends whatever is left of a node, and shows its log after a failure.
func (c *Cluster) clean(n *Node) {
	n.KillAll()
	if c.T.Failed() {
		b, _ := os.ReadFile(filepath.Join(n.Dir, "agent.log"))
		c.T.Logf("--- end of the log of %s\n%s", n.Name, b[max(0, len(b)-3000):])
	}
	if n.mounted {
		if err := unix.Unmount(n.Dir, unix.MNT_DETACH); err != nil {
			c.T.Errorf("unmount %s: %v", n.Dir, err)
		}
	}
	if err := os.RemoveAll(n.Dir); err != nil {
		c.T.Errorf("remove %s: %v", n.Dir, err)
	}
}

// Try runs a hive command on a node and returns what it printed.
func (c *Cluster) Try(n *Node, args ...string) ([]byte, error) {
	out, _, err := c.both(n, args)
	return out, err
}

// Told runs a hive command on a node that must succeed, and returns what it said besides its output: its progress.
func (c *Cluster) Told(n *Node, args ...string) string {
	c.T.Helper()
	_, notes, err := c.both(n, args)
	if err != nil {
		c.T.Fatal(err)
	}
	return string(notes)
}

func (c *Cluster) both(n *Node, args []string) (output, notes []byte, err error) {
	cmd := exec.Command(cmp.Or(n.Hive, c.Hive), append(args, "--data-dir", n.Dir, "--config", filepath.Join(n.Dir, "test.hcl"))...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err = n.Space.Do(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return out.Bytes(), stderr.Bytes(), fmt.Errorf("on %s: hive %s: %w\n%s%s", n.Name, strings.Join(args, " "), err, out.Bytes(), stderr.Bytes())
	}
	return out.Bytes(), stderr.Bytes(), nil
}

// Read is Try for commands that print an item or items: it decodes them.
func Read[T any](c *Cluster, n *Node, args ...string) (v T, err error) {
	out, err := c.Try(n, append(args, "-o", "json")...)
	if err != nil {
		return v, err
	}
	var both struct {
		Item  json.RawMessage
		Items json.RawMessage
	}
	if err := json.Unmarshal(out, &both); err != nil {
		return v, fmt.Errorf("read output of hive %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	if err := json.Unmarshal(slices.Concat(both.Item, both.Items), &v); err != nil {
		return v, fmt.Errorf("read output of hive %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return v, nil
}

// Run is Read for commands that must succeed.
func Run[T any](c *Cluster, n *Node, args ...string) T {
	c.T.Helper()
	v, err := Read[T](c, n, args...)
	if err != nil {
		c.T.Fatal(err)
	}
	return v
}

// Start runs the node's agent and waits until it is ready.
func (c *Cluster) Start(n *Node) {
	c.T.Helper()
	c.Launch(n)
	c.Ready(n)
}

// Ready waits until the node's agent says that it is.
func (c *Cluster) Ready(n *Node) {
	c.T.Helper()
	c.Eventually("node "+n.Name+" ready", func() error {
		select {
		case <-n.ended:
			b, _ := os.ReadFile(filepath.Join(n.Dir, "agent.log"))
			c.T.Fatalf("the agent of %s ended: %s", n.Name, b[max(0, len(b)-2000):])
		default:
		}
		_, err := c.Try(n, "admin", "status", "--timeout", "5s")
		return err
	})
}

// Launch starts the agent and waits for nothing.
func (c *Cluster) Launch(n *Node) {
	c.T.Helper()
	logs, err := os.OpenFile(filepath.Join(n.Dir, "agent.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		c.T.Fatal(err)
	}
	defer logs.Close()
	args := append([]string{"agent", "--data-dir", n.Dir, "--config", filepath.Join(n.Dir, "test.hcl")}, c.Agent...)
	cmd := exec.Command(cmp.Or(n.Hive, c.Hive), args...)
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.Space.Do(cmd.Start); err != nil {
		c.T.Fatal(err)
	}
	ended := make(chan struct{})
	n.agent, n.ended = cmd, ended
	go func() { _ = cmd.Wait(); close(ended) }()
}

// Eventually polls until ok, with a generous limit.
func (c *Cluster) Eventually(what string, ok func() error) {
	c.T.Helper()
	if err := Wait(what, ok); err != nil {
		c.T.Fatal(err)
	}
}

// Wait is Eventually for goroutines that must not end the test.
func Wait(what string, ok func() error) error {
	for until := time.Now().Add(Patience); ; {
		err := ok()
		if err == nil {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("%s: not within %s: %w", what, Patience, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
