// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The key file is text, one version a line, oldest first; the last line proves that nothing was lost or changed:
//
//	hive-cluster-key 1
//	key 1 <32 bytes, base64>
//	key 2 <32 bytes, base64>
//	check <first 8 bytes of SHA-256 over all lines before, hex>
const (
	fileMagic  = "hive-cluster-key 1"
	maxFileLen = 64 << 10
)

// Errors of Load.
var (
	// ErrExposed is a key file that somebody other than its owner may read or write.
	ErrExposed = errors.New("cluster key file is open to others")
	// ErrDamaged is a key file that does not read as one.
	ErrDamaged = errors.New("cluster key file is damaged")
)

// Load reads a ring from its key file. A missing file is os.ErrNotExist.
func Load(path string) (*Ring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load cluster key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("load cluster key %s: %w", path, err)
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("load cluster key %s of mode %v: %w: run `chmod 600 %s`", path, mode, ErrExposed, path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFileLen+1))
	if err != nil {
		return nil, fmt.Errorf("load cluster key %s: %w", path, err)
	}
	r, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("load cluster key %s: %w", path, err)
	}
	return r, nil
}

// Save writes the ring's key file, mode 0600, so that after a crash at any point either the old file or the new one is
// there whole.
func (r *Ring) Save(path string) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".cluster-key-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("save cluster key: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(r.format()); err != nil {
		return fmt.Errorf("save cluster key %s: %w", path, err)
	}
	if err = f.Sync(); err != nil {
		return fmt.Errorf("save cluster key %s: %w", path, err)
	}
	if err = f.Close(); err != nil {
		return fmt.Errorf("save cluster key %s: %w", path, err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("save cluster key: %w", err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}

// Marshal is the key file's content, for a node that joins. It is the cluster's most secret thing.
func (r *Ring) Marshal() Secret { return NewSecret(string(r.format())) }

// Parse reads what Marshal made.
func Parse(content Secret) (*Ring, error) { return parse([]byte(content.plain)) }

// format is the key file's content.
func (r *Ring) format() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, fileMagic)
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, v := range slices.Sorted(maps.Keys(r.keys)) {
		fmt.Fprintf(&b, "key %d %s\n", v, base64.StdEncoding.EncodeToString(r.keys[v]))
	}
	fmt.Fprintf(&b, "check %s\n", check(b.Bytes()))
	return b.Bytes()
}

func check(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// parse reverses format. Errors never quote the content.
func parse(b []byte) (*Ring, error) {
	if len(b) > maxFileLen {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrDamaged, maxFileLen)
	}
	at := bytes.LastIndex(b, []byte("\ncheck "))
	if at < 0 || string(b[at+1:]) != "check "+check(b[:at+1])+"\n" {
		return nil, fmt.Errorf("%w: the check line does not match", ErrDamaged)
	}
	lines := strings.Split(string(b[:at]), "\n")
	if lines[0] != fileMagic {
		return nil, fmt.Errorf("%w: the first line is not %q", ErrDamaged, fileMagic)
	}
	r := &Ring{keys: map[int][]byte{}, wraps: map[int]cipher.AEAD{}}
	for n, line := range lines[1:] {
		version, key, ok := parseKey(line)
		if !ok || version <= r.newest {
			return nil, fmt.Errorf("%w: line %d", ErrDamaged, n+2)
		}
		r.add(version, key)
	}
	if r.newest == 0 {
		return nil, fmt.Errorf("%w: it holds no key", ErrDamaged)
	}
	return r, nil
}

func parseKey(line string) (int, []byte, bool) {
	words := strings.Split(line, " ")
	if len(words) != 3 || words[0] != "key" {
		return 0, nil, false
	}
	version, err := strconv.Atoi(words[1])
	if err != nil || version < 1 || strconv.Itoa(version) != words[1] {
		return 0, nil, false
	}
	key, err := base64.StdEncoding.Strict().DecodeString(words[2])
	if err != nil || len(key) != keyLen {
		return 0, nil, false
	}
	return version, slices.Clip(key), true
}
