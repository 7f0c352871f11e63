// SPDX-License-Identifier: Apache-2.0

package sshkey

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func mustGenerate(t *testing.T, keyType string) *Pair {
	t.Helper()
	p, err := Generate(keyType)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs a tool that is the reference for our formats, and skips without it (never in CI).
func run(t *testing.T, stdin string, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func privateFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPEM_IsReadByOpenSSH(t *testing.T) {
	t.Parallel()
	for keyType, begin := range map[string]string{RSA: "-----BEGIN RSA PRIVATE KEY-----\n", ED25519: "-----BEGIN OPENSSH PRIVATE KEY-----\n"} {
		p := mustGenerate(t, keyType)
		text, err := p.PEM("my key")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text, begin) || strings.HasSuffix(text, "\n") {
			t.Errorf("%s: pem starts with %.40q", keyType, text)
		}
		out := run(t, "", "ssh-keygen", "-y", "-f", privateFile(t, text))
		if line := p.Line(""); !strings.HasPrefix(out, line) {
			t.Errorf("%s: ssh-keygen says %s, we say %s", keyType, out, line)
		}
	}
}

func TestPPK_IsReadByPuTTY(t *testing.T) {
	t.Parallel()
	for _, keyType := range []string{RSA, ED25519} {
		p := mustGenerate(t, keyType)
		text, err := p.PPK("my key")
		if err != nil {
			t.Fatal(err)
		}
		path := privateFile(t, text)
		if out, want := run(t, "", "puttygen", path, "-O", "public-openssh"), p.Line("my key"); out != want {
			t.Errorf("%s: puttygen says\n%s\nwe say\n%s", keyType, out, want)
		}
		converted := filepath.Join(t.TempDir(), "converted")
		run(t, "", "puttygen", path, "-O", "private-openssh", "-o", converted)
		if out, want := run(t, "", "ssh-keygen", "-y", "-f", converted), p.Line(""); !strings.HasPrefix(out, want) {
			t.Errorf("%s: the private half came out as that of\n%s\nnot of\n%s", keyType, out, want)
		}
	}
	if _, err := mustGenerate(t, ED25519).PPK("a\nb"); err == nil {
		t.Error("a comment of two lines was taken")
	}
}

func TestFingerprints_AreThoseOfTheCommandsAWSDocuments(t *testing.T) {
	t.Parallel()
	p := mustGenerate(t, RSA)
	text, err := p.PEM("")
	if err != nil {
		t.Fatal(err)
	}
	created, err := p.CreatedFingerprint()
	if err != nil {
		t.Fatal(err)
	}
	path := privateFile(t, text)
	out := run(t, "", "sh", "-c", "openssl pkcs8 -in "+path+" -inform PEM -outform DER -topk8 -nocrypt | openssl sha1 -c")
	if !strings.HasSuffix(out, "= "+created) {
		t.Errorf("created: openssl says %s, we say %s", out, created)
	}
	imported, err := p.ImportedFingerprint()
	if err != nil {
		t.Fatal(err)
	}
	out = run(t, "", "sh", "-c", "openssl rsa -in "+path+" -pubout -outform DER 2>/dev/null | openssl md5 -c")
	if !strings.HasSuffix(out, "= "+imported) {
		t.Errorf("imported: openssl says %s, we say %s", out, imported)
	}

	ed := mustGenerate(t, ED25519)
	a, err := ed.CreatedFingerprint()
	if err != nil {
		t.Fatal(err)
	}
	b, err := ed.ImportedFingerprint()
	if err != nil || a != b {
		t.Fatalf("ed25519: created %s, imported %s, %v", a, b, err)
	}
	out = run(t, ed.Line("c"), "ssh-keygen", "-l", "-f", "-")
	if !strings.Contains(out, "SHA256:"+strings.TrimRight(a, "=")+" ") || !strings.HasSuffix(a, "=") {
		t.Errorf("ed25519: ssh-keygen says %s, we say %s", out, a)
	}
}

func TestParsePublic_EveryDocumentedFormat(t *testing.T) {
	t.Parallel()
	for _, keyType := range []string{RSA, ED25519} {
		p := mustGenerate(t, keyType)
		der, err := x509.MarshalPKIXPublicKey(p.key)
		if err != nil {
			t.Fatal(err)
		}
		path := privateFile(t, p.Line("me@example.com with spaces"))
		ssh2 := run(t, "", "ssh-keygen", "-e", "-f", path)
		for name, material := range map[string]string{
			"line":             p.Line(""),
			"comment":          p.Line("me@example.com two words"),
			"newline":          p.Line("x") + "\n",
			"two blanks":       strings.Replace(p.Line("x"), " ", "  ", 1),
			"base64 of DER":    base64.StdEncoding.EncodeToString(der),
			"SSH2":             ssh2,
			"SSH2 with CRLF":   strings.ReplaceAll(ssh2, "\n", "\r\n") + "\r\n",
			"SSH2 long header": strings.Replace(ssh2, "\n", "\nComment: a\\\nb:c\\\nd\n", 1),
		} {
			got, err := ParsePublic([]byte(material))
			if err != nil {
				t.Errorf("%s %s: %v", keyType, name, err)
				continue
			}
			if got.Line("") != p.Line("") || got.Type != keyType {
				t.Errorf("%s %s: another key came out", keyType, name)
			}
		}
	}
}

func TestParsePublic_TakesOddLengthsThatSSHKeygenMakes(t *testing.T) {
	t.Parallel()
	for bits, ok := range map[int]bool{1024: true, 3072: true, 8192: true, 1023: false, 768: false, 8193: false} {
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1) // no product of two primes, but nobody factors it here
		wire, err := ssh.NewPublicKey(&rsa.PublicKey{N: n, E: 65537})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParsePublic(ssh.MarshalAuthorizedKey(wire)); (err == nil) != ok {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

func TestParsePublic_RefusesEverythingElse(t *testing.T) {
	t.Parallel()
	line := mustGenerate(t, ED25519).Line("x")
	rsaLine := mustGenerate(t, RSA).Line("x")
	words := strings.Fields(line)
	dir := t.TempDir()
	run(t, "", "ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", dir+"/ec")
	ec, err := os.ReadFile(dir + "/ec.pub")
	if err != nil {
		t.Fatal(err)
	}
	private, err := os.ReadFile(dir + "/ec")
	if err != nil {
		t.Fatal(err)
	}
	dss := struct{ Name string }{"ssh-dss"}
	for name, material := range map[string]string{
		"nothing":            "",
		"words":              "this is no key",
		"cut":                line[:len(line)-12],
		"type of another":    "ssh-rsa " + words[1],
		"ecdsa":              string(ec),
		"dsa":                "ssh-dss " + base64.StdEncoding.EncodeToString(ssh.Marshal(dss)),
		"private key":        string(private),
		"options":            `command="sh" ` + line,
		"two keys":           line + "\n" + rsaLine,
		"DER of nothing":     base64.StdEncoding.EncodeToString([]byte("not DER")),
		"SSH2 without end":   ssh2Begin + "\n" + words[1],
		"SSH2 empty":         ssh2Begin + "\n" + ssh2End,
		"bytes after key":    words[0] + " " + words[1] + "AAAA",
		"too long":           line + strings.Repeat(" ", maxMaterial),
		"PEM":                "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----",
		"certificate":        "ssh-ed25519-cert-v01@openssh.com " + words[1],
		"rsa name lower sha": "rsa-sha2-256 " + strings.Fields(rsaLine)[1],
	} {
		if _, err := ParsePublic([]byte(material)); !errors.Is(err, ErrPublicKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGenerate_RefusesOtherTypes(t *testing.T) {
	t.Parallel()
	if _, err := Generate("dsa"); !errors.Is(err, ErrType) {
		t.Error(err)
	}
}

func TestPair_DoesNotPrintItself(t *testing.T) {
	t.Parallel()
	p := mustGenerate(t, RSA)
	d := p.private.(*rsa.PrivateKey).D
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, *p); s != "sshkey.Pair(rsa)" {
			t.Errorf("%s prints a value as %s", verb, s)
		}
		if s := fmt.Sprintf(verb, p); s != "sshkey.Pair(rsa)" || strings.Contains(s, d.String()) {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

func FuzzParsePublic(f *testing.F) {
	p, err := Generate(ED25519)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(p.Line("x")))
	f.Add([]byte(ssh2Begin + "\nComment: x\n" + strings.Fields(p.Line(""))[1] + "\n" + ssh2End))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := ParsePublic(b)
		if err != nil {
			if !errors.Is(err, ErrPublicKey) {
				t.Errorf("another error: %v", err)
			}
			return
		}
		again, err := ParsePublic([]byte(key.Line("c")))
		if err != nil || again.Line("") != key.Line("") {
			t.Errorf("a key that was read does not read again: %v", err)
		}
		if _, err := key.ImportedFingerprint(); err != nil {
			t.Error(err)
		}
	})
}
