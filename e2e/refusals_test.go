// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// marshalKey is the public half of a signer as an authorized_keys line.
func marshalKey(s ssh.Signer) []byte { return ssh.MarshalAuthorizedKey(s.PublicKey()) }

// https is a client that trusts the region's CA.
func (r *region) https(t *testing.T) *http.Client {
	t.Helper()
	c, err := r.node.https()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBadRequests: what is wrong is refused with AWS's code, and the region goes on.
func TestBadRequests(t *testing.T) {
	r := shared
	wrong := &credentials{AccessKeyID: r.node.keys.AccessKeyID, SecretAccessKey: strings.Repeat("x", 40)}
	unknown := &credentials{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", SecretAccessKey: strings.Repeat("x", 40)}
	for name, c := range map[string]struct {
		keys      *credentials
		service   string
		operation string
		p         params
		code      string
	}{
		"wrong secret":          {wrong, "ec2", "DescribeInstances", nil, "AuthFailure"},
		"unknown key":           {unknown, "ec2", "DescribeInstances", nil, "AuthFailure"},
		"wrong secret, sts":     {wrong, "sts", "GetCallerIdentity", nil, "SignatureDoesNotMatch"},
		"unknown key, iam":      {unknown, "iam", "GetUser", nil, "InvalidClientTokenId"},
		"action without method": {nil, "ec2", "CreateTransitGateway", nil, "InvalidAction"},
		"malformed id":          {nil, "ec2", "DescribeInstances", params{"InstanceIds": list{"i-nonsense"}}, "InvalidInstanceID.Malformed"},
		"unknown id":            {nil, "ec2", "DescribeInstances", params{"InstanceIds": list{"i-0123456789abcdef0"}}, "InvalidInstanceID.NotFound"},
		"unknown filter":        {nil, "ec2", "DescribeInstances", params{"Filters": list{params{"Name": "colour", "Values": list{"red"}}}}, "InvalidParameterValue"},
		"unknown type":          {nil, "ec2", "RunInstances", params{"ImageId": r.image, "InstanceType": "t9.giant", "MinCount": 1, "MaxCount": 1}, "InvalidParameterValue"},
		"unknown key pair":      {nil, "ec2", "RunInstances", params{"ImageId": r.image, "InstanceType": "t3.nano", "KeyName": "nobody", "MinCount": 1, "MaxCount": 1}, "InvalidKeyPair.NotFound"},
		"more min than max":     {nil, "ec2", "RunInstances", params{"ImageId": r.image, "InstanceType": "t3.nano", "MinCount": 2, "MaxCount": 1}, "InvalidParameterValue"},
		"dry run":               {nil, "ec2", "RunInstances", params{"ImageId": r.image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1, "DryRun": true}, "DryRunOperation"},
		"root volume too small": {nil, "ec2", "RunInstances", params{"ImageId": r.image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1,
			"BlockDeviceMappings": list{params{"DeviceName": "/dev/sda1", "Ebs": params{"VolumeSize": 0}}}}, "InvalidParameterValue"},
	} {
		t.Run(name, func(t *testing.T) {
			out, refused, err := r.driver.call(c.keys, c.service, c.operation, c.p)
			if err != nil {
				t.Fatal(err)
			}
			if refused == nil || refused.Code != c.code || refused.Message == "" || refused.RequestID == "" {
				t.Fatalf("got %v %+v, want %s with a message and a request id", out, refused, c.code)
			}
		})
	}
}

// TestRawRequests: requests that no SDK makes.
func TestRawRequests(t *testing.T) {
	r := shared
	c, url := r.https(t), r.node.value("AWS_ENDPOINT_URL")
	post := func(contentType string, body io.Reader) (int, string) {
		t.Helper()
		resp, err := c.Post(url, contentType, body)
		if err != nil {
			// The server may answer and hang up before it has read ten megabytes.
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if status, body := post("application/x-www-form-urlencoded", strings.NewReader("Action=DescribeInstances&Version=2016-11-15")); status < 400 || status >= 500 || !strings.Contains(body, "<RequestID>") && !strings.Contains(body, "<RequestId>") {
		t.Errorf("unsigned request: %d %s", status, body)
	}
	if status, body := post("application/x-www-form-urlencoded", bytes.NewReader(bytes.Repeat([]byte("A=b&"), 10<<20/4))); status != 0 && (status < 400 || status >= 500) {
		t.Errorf("ten megabytes of parameters: %d %.200s", status, body)
	}
	if status, _ := post("text/xml", strings.NewReader("<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>")); status < 400 || status >= 500 {
		t.Errorf("XML where a form belongs: %d", status)
	}
	r.ok(t, "DescribeRegions", nil)
}

// TestBadCommands: hive's own commands refuse with an exit code by kind and a next step.
func TestBadCommands(t *testing.T) {
	r := shared
	dir := t.TempDir()
	corrupt := filepath.Join(dir, "corrupt.qcow2")
	if err := os.WriteFile(corrupt, append([]byte("QFI\xfb\x00\x00\x00\x03"), bytes.Repeat([]byte{0xff}, 4096)...), 0o644); err != nil {
		t.Fatal(err)
	}
	badConfig := filepath.Join(dir, "bad.hcl")
	if err := os.WriteFile(badConfig, []byte("node {\n  nmae = \"x\"\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		exit int
		says string
	}{
		"unknown instance":   {[]string{"instance", "show", "i-0123456789abcdef0"}, 3, "i-0123456789abcdef0"},
		"unknown command":    {[]string{"instance", "dance"}, 2, "dance"},
		"corrupt image":      {[]string{"image", "import", corrupt, "--name", "corrupt"}, 1, "qcow2"},
		"missing image":      {[]string{"image", "import", filepath.Join(dir, "nothing"), "--name", "nothing"}, 3, "nothing"},
		"image name in use":  {[]string{"image", "import", filepath.Join(os.Getenv("HIVE_CACHE"), "hive-micro.raw"), "--name", "hive-micro"}, 5, "hive-micro"},
		"initialised twice":  {[]string{"admin", "init", "--region", "ap-southeast-2", "--az", "ap-southeast-2a", "--node", "node1"}, 5, "initialised"},
		"account name twice": {[]string{"account", "create", "default"}, 5, "default"},
	} {
		t.Run(name, func(t *testing.T) { r.badCommand(t, r.node.args(c.args), c.exit, c.says) })
	}
	t.Run("unknown config key", func(t *testing.T) {
		r.badCommand(t, []string{"config", "validate", "--config", badConfig, "--data-dir", dir}, 2, "nmae")
	})
	t.Run("no agent", func(t *testing.T) {
		r.badCommand(t, []string{"instance", "list", "--data-dir", dir}, 6, "agent")
	})
	r.ok(t, "DescribeRegions", nil)
}

func (r *region) badCommand(t *testing.T, args []string, exit int, says string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), r.node.hive, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if !errors.As(err, &failed) || failed.ExitCode() != exit || !strings.Contains(stderr.String(), says) {
		t.Fatalf("hive %s: %v, want exit code %d and %q in\n%s", strings.Join(args, " "), err, exit, says, stderr.String())
	}
	if strings.Contains(stderr.String(), "panic") {
		t.Fatalf("hive %s panicked:\n%s", strings.Join(args, " "), stderr.String())
	}
}
