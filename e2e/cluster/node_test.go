// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	regionName = "ap-southeast-2"
	// patience bounds every wait: machines differ tenfold in speed.
	patience = 3 * time.Minute
)

// node is one hive node of the test.
type node struct {
	t        *testing.T
	name     string
	dir      string
	endpoint string
	agent    *exec.Cmd
	ended    chan struct{}
}

// cluster is the nodes and what their clients need.
type cluster struct {
	t     *testing.T
	hive  string
	pool  string
	nodes []*node
	keys  aws.Credentials
	token string
	http  *http.Client
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	hive, err := filepath.Abs(os.Getenv("HIVE_BIN"))
	if err != nil || os.Getenv("HIVE_BIN") == "" {
		t.Fatal("HIVE_BIN must name the hive binary: run make test-e2e")
	}
	return &cluster{t: t, hive: hive, pool: fmt.Sprintf("127.%d.%d.0/24", 190+os.Getpid()%50, os.Getpid()/50%256)}
}

// lay makes a node's directory and configuration.
func (c *cluster) lay(name string) *node {
	c.t.Helper()
	dir, err := os.MkdirTemp("", "hc") // short: unix sockets end at 107 bytes
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil { // QEMU runs as another user and must get through
		c.t.Fatal(err)
	}
	var ports [4]string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			c.t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().String()
	}
	text := fmt.Sprintf("network {\n  public_pool = %q\n}\nlisten {\n  api = %q\n  cluster = %q\n  gossip = %q\n  metrics = %q\n}\ncompute {\n  accel = \"tcg\"\n  reserve_cpu = 0\n  overcommit_cpu_burstable = 8\n}\nraft {\n  replace_after = \"5s\"\n}\n",
		c.pool, ports[0], ports[1], ports[2], ports[3])
	if err := os.WriteFile(filepath.Join(dir, "test.hcl"), []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
	n := &node{t: c.t, name: name, dir: dir, endpoint: "https://" + ports[0]}
	c.nodes = append(c.nodes, n)
	c.t.Cleanup(func() { c.clean(n) })
	return n
}

// clean ends whatever is left of a node, and shows its log after a failure.
func (c *cluster) clean(n *node) {
	n.kill()
	for _, pid := range n.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if c.t.Failed() {
		b, _ := os.ReadFile(filepath.Join(n.dir, "agent.log"))
		c.t.Logf("--- end of the log of %s\n%s", n.name, b[max(0, len(b)-3000):])
	}
	if err := os.RemoveAll(n.dir); err != nil {
		c.t.Errorf("remove %s: %v", n.dir, err)
	}
}

// try runs a hive command on a node.
func (c *cluster) try(n *node, args ...string) ([]byte, error) {
	cmd := exec.Command(c.hive, append(args, "--data-dir", n.dir, "--config", filepath.Join(n.dir, "test.hcl"))...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("on %s: hive %s: %w\n%s%s", n.name, strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return out, nil
}

// run is try for commands that must succeed; it decodes the item or the items of the answer.
func run[T any](c *cluster, n *node, args ...string) T {
	c.t.Helper()
	out, err := c.try(n, append(args, "-o", "json")...)
	if err != nil {
		c.t.Fatal(err)
	}
	var both struct {
		Item  json.RawMessage
		Items json.RawMessage
	}
	var v T
	if err := json.Unmarshal(out, &both); err == nil {
		err = json.Unmarshal(slices.Concat(both.Item, both.Items), &v)
	}
	if err != nil {
		c.t.Fatalf("read output of hive %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

// start runs the node's agent and waits until it is ready.
func (c *cluster) start(n *node) {
	c.t.Helper()
	c.launch(n)
	c.eventually("node "+n.name+" ready", func() error {
		select {
		case <-n.ended:
			b, _ := os.ReadFile(filepath.Join(n.dir, "agent.log"))
			c.t.Fatalf("the agent of %s ended: %s", n.name, b[max(0, len(b)-2000):])
		default:
		}
		_, err := c.try(n, "admin", "status", "--timeout", "5s")
		return err
	})
}

// launch starts the agent and waits for nothing.
func (c *cluster) launch(n *node) {
	c.t.Helper()
	logs, err := os.OpenFile(filepath.Join(n.dir, "agent.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		c.t.Fatal(err)
	}
	defer logs.Close()
	cmd := exec.Command(c.hive, "agent", "--data-dir", n.dir, "--config", filepath.Join(n.dir, "test.hcl"))
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	n.agent, n.ended = cmd, ended
	go func() { _ = cmd.Wait(); close(ended) }()
}

// kill ends the agent as a crash would.
func (n *node) kill() {
	if n.agent != nil {
		_ = n.agent.Process.Kill()
		<-n.ended
	}
}

// processes are all processes whose command line names the node's directory.
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

// eventually polls until ok, with a generous limit.
func (c *cluster) eventually(what string, ok func() error) {
	c.t.Helper()
	until := time.Now().Add(patience)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(until) {
			c.t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// trust makes the client that knows the region's CA.
func (c *cluster) trust(bundle string) {
	c.t.Helper()
	pem, err := os.ReadFile(bundle)
	if err != nil {
		c.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		c.t.Fatal("the CA bundle holds no certificate")
	}
	c.http = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// call makes one signed EC2 call through a node and returns the status, the Retry-After header and the body.
func (c *cluster) call(ctx context.Context, n *node, action string, form url.Values) (status int, retry string, answer []byte, err error) {
	values := url.Values{"Action": {action}, "Version": {"2016-11-15"}}
	for name, v := range form {
		values[name] = v
	}
	body := values.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.endpoint+"/", strings.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, c.keys, req, hex.EncodeToString(sum[:]), "ec2", regionName, time.Now()); err != nil {
		return 0, "", nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Retry-After"), answer, err
}

// ok is a call that must succeed.
func (c *cluster) ok(n *node, action string, form url.Values) []byte {
	c.t.Helper()
	status, _, answer, err := c.call(c.t.Context(), n, action, form)
	if err != nil || status != http.StatusOK {
		c.t.Fatalf("%s through %s: %d %v\n%s", action, n.name, status, err, answer)
	}
	return answer
}
