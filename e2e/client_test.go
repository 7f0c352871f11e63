// SPDX-License-Identifier: Apache-2.0

//go:build e2e || bench

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// params are a call's parameters, as botocore names them.
type params map[string]any

// list is short for a list in params.
type list []any

// failure is an AWS error answer.
type failure struct {
	Code, Message string
	Status        int
	RequestID     string `json:"RequestId"`
}

// driver is one botocore process; a call through it costs milliseconds where a start of the CLI costs most of a second.
type driver struct {
	mu    sync.Mutex
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	fault bytes.Buffer
	calls []answered
}

// answered is a call that the region answered.
type answered struct{ service, operation, requestID, code string }

func newDriver(n *node) (*driver, error) {
	d := &driver{cmd: exec.Command(python(), "testdata/driver.py")}
	d.cmd.Env = append(os.Environ(), n.env...)
	d.cmd.Stderr = &d.fault
	var err error
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.out = bufio.NewReader(out)
	return d, d.cmd.Start()
}

// python is an interpreter that has botocore: the one in PATH, or the system's.
func python() string {
	for _, candidate := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(candidate, "-c", "import botocore").Run() == nil {
			return candidate
		}
	}
	return "python3"
}

func (d *driver) close() {
	_ = d.in.Close()
	_ = d.cmd.Wait()
}

// call makes one call; exactly one of the results is nil.
func (d *driver) call(keys *credentials, service, operation string, p params) (map[string]any, *failure, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	request := map[string]any{"service": service, "operation": operation, "params": p}
	if keys != nil {
		request["key"], request["secret"] = keys.AccessKeyID, keys.SecretAccessKey
		if keys.SessionToken != "" {
			request["token"] = keys.SessionToken
		}
	}
	line, err := json.Marshal(request)
	if err != nil {
		return nil, nil, err
	}
	if _, err := d.in.Write(append(line, '\n')); err != nil {
		return nil, nil, fmt.Errorf("write to botocore: %w\n%s", err, d.fault.String())
	}
	answer, err := d.out.ReadBytes('\n')
	if err != nil {
		return nil, nil, fmt.Errorf("read from botocore: %w\n%s", err, d.fault.String())
	}
	var got struct {
		OK    map[string]any
		Error *failure
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, nil, fmt.Errorf("decode answer of botocore %s: %w", answer, err)
	}
	d.note(service, operation, got.OK, got.Error)
	return got.OK, got.Error, nil
}

func (d *driver) note(service, operation string, out map[string]any, refused *failure) {
	a := answered{service: service, operation: operation}
	if refused != nil {
		a.requestID, a.code = refused.RequestID, refused.Code
	} else {
		a.requestID, _ = dig(out, "ResponseMetadata", "RequestId").(string)
	}
	if !strings.HasPrefix(a.code, "Client.") { // botocore's own: no call was answered
		d.calls = append(d.calls, a)
	}
}

// ok makes an EC2 call that must succeed.
func (r *region) ok(t *testing.T, operation string, p params) map[string]any {
	t.Helper()
	out, refused, err := r.driver.call(nil, "ec2", operation, p)
	if err != nil {
		t.Fatal(err)
	}
	if refused != nil {
		t.Fatalf("%s(%v): %s: %s (HTTP %d)", operation, p, refused.Code, refused.Message, refused.Status)
	}
	return out
}

// refused makes an EC2 call that must be refused with a code.
func (r *region) refused(t *testing.T, operation string, p params, code string) *failure {
	t.Helper()
	out, refused, err := r.driver.call(nil, "ec2", operation, p)
	if err != nil {
		t.Fatal(err)
	}
	if refused == nil {
		t.Fatalf("%s(%v) succeeded, want %s: %v", operation, p, code, out)
	}
	if refused.Code != code {
		t.Fatalf("%s(%v): got %s (%s), want %s", operation, p, refused.Code, refused.Message, code)
	}
	return refused
}

// aws runs the AWS CLI and returns its standard output.
func (r *region) aws(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.tryAWS(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *region) tryAWS(args ...string) (string, error) {
	cmd := exec.Command("aws", args...)
	cmd.Env = append(os.Environ(), r.node.env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("aws %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// dig follows keys and list positions into an answer; nil when there is nothing.
func dig(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}
