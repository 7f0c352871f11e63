// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
)

const (
	account = "123456789012"
	keyID   = "AKIAABCDEFGHIJKLMNOP"
	canary  = "canary/Zq7+4w0ZQ3e5u8mVhXbYtRkLpNsDfGhJk"
)

func mustSeal(t *testing.T, r *Ring, plain string) ([]byte, int) {
	t.Helper()
	box, version, err := r.Seal(account, keyID, NewSecret(plain))
	if err != nil {
		t.Fatal(err)
	}
	return box, version
}

func TestSealedSecretOpens_OnlyForItsRow(t *testing.T) {
	t.Parallel()
	r := Generate()
	r.Add(2)
	box, version := mustSeal(t, r, canary)
	got, err := r.Open(account, keyID, version, box)
	if err != nil || got.Reveal() != canary {
		t.Fatalf("open: %q, %v", got.Reveal(), err)
	}
	cases := map[string]struct {
		account, key string
		version      int
		want         error
	}{
		"another account":   {"210987654321", keyID, version, ErrSealed},
		"another key":       {account, "AKIAABCDEFGHIJKLMNOQ", version, ErrSealed},
		"another version":   {account, keyID, 1, ErrSealed},
		"unknown version":   {account, keyID, 7, ErrUnknownVersion},
		"a bar in a name":   {account + "|x", keyID, version, ErrSealed},
		"no account":        {"", keyID, version, ErrSealed},
		"version of nobody": {account, keyID, 0, ErrUnknownVersion},
	}
	for name, c := range cases {
		if s, err := r.Open(c.account, c.key, c.version, box); !errors.Is(err, c.want) || s.Reveal() != "" {
			t.Errorf("%s: got %q, %v, want %v", name, s.Reveal(), err, c.want)
		}
	}
	if _, err := Generate().Open(account, keyID, 1, box); !errors.Is(err, ErrSealed) {
		t.Errorf("another cluster's key: %v", err)
	}
}

func TestSeal_RefusesAmbiguousNames(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{{"", keyID}, {account, ""}, {account + "|1", keyID}, {account, keyID + "|2"}} {
		if _, _, err := Generate().Seal(names[0], names[1], NewSecret("x")); err == nil {
			t.Errorf("%q was sealed", names)
		}
	}
}

