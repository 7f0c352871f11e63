// SPDX-License-Identifier: Apache-2.0

//go:build e2e || bench

package e2e

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// region is a running one-node region with the micro image.
type region struct {
	node   *node
	driver *driver
	image  string
	signer ssh.Signer // of the key pair "e2e"
}

// shared is the region that most tests use.
var shared *region

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL e2e:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	// All of the machine's processors and a generous ratio: several guests at once on two cores. Benchmarks ask for more
	// than an account usually may.
	shared, err = newRegion("compute {\n  reserve_cpu = 0\n  overcommit_cpu_burstable = 32\n}\nlimits {\n  api_rps = 1000000\n}\n")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, shared.stop()) }()
	code = m.Run()
	if code != 0 {
		fmt.Fprintf(os.Stderr, "--- end of the agent's log\n%s\n", shared.node.tail("agent.log"))
	}
	return code, shared.audited()
}

func newRegion(extra string) (*region, error) {
	n, err := newNode(extra)
	if err != nil {
		return nil, err
	}
	r := &region{node: n}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *region) open() (err error) {
	if err = r.node.start(); err != nil {
		return err
	}
	if r.image, err = r.node.image(context.Background()); err != nil {
		return err
	}
	if r.driver, err = newDriver(r.node); err != nil {
		return err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if r.signer, err = ssh.NewSignerFromKey(private); err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.node.dir, "e2e.pem"), pem.EncodeToMemory(block), 0o600); err != nil {
		return err
	}
	line, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	_, refused, err := r.driver.call(nil, "ec2", "ImportKeyPair", params{"KeyName": "e2e", "PublicKeyMaterial": blob(ssh.MarshalAuthorizedKey(line))})
	if refused != nil {
		return fmt.Errorf("import key pair: %s: %s", refused.Code, refused.Message)
	}
	return err
}

func (r *region) stop() error {
	if r.driver != nil {
		r.driver.close()
	}
	return r.node.stop()
}

// blob is bytes in params.
func blob(b []byte) map[string]any { return map[string]any{"$bytes": b} }

// launch runs one instance and terminates it with the test. more is merged into the call.
func (r *region) launch(t *testing.T, more params) string {
	t.Helper()
	p := params{"ImageId": r.image, "InstanceType": "t3.nano", "KeyName": "e2e", "MinCount": 1, "MaxCount": 1}
	for k, v := range more {
		p[k] = v
	}
	out := r.ok(t, "RunInstances", p)
	id := dig(out, "Instances", 0, "InstanceId").(string)
	t.Cleanup(func() {
		if t.Failed() {
			console, err := r.node.run(context.Background(), "instance", "console", id)
			t.Logf("console of %s (%v):\n%s", id, err, console[max(0, len(console)-3000):])
		}
		_, _, _ = r.driver.call(nil, "ec2", "ModifyInstanceAttribute", params{"InstanceId": id, "DisableApiTermination": params{"Value": false}})
		if _, refused, err := r.driver.call(nil, "ec2", "TerminateInstances", params{"InstanceIds": list{id}}); err != nil || refused != nil {
			t.Errorf("terminate %s: %v %v", id, refused, err)
		}
		r.reach(t, id, "terminated")
	})
	return id
}

// describe is the instance as DescribeInstances shows it.
func (r *region) describe(t *testing.T, id string) map[string]any {
	t.Helper()
	out := r.ok(t, "DescribeInstances", params{"InstanceIds": list{id}})
	i, _ := dig(out, "Reservations", 0, "Instances", 0).(map[string]any)
	return i
}

// reach waits until the instance is in a state.
func (r *region) reach(t *testing.T, id, want string) map[string]any {
	t.Helper()
	var i map[string]any
	eventually(t, "instance "+id+" "+want, func() (bool, string) {
		i = r.describe(t, id)
		return dig(i, "State", "Name") == want, fmt.Sprint(dig(i, "State", "Name"), " ", dig(i, "StateReason", "Message"))
	})
	return i
}

// address is where the guest's SSH server can be reached.
func (r *region) address(t *testing.T, id string) string {
	t.Helper()
	var at string
	eventually(t, "public SSH address of "+id, func() (bool, string) {
		at = r.show(t, id).Ports["22"]
		_, _, err := net.SplitHostPort(at)
		return err == nil, at
	})
	return at
}

// try runs a command in the guest, once.
func (r *region) try(at, command string) (string, error) {
	c, err := ssh.Dial("tcp", at, &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(r.signer)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 20 * time.Second}) // the guest made its host key a moment ago
	if err != nil {
		return "", err
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		return "", err
	}
	defer s.Close()
	out, err := s.CombinedOutput(command)
	return strings.TrimSpace(string(out)), err
}

// ssh runs a command in the guest; it waits for the guest's SSH server, and the command must succeed.
func (r *region) ssh(t *testing.T, id, command string) string {
	t.Helper()
	at := r.address(t, id)
	var out string
	eventually(t, "ssh to "+id, func() (bool, string) {
		var err error
		out, err = r.try(at, command)
		var exit *ssh.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("in %s: %s: %v\n%s", id, command, err, out)
		}
		return err == nil, fmt.Sprint(err)
	})
	return out
}

// shown is what hive instance show prints of processes.
type shown struct {
	ID       string            `json:"id"`
	GuardPID int               `json:"guardPid"`
	QEMUPID  int               `json:"qemuPid"`
	Ports    map[string]string `json:"ports"`
}

func (r *region) show(t *testing.T, id string) shown {
	t.Helper()
	out, err := r.node.run(context.Background(), "instance", "show", id, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		shown
		Item shown `json:"item"`
	}
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	if s.shown.ID == "" {
		return s.Item
	}
	return s.shown
}
