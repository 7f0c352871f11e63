// SPDX-License-Identifier: Apache-2.0

//go:build e2e || bench

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait: machines differ tenfold in speed.
var patience = 5 * time.Minute

func init() {
	// For whoever waits for a failure: HIVE_PATIENCE=30s.
	if d, err := time.ParseDuration(os.Getenv("HIVE_PATIENCE")); err == nil {
		patience = d
	}
}

// node is one hive node with its data in a directory of its own.
type node struct {
	dir   string   // data directory; short, for unix sockets end at 107 bytes
	hive  string   // the binary
	as    []string // a command that runs others as another user; empty: this one
	agent *exec.Cmd
	ended chan struct{}
	keys  credentials
	env   []string // what AWS clients need
}

type credentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	Account         string `json:"account"`
	SessionToken    string `json:"-"` // of temporary credentials
}

// freePort is a TCP port of loopback that nothing listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// newNode initialises a node. extra are more lines of its configuration.
func newNode(extra string) (*node, error) {
	n, err := layNode(extra)
	if err != nil {
		return nil, err
	}
	return n, n.init()
}

// layNode makes a node's directory and configuration.
func layNode(extra string) (*node, error) {
	bin, err := filepath.Abs(os.Getenv("HIVE_BIN"))
	if err != nil || os.Getenv("HIVE_BIN") == "" {
		return nil, errors.New("HIVE_BIN must name the hive binary: run make test-e2e")
	}
	dir, err := os.MkdirTemp("", "hv")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // QEMU runs as another user and must get through
		return nil, err
	}
	n := &node{dir: dir, hive: bin}
	var ports [4]int
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	// A pool of its own: other regions of this machine have theirs. 127.80 is the default's.
	pool := fmt.Sprintf("127.%d.%d.0/24", 81+rand.IntN(100), rand.IntN(256))
	text := fmt.Sprintf("network {\n  public_pool = %q\n}\nlisten {\n  api = \"127.0.0.1:%d\"\n  cluster = \"127.0.0.1:%d\"\n  gossip = \"127.0.0.1:%d\"\n  metrics = \"127.0.0.1:%d\"\n}\n%s\n",
		pool, ports[0], ports[1], ports[2], ports[3], extra)
	return n, os.WriteFile(filepath.Join(dir, "test.hcl"), []byte(text), 0o644)
}

// init makes the node a region of its own.
func (n *node) init() error {
	var made struct {
		Item credentials `json:"item"`
		credentials
	}
	out, err := n.run(context.Background(), "admin", "init", "--region", "ap-southeast-2", "--az", "ap-southeast-2a", "--node", "node1", "-o", "json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return fmt.Errorf("read output of admin init %s: %w", out, err)
	}
	n.keys = made.credentials
	if n.keys.AccessKeyID == "" {
		n.keys = made.Item
	}
	return nil
}

// args puts the node's directory and configuration into a command line.
func (n *node) args(args []string) []string {
	return append(args, "--data-dir", n.dir, "--config", filepath.Join(n.dir, "test.hcl"))
}

// command is a hive command on the node.
func (n *node) command(ctx context.Context, args ...string) *exec.Cmd {
	line := slices.Concat(n.as, []string{n.hive}, n.args(args))
	return exec.CommandContext(ctx, line[0], line[1:]...)
}

// run runs a hive command and returns its standard output.
func (n *node) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := n.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("hive %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return out, nil
}