func TestDamagedBox_NeverOpens(t *testing.T) {
	t.Parallel()
	r := Generate()
	box, version := mustSeal(t, r, canary)
	for i := range box {
		bad := slices.Clone(box)
		bad[i] ^= 1
		if _, err := r.Open(account, keyID, version, bad); !errors.Is(err, ErrSealed) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if _, err := r.Open(account, keyID, version, box[:i]); !errors.Is(err, ErrSealed) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestBox_HoldsNoPlaintextAndIsFresh(t *testing.T) {
	t.Parallel()
	r := Generate()
	a, _ := mustSeal(t, r, canary)
	b, _ := mustSeal(t, r, canary)
	if bytes.Contains(a, []byte(canary[:8])) {
		t.Error("the box holds the secret in the clear")
	}
	if bytes.Equal(a, b) {
		t.Error("two boxes of one secret are equal")
	}
}

func TestRotation_RewrapsAndForgets(t *testing.T) {
	t.Parallel()
	r := Generate()
	old, v1 := mustSeal(t, r, canary)
	now := 2
	r.Follow(func() int { return now })
	if _, _, err := r.Seal(account, keyID, NewSecret(canary)); !errors.Is(err, ErrUnknownVersion) {
		t.Errorf("use of a version that is not there: %v", err)
	}
	now = 1
	r.Add(2)
	if r.Version() != 1 {
		t.Fatalf("seals with %d before it was told to", r.Version())
	}
	if err := r.Drop(1); err == nil {
		t.Error("the version in use was dropped")
	}
	if now = 0; r.Version() != 2 {
		t.Fatalf("seals with %d", r.Version())
	}
	box, version, err := r.Rewrap(account, keyID, v1, old)
	if err != nil || version != 2 {
		t.Fatalf("rewrap: version %d, %v", version, err)
	}
	if err := r.Drop(2); err == nil {
		t.Error("the newest version was dropped")
	}
	if err := r.Drop(v1); err != nil {
		t.Fatal(err)
	}
	if err := r.Drop(v1); !errors.Is(err, ErrUnknownVersion) {
		t.Errorf("second drop: %v", err)
	}
	if got, err := r.Open(account, keyID, version, box); err != nil || got.Reveal() != canary {
		t.Errorf("rewrapped: %v", err)
	}
	if _, err := r.Open(account, keyID, v1, old); !errors.Is(err, ErrUnknownVersion) {
		t.Errorf("old box: %v", err)
	}
}

// TestRing_TakenFromAnother: a node that lacks a version gets it from another, and both know that it is the same.
func TestRing_TakenFromAnother(t *testing.T) {
	t.Parallel()
	a := Generate()
	b, err := Parse(a.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	a.Add(2)
	box, version := mustSeal(t, a, canary)
	only, err := a.Only(2)
	if err != nil || !slices.Equal(only.Versions(), []int{2}) {
		t.Fatalf("versions %v, %v", only.Versions(), err)
	}
	b.Add(2) // another key of that number is replaced
	if x, y := sum(t, a, 2), sum(t, b, 2); x == y || len(x) != 32 {
		t.Errorf("sums of two keys: %s, %s", x, y)
	}
	if err := b.Take(only, 2); err != nil {
		t.Fatal(err)
	}
	if x, y := sum(t, a, 2), sum(t, b, 2); x != y {
		t.Errorf("sums of one key: %s, %s", x, y)
	}
	if got, err := b.Open(account, keyID, version, box); err != nil || got.Reveal() != canary {
		t.Errorf("open with a key that was taken: %v", err)
	}
	if err := b.Take(only, 1); !errors.Is(err, ErrUnknownVersion) {
		t.Errorf("take what is not there: %v", err)
	}
}

func sum(t *testing.T, r *Ring, version int) string {
	t.Helper()
	out, err := r.Sum(version)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestKeyFile_RoundTrip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cluster.key")
	r := Generate()
	r.Add(2)
	if err := r.Drop(1); err != nil {
		t.Fatal(err)
	}
	r.Add(3)
	box, version := mustSeal(t, r, canary)
	for range 2 { // the second save replaces the first
		if err := r.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	loaded, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := loaded.Versions(); !slices.Equal(got, []int{2, 3}) || loaded.Version() != 3 {
		t.Errorf("versions %v", got)
	}
	if got, err := loaded.Open(account, keyID, version, box); err != nil || got.Reveal() != canary {
		t.Errorf("open with loaded ring: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
}

func TestKeyFile_RefusesWhatItShould(t *testing.T) {
	t.Parallel()
	good := string(Generate().format())
	key := strings.Split(good, "\n")[1]
	signed := func(body string) string { return body + "check " + check([]byte(body)) + "\n" }
	cases := map[string]struct {
		content string
		mode    os.FileMode
		want    error
	}{
		"readable by the group": {good, 0o640, ErrExposed},
		"readable by all":       {good, 0o604, ErrExposed},
		"empty":                 {"", 0o600, ErrDamaged},
		"cut":                   {good[:len(good)-2], 0o600, ErrDamaged},
		"one byte changed":      {strings.Replace(good, "key 1", "key 2", 1), 0o600, ErrDamaged},
		"another format":        {signed("hive-cluster-key 2\n" + key + "\n"), 0o600, ErrDamaged},
		"no key":                {signed(fileMagic + "\n"), 0o600, ErrDamaged},
		"a version twice":       {signed(fileMagic + "\n" + key + "\n" + key + "\n"), 0o600, ErrDamaged},
		"version zero":          {signed(fileMagic + "\n" + strings.Replace(key, "1", "0", 1) + "\n"), 0o600, ErrDamaged},
		"short key":             {signed(fileMagic + "\nkey 1 AAAA\n"), 0o600, ErrDamaged},
		"unknown line":          {signed(fileMagic + "\n" + key + "\nlock 1 2\n"), 0o600, ErrDamaged},
		"too long":              {good + strings.Repeat("\n", maxFileLen), 0o600, ErrDamaged},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "cluster.key")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(path); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			} else if strings.Contains(err.Error(), strings.Fields(key)[2][:8]) {
				t.Errorf("the error quotes the key: %v", err)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := Generate().Save(filepath.Join(t.TempDir(), "no", "dir")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
}

func TestSecret_NeverPrints(t *testing.T) {
	t.Parallel()
	s := NewSecret(canary)
	key := AccessKey{ID: keyID, Secret: s}
	var logged bytes.Buffer
	hclog.New(&hclog.LoggerOptions{Output: &logged}).Info("made", "key", key, "secret", s, "pointer", &s)
	hclog.New(&hclog.LoggerOptions{Output: &logged, JSONFormat: true}).Info("made", "key", key, "secret", s)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("made", "key", key, "secret", s)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("made", "key", key, "secret", s)
	asJSON, err := json.Marshal(map[string]any{"key": key, "secret": s, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{logged.String(), string(asJSON), s.String(), s.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T|%v"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, key), fmt.Sprintf(verb, &key), fmt.Sprintf(verb, []Secret{s}))
	}
	hexed := fmt.Sprintf("%x", canary)
	for _, text := range shown {
		if strings.Contains(text, canary[:12]) || strings.Contains(strings.ToLower(text), hexed[:12]) {
			t.Errorf("the secret shows in %q", text)
		}
	}
	if !s.Equal(NewSecret(canary)) || s.Equal(NewSecret("x")) {
		t.Error("Equal is wrong")
	}
}

func TestNewAccessKey_HasAWSShape(t *testing.T) {
	t.Parallel()
	id, secret := regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`), regexp.MustCompile(`^[A-Za-z0-9+/]{40}$`)
	seen := map[string]bool{}
	for range 1000 {
		k := NewAccessKey()
		if !id.MatchString(k.ID) || !secret.MatchString(k.Secret.Reveal()) {
			t.Fatalf("key %s, secret of %d characters", k.ID, len(k.Secret.Reveal()))
		}
		if seen[k.ID] || seen[k.Secret.Reveal()] {
			t.Fatal("a key came twice")
		}
		seen[k.ID], seen[k.Secret.Reveal()] = true, true
	}
}

func TestRing_RotatesWhileOthersSealAndOpen(t *testing.T) {
	t.Parallel()
	r := Generate()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				box, version, err := r.Seal(account, keyID, NewSecret(canary))
				if err != nil {
					t.Error(err)
					return
				}
				if s, err := r.Open(account, keyID, version, box); err != nil || s.Reveal() != canary {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for n := range 20 {
			r.Add(n + 2)
			r.format()
		}
	})
	wg.Wait()
}

func FuzzParseKeyFile(f *testing.F) {
	f.Add(Generate().format())
	f.Add([]byte(fileMagic + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(r.format(), b) {
			t.Errorf("a file that parses does not format to itself")
		}
	})
}
