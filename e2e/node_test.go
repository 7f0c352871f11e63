// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait: machines differ tenfold in speed.
const patience = 5 * time.Minute

// node is one hive node with its data in a directory of its own.
type node struct {
	dir   string // data directory; short, for unix sockets end at 107 bytes
	hive  string // the binary
	agent *exec.Cmd
	ended chan struct{}
	keys  credentials
	env   []string // what AWS clients need
}

type credentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	Account         string `json:"account"`
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
	text := fmt.Sprintf("listen {\n  api = \"127.0.0.1:%d\"\n  cluster = \"127.0.0.1:%d\"\n  gossip = \"127.0.0.1:%d\"\n  metrics = \"127.0.0.1:%d\"\n}\n%s\n",
		ports[0], ports[1], ports[2], ports[3], extra)
	if err := os.WriteFile(filepath.Join(dir, "test.hcl"), []byte(text), 0o644); err != nil {
		return nil, err
	}
	var made struct {
		Item credentials `json:"item"`
		credentials
	}
	out, err := n.run(context.Background(), "admin", "init", "--region", "eu-home-1", "--az", "eu-home-1a", "--node", "node1", "-o", "json")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return nil, fmt.Errorf("read output of admin init %s: %w", out, err)
	}
	n.keys = made.credentials
	if n.keys.AccessKeyID == "" {
		n.keys = made.Item
	}
	return n, nil
}

// args puts the node's directory and configuration into a command line.
func (n *node) args(args []string) []string {
	return append(args, "--data-dir", n.dir, "--config", filepath.Join(n.dir, "test.hcl"))
}

// run runs a hive command and returns its standard output.
func (n *node) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, n.hive, n.args(args)...)
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
	cmd := exec.Command(n.hive, n.args([]string{"agent", "--log-level", "debug"})...)
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

// kill ends the agent as a crash would; its guests go on.
func (n *node) kill() {
	_ = n.agent.Process.Kill()
	<-n.ended
}

// stop ends everything of the node in order, then whatever is left, and removes its directory.
func (n *node) stop() error {
	var err error
	if n.agent != nil {
		select {
		case <-n.ended:
		default:
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_, err = n.run(ctx, "admin", "shutdown", "--drain", "--timeout", "2m")
			cancel()
		}
	}
	left := n.processes()
	for _, pid := range left {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("processes %v were left after a drained shutdown", left)
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

// tail is the end of one of the node's files, for failures.
func (n *node) tail(name string) string {
	b, err := os.ReadFile(filepath.Join(n.dir, name))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-4000):])
}

// image makes the micro image (once a machine, cached) and imports it; it returns the image's id.
func (n *node) image(ctx context.Context) (string, error) {
	cache := os.Getenv("HIVE_CACHE")
	if cache == "" {
		cache = filepath.Join(os.TempDir(), "hive-cache")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	raw := filepath.Join(cache, "hive-micro.raw")
	if _, err := os.Stat(raw); err != nil {
		if out, err := exec.CommandContext(ctx, n.hive, "image", "build-micro", "--cache", cache, raw).CombinedOutput(); err != nil {
			return "", fmt.Errorf("build micro image: %w\n%s", err, out)
		}
	}
	if out, err := n.run(ctx, "image", "import", raw, "--name", "hive-micro", "-o", "json", "--timeout", "5m"); err != nil {
		return "", fmt.Errorf("import micro image: %w\n%s", err, out)
	}
	out, err := n.run(ctx, "image", "list", "-o", "json")
	if err != nil {
		return "", err
	}
	at := bytes.Index(out, []byte(`"ami-`))
	if at < 0 {
		return "", fmt.Errorf("image list has no image: %s", out)
	}
	id, _, _ := bytes.Cut(out[at+1:], []byte(`"`))
	return string(id), nil
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