// start runs the agent and waits until the node is ready.
func (n *node) start() error {
	logs, err := os.OpenFile(filepath.Join(n.dir, "agent.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer logs.Close()
	cmd := n.command(context.Background(), "agent", "--log-level", "debug")
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.agent, n.ended = cmd, make(chan struct{})
	go func() { _ = cmd.Wait(); close(n.ended) }()
	until := time.Now().Add(patience)
	for {
		var env struct {
			Item environment `json:"item"`
			environment
		}
		out, err := n.run(context.Background(), "env", "-o", "json", "--timeout", "5s")
		if err == nil {
			if err := json.Unmarshal(out, &env); err != nil {
				return fmt.Errorf("read output of env %s: %w", out, err)
			}
			e := env.environment
			if e.Endpoint == "" {
				e = env.Item
			}
			n.env = e.list()
			if n.ready() {
				return nil
			}
		}
		select {
		case <-n.ended:
			return fmt.Errorf("the agent ended: %s", n.tail("agent.log"))
		default:
		}
		if time.Now().After(until) {
			return fmt.Errorf("the agent is not ready: %w\n%s", err, n.tail("agent.log"))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ready tells whether the node is registered and offers instance types.
func (n *node) ready() bool {
	out, err := n.run(context.Background(), "node", "list", "-o", "json", "--timeout", "5s")
	return err == nil && bytes.Contains(out, []byte("n-node1"))
}

// environment is what hive env prints.
type environment struct {
	Endpoint        string `json:"endpoint"`
	CABundle        string `json:"caBundle"`
	Region          string `json:"region"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

func (e environment) list() []string {
	return []string{"AWS_ENDPOINT_URL=" + e.Endpoint, "AWS_CA_BUNDLE=" + e.CABundle, "AWS_REGION=" + e.Region, "AWS_DEFAULT_REGION=" + e.Region,
		"AWS_ACCESS_KEY_ID=" + e.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + e.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER="}
}

// value is one of the variables that AWS clients need.
func (n *node) value(name string) string {
	for _, e := range n.env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// kill ends the agent as a crash would; its guests go on.
func (n *node) kill() {
	_ = n.agent.Process.Kill()
	<-n.ended
}

// drain shuts the node down in order and waits until nothing of it runs.
func (n *node) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := n.run(ctx, "admin", "shutdown", "--drain", "--timeout", "2m"); err != nil {
		return err
	}
	select {
	case <-n.ended:
	case <-ctx.Done():
		return errors.New("the agent did not end after a drained shutdown")
	}
	left := n.processes()
	for until := time.Now().Add(10 * time.Second); len(left) > 0 && time.Now().Before(until); left = n.processes() {
		time.Sleep(50 * time.Millisecond) // one that has been told to end takes a moment
	}
	var lines []string
	for _, pid := range left {
		lines = append(lines, cmdline(pid))
	}
	if len(left) > 0 {
		return fmt.Errorf("processes %v were left after a drained shutdown: %s", left, strings.Join(lines, "; "))
	}
	return nil
}

// stop ends everything of the node in order, then whatever is left, and removes its directory.
func (n *node) stop() error {
	var err error
	if n.agent != nil {
		select {
		case <-n.ended:
		default:
			err = n.drain()
		}
	}
	for _, pid := range n.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return errors.Join(err, os.RemoveAll(n.dir))
}

// processes are all processes whose command line names the node's directory, the test's own aside.
func (n *node) processes() []int {
	var out []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if bytes.Contains(line, []byte(n.dir+"/")) || bytes.Contains(line, []byte(n.dir+"\x00")) {
			out = append(out, pid)
		}
	}
	return out
}

// tail is the end of one of the node's files, for failures; the lines of answered requests are left out.
func (n *node) tail(name string) string {
	b, err := os.ReadFile(filepath.Join(n.dir, name))
	if err != nil {
		return err.Error()
	}
	var out []byte
	for line := range bytes.Lines(b) {
		if !bytes.Contains(line, []byte(" apigw: answered: ")) {
			out = append(out, line...)
		}
	}
	return string(out[max(0, len(out)-4000):])
}

// microImage is where the micro image is kept.
func microImage() string {
	cache := os.Getenv("HIVE_CACHE")
	if cache == "" {
		cache = filepath.Join(os.TempDir(), "hive-cache")
	}
	return filepath.Join(cache, "hive-micro.raw")
}

// image makes the micro image (once a machine, cached) and imports it; it returns the image's id.
func (n *node) image(ctx context.Context) (string, error) {
	raw := microImage()
	cache := filepath.Dir(raw)
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	if _, err := os.Stat(raw); err != nil {
		if out, err := exec.CommandContext(ctx, n.hive, "image", "build-micro", "--cache", cache, raw).CombinedOutput(); err != nil {
			return "", fmt.Errorf("build micro image: %w\n%s", err, out)
		}
	}
	row, err := n.importImage(ctx, raw, "--name", "hive-micro", "--boot-mode", "legacy-bios") // by UEFI a boot takes twice as long
	return row.ID, err
}

// importedImage is what hive image import prints.
type importedImage struct {
	ID       string `json:"id"`
	Snapshot string `json:"snapshot"`
	BootMode string `json:"bootMode"`
}

// importImage makes an image of a file by hive image import.
func (n *node) importImage(ctx context.Context, file string, flags ...string) (importedImage, error) {
	var made struct{ Item importedImage }
	out, err := n.run(ctx, slices.Concat([]string{"image", "import", file, "-o", "json", "--timeout", "5m"}, flags)...)
	if err != nil {
		return made.Item, err
	}
	if err := json.Unmarshal(out, &made); err != nil || made.Item.ID == "" {
		return made.Item, fmt.Errorf("read output of image import %s: %w", out, err)
	}
	return made.Item, nil
}

// eventually polls until ok, with a generous limit.
func eventually(t *testing.T, what string, ok func() (bool, string)) {
	t.Helper()
	until := time.Now().Add(patience)
	for {
		good, state := ok()
		if good {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s: not within %s; last seen: %s", what, patience, state)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
