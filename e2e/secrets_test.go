// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestSecrets_AreInNoFile looks for secrets that the region gave out in everything that it keeps: none may be there in
// any form that needs no key to read.
func TestSecrets_AreInNoFile(t *testing.T) {
	r := shared
	needles := map[string][]byte{}
	other := otherAccount(t, r, "canary")
	made, refused, err := r.driver.call(other, "iam", "CreateAccessKey", params{})
	if err != nil || refused != nil {
		t.Fatalf("CreateAccessKey: %v %+v", err, refused)
	}
	secret, _ := dig(made, "AccessKey", "SecretAccessKey").(string)
	for name, s := range map[string]string{"admin": r.node.keys.SecretAccessKey, "account": other.SecretAccessKey, "created": secret} {
		if len(s) != 40 {
			t.Fatalf("secret of the %s key has %d characters", name, len(s))
		}
		needles[name+" secret"] = []byte(s)
		needles[name+" secret in base64"] = []byte(base64.StdEncoding.EncodeToString([]byte(s))[:48])
		needles[name+" secret in hex"] = []byte(hex.EncodeToString([]byte(s)))
	}
	for _, kind := range []string{"ed25519", "rsa"} {
		material := r.ok(t, "CreateKeyPair", params{"KeyName": "canary-" + kind, "KeyType": kind})["KeyMaterial"].(string)
		t.Cleanup(func() { r.ok(t, "DeleteKeyPair", params{"KeyName": "canary-" + kind}) })
		for what, part := range privateParts(t, material) {
			needles[kind+" "+what] = part
		}
	}
	for name, secret := range otherSecrets(t, r) {
		needles[name], needles[name+" in base64"] = secret, []byte(base64.StdEncoding.EncodeToString(secret))
	}
	saved := filepath.Join(r.node.dir, "saved.snap")
	if _, err := r.node.run(context.Background(), "raft", "snapshot", "save", saved); err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(r.node.dir, "bundle.tar.gz")
	if _, err := r.node.run(context.Background(), "debug", "bundle", bundle); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("tar", "-xzf", bundle, "-C", r.node.dir).CombinedOutput(); err != nil {
		t.Fatalf("unpack bundle: %v: %s", err, out)
	}
	// What is not secret is found by the same search: the search works.
	control := "control of the search"
	needles[control] = []byte(other.AccessKeyID)
	found := map[string][]string{}
	err = filepath.WalkDir(r.node.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(path, filepath.Join(r.node.dir, "volumes")+"/") {
			if os.IsNotExist(err) {
				err = nil // guests' files come and go
			}
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for name, needle := range needles {
			if bytes.Contains(content, needle) {
				found[name] = append(found[name], path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	joined := strings.Join(found[control], " ")
	if !strings.Contains(joined, filepath.Join(r.node.dir, "raft")+"/") || !strings.Contains(joined, saved) {
		t.Errorf("an access key's id is in neither log nor snapshot (%s): the search sees nothing", joined)
	}
	delete(found, control)
	for name, paths := range found {
		t.Errorf("%s is in %v", name, paths)
	}
	for _, pid := range r.node.processes() {
		environ, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		for name, needle := range needles {
			if name != control && bytes.Contains(append(environ, cmdline(pid)...), needle) {
				t.Errorf("%s is in the command line or environment of %s", name, cmdline(pid))
			}
		}
	}
}

// otherSecrets has the region make a join token and a data key, and encrypt a text, and returns them.
func otherSecrets(t *testing.T, r *region) map[string][]byte {
	t.Helper()
	out, err := r.node.run(context.Background(), "admin", "token", "create", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(out, &document); err != nil {
		t.Fatal(err)
	}
	token := text(document, "token")
	if len(token) < 20 {
		t.Fatalf("token create printed %s", out)
	}
	key := params{"KeyId": "alias/aws/ebs", "KeySpec": "AES_256"}
	data, err := base64.StdEncoding.DecodeString(r.must(t, nil, "kms", "GenerateDataKey", key)["Plaintext"].(string))
	if err != nil || len(data) != 32 {
		t.Fatalf("data key of %d bytes: %v", len(data), err)
	}
	plain := []byte("canary-plaintext-for-kms-0123456789")
	r.must(t, nil, "kms", "Encrypt", params{"KeyId": "alias/aws/ebs", "Plaintext": params{"$bytes": base64.StdEncoding.EncodeToString(plain)}})
	return map[string][]byte{"join token": []byte(token), "data key": data, "plaintext": plain}
}

// text finds a text member anywhere in a JSON document.
func text(v any, name string) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	if s, ok := m[name].(string); ok {
		return s
	}
	for _, inner := range m {
		if s := text(inner, name); s != "" {
			return s
		}
	}
	return ""
}

// privateParts are what a private key is known by: its numbers, and a line of its text.
func privateParts(t *testing.T, material string) map[string][]byte {
	t.Helper()
	raw, err := ssh.ParseRawPrivateKey([]byte(material))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(material), "\n")
	parts := map[string][]byte{"private key in PEM": []byte(lines[len(lines)-3])}
	switch key := raw.(type) {
	case *ed25519.PrivateKey:
		parts["seed"] = key.Seed()
	case *rsa.PrivateKey:
		parts["exponent"], parts["prime"] = key.D.Bytes()[:32], key.Primes[0].Bytes()[:32]
	default:
		t.Fatalf("private key of type %T", raw)
	}
	return parts
}
