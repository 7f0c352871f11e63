// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew; it never changes after a release")

var (
	cheap      = Cost{Time: 1, MemoryKiB: 8, Threads: 1}
	passphrase = []byte("correct horse battery")
	manifest   = Manifest{Created: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), Hive: "0.1.0", ClusterID: "c-1", Region: "eu-home-1", AZ: "eu-home-1a", Node: "node1",
		FormatLevel: 1, Index: 42, StateHash: "ab12"}
	secrets = Secrets{Files: map[string][]byte{"cluster.key": []byte("canary-of-the-cluster"), "pki/ca.key": []byte("canary-of-the-authority")}}
)

// counting is a source of bytes for golden files.
type counting struct{ next byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.next
		c.next++
	}
	return len(p), nil
}

func sample(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	text := "HIVEBKP1 and so on"
	if err := Write(&b, manifest, secrets, passphrase, strings.NewReader(text), int64(len(text)), Options{Cost: cheap, Random: &counting{}}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// whole reads a file to its end.
func whole(file []byte) (Manifest, Secrets, string, error) {
	b, err := Open(bytes.NewReader(file))
	if err != nil {
		return Manifest{}, Secrets{}, "", err
	}
	s, err := b.Secrets(passphrase)
	if err != nil {
		return b.Manifest, Secrets{}, "", err
	}
	text, err := io.ReadAll(b.Snapshot())
	return b.Manifest, s, string(text), err
}

func TestGolden_BytesNeverChange(t *testing.T) {
	t.Parallel()
	const path = "testdata/v1.backup"
	if *rewrite {
		if err := os.WriteFile(path, sample(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, sample(t)) {
		t.Error("the bytes of a backup changed: that needs another version")
	}
	m, s, text, err := whole(want)
	if err != nil {
		t.Fatal(err)
	}
	m.Seal = Seal{}
	if diff := cmp.Diff(manifest, m) + cmp.Diff(secrets, s); diff != "" || text != "HIVEBKP1 and so on" {
		t.Errorf("%q, %s", text, diff)
	}
}

func TestSecrets_OnlyThePassphraseOpensThem(t *testing.T) {
	t.Parallel()
	file := sample(t)
	if bytes.Contains(file, []byte("canary")) {
		t.Error("a secret is in the clear")
	}
	b, err := Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Secrets([]byte("correct horse batterz")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("another passphrase: %v", err)
	}
	// The manifest is bound to the sealed part: a backup cannot be passed off as another region's.
	b.head = bytes.Replace(b.head, []byte("eu-home-1"), []byte("eu-evil-1"), 1)
	if _, err := b.Secrets(passphrase); !errors.Is(err, ErrPassphrase) {
		t.Errorf("another manifest: %v", err)
	}
	if err := Write(io.Discard, manifest, secrets, []byte("short"), strings.NewReader(""), 0, Options{Cost: cheap}); !errors.Is(err, ErrWeak) {
		t.Errorf("a short passphrase: %v", err)
	}
}

func TestDamage_IsNoticedWhereverItIs(t *testing.T) {
	t.Parallel()
	good := sample(t)
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		if _, _, _, err := whole(bad); err == nil {
			t.Fatalf("a changed byte at %d was not noticed", at)
		}
		if _, _, _, err := whole(good[:at]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
	if _, _, _, err := whole(append(bytes.Clone(good), 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte too many: %v", err)
	}
	if err := Write(io.Discard, manifest, secrets, passphrase, strings.NewReader("abc"), 4, Options{Cost: cheap}); err == nil {
		t.Error("a short snapshot was written")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := Open(bytes.NewReader(in))
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if c := b.Manifest.Seal.Cost; c.MemoryKiB <= 1024 { // the fuzzer is after the format, not after Argon2
			_, _ = b.Secrets(passphrase)
		}
		_, _ = io.Copy(io.Discard, b.Snapshot())
	})
}
