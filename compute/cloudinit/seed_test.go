// SPDX-License-Identifier: Apache-2.0

package cloudinit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	diskfs "github.com/diskfs/go-diskfs"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

var full = Seed{
	InstanceID:    "i-0123456789abcdef0",
	Hostname:      "ip-172-31-0-10",
	PublicKeys:    []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF+/x= dev@laptop"},
	UserData:      []byte("#!/bin/sh\necho hello\n"),
	NetworkConfig: []byte("version: 2\n"),
}

func mustImage(t *testing.T, s Seed) []byte {
	t.Helper()
	img, err := Image(s)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func writeImage(t *testing.T, s Seed) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seed.iso")
	if err := os.WriteFile(path, mustImage(t, s), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// need finds a program or skips the test; in CI everything is installed and its absence a failure.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

// TestImage_Bytes pins the image: equal seeds are equal bytes, in every release.
func TestImage_Bytes(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256(mustImage(t, full))
	const want = "d8ea2e76f9e1e541fa7a2a9df849864e8a183348b0167c400bf461c7db71095f"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("image has hash %s, want %s", got, want)
	}
}

// TestImage_Isoinfo reads the image by a foreign reader, through each kind of names.
func TestImage_Isoinfo(t *testing.T) {
	t.Parallel()
	isoinfo := need(t, "isoinfo")
	s := full
	s.UserData = append([]byte{0x1f, 0x8b, 0, 0xff, '\r', '\n'}, bytes.Repeat([]byte{0, 1, 254}, 3000)...) // several sectors
	path := writeImage(t, s)
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), isoinfo, append([]string{"-i", path}, args...)...).Output()
		if err != nil {
			t.Fatalf("isoinfo %v: %v", args, err)
		}
		return string(out)
	}
	if d := run("-d"); !strings.Contains(d, "Volume id: cidata\n") || !strings.Contains(d, "Rock Ridge signatures version 1 found") || !strings.Contains(d, "Joliet with UCS level 3 found") {
		t.Errorf("descriptors:\n%s", d)
	}
	for _, names := range []string{"-R", "-J"} {
		got := strings.Fields(run(names, "-f"))
		want := []string{"/meta-data", "/network-config", "/user-data", "/vendor-data"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("names %s: %s", names, diff)
		}
		if got := run(names, "-x", "/user-data"); got != string(s.UserData) {
			t.Errorf("names %s: user-data has %d bytes, want %d", names, len(got), len(s.UserData))
		}
	}
}

// TestImage_Diskfs reads the image by a second foreign reader, the one that is always there.
func TestImage_Diskfs(t *testing.T) {
	t.Parallel()
	d, err := diskfs.Open(writeImage(t, full), diskfs.WithOpenMode(diskfs.ReadOnly))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	fs, err := d.GetFilesystem(0)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimRight(fs.Label(), " "); got != Label {
		t.Errorf("label is %q, want %q", got, Label)
	}
	for name, want := range map[string]string{"user-data": string(full.UserData), "vendor-data": "", "network-config": "version: 2\n"} {
		f, err := fs.OpenFile("/"+name, os.O_RDONLY)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := io.ReadAll(f); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestMetaData_IsOneDocumentWithTheValuesGiven(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Seed{
		"plain":              full,
		"key comment quotes": {InstanceID: "i-1", Hostname: "h", PublicKeys: []string{`ssh-rsa AAAA "a" 'b' \n # c: d`}},
		"key is a mapping":   {InstanceID: "i-1", Hostname: "h", PublicKeys: []string{`{user-data: x}`, "- a", "&a b", "*a", "!!int 7", "@x", "%x"}},
		"hostname injects":   {InstanceID: "i-1", Hostname: "h: x"},
		"words":              {InstanceID: "yes", Hostname: "null", PublicKeys: []string{"off", "7", "1e3", "0x10", "~", "", "2026-11-23", "no "}},
		"unicode":            {InstanceID: "i-é", Hostname: "h", PublicKeys: []string{"ssh-rsa AAAA é\t漢"}},
		"html":               {InstanceID: "i-1", Hostname: "h", PublicKeys: []string{"a<b>&c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := s.metaData()
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				ID   string   `json:"instance-id"`
				Host string   `json:"local-hostname"`
				Keys []string `json:"public-keys"`
			}
			if err := yaml.UnmarshalStrict(b, &got); err != nil {
				t.Fatalf("%v in\n%s", err, b)
			}
			if diff := cmp.Diff(Seed{InstanceID: s.InstanceID, Hostname: s.Hostname, PublicKeys: s.PublicKeys}, Seed{InstanceID: got.ID, Hostname: got.Host, PublicKeys: got.Keys}); diff != "" {
				t.Errorf("%s\nin\n%s", diff, b)
			}
		})
	}
}

// TestMetaData_LineReaders: the micro guest reads lines, not YAML, so usual values must stay plain.
func TestMetaData_LineReaders(t *testing.T) {
	t.Parallel()
	got, err := full.metaData()
	want := "instance-id: i-0123456789abcdef0\nlocal-hostname: ip-172-31-0-10\npublic-keys:\n  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF+/x= dev@laptop\n"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestImage_Refusals(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Seed{
		"no id":              {Hostname: "h"},
		"no hostname":        {InstanceID: "i-1"},
		"line end in key":    {InstanceID: "i-1", Hostname: "h", PublicKeys: []string{"a\nuser-data: b"}},
		"return in hostname": {InstanceID: "i-1", Hostname: "h\rx"},
		"NUL in id":          {InstanceID: "i\x00", Hostname: "h"},
		"not UTF-8":          {InstanceID: "i-\xff", Hostname: "h"},
		"line separator":     {InstanceID: "i-1", Hostname: "h\u2028x"},
		"huge user data":     {InstanceID: "i-1", Hostname: "h", UserData: make([]byte, MaxUserData+1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Image(s); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// FuzzMetaData: whatever a key says, the document has the three keys and exactly these values.
func FuzzMetaData(f *testing.F) {
	f.Add("i-1", "host", "ssh-rsa AAAA c")
	f.Add("i: 1", "- a", "\"")
	f.Fuzz(func(t *testing.T, id, host, key string) {
		s := Seed{InstanceID: id, Hostname: host, PublicKeys: []string{key}}
		b, err := s.metaData()
		if err != nil {
			return
		}
		var got map[string]any
		if err := yaml.UnmarshalStrict(b, &got); err != nil {
			t.Fatalf("%v in %q", err, b)
		}
		want := map[string]any{"instance-id": id, "local-hostname": host, "public-keys": []any{key}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s in %q", diff, b)
		}
	})
}

// TestImage_LongEnoughForBusybox: busybox's findfs gave up on seeds that ended before the last superblock it looks for, and the
// micro guest then found no seed at all.
func TestImage_LongEnoughForBusybox(t *testing.T) {
	t.Parallel()
	const lastSuperblock = 256 << 10
	if got := len(mustImage(t, Seed{InstanceID: "i-1", Hostname: "h"})); got < lastSuperblock || got%sector != 0 {
		t.Errorf("smallest image has %d bytes, want at least %d in whole sectors", got, lastSuperblock)
	}
}
