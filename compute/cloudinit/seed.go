// SPDX-License-Identifier: Apache-2.0

package cloudinit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// Label is the volume label by which guests find the seed.
	Label = "cidata"
	// MaxUserData bounds the raw user data; it is far above EC2's 16 KiB, which the API enforces.
	MaxUserData = 1 << 20
)

// Seed is what a guest learns at boot.
type Seed struct {
	// InstanceID decides whether this is a first boot: cloud-init runs once-per-instance parts again when it changes.
	InstanceID string
	// Hostname is the guest's local-hostname, for example ip-172-31-0-10.
	Hostname string
	// PublicKeys are OpenSSH authorized_keys lines without line ends.
	PublicKeys []string
	// UserData is handed over as it is: script, cloud-config, gzip or any bytes; nil gives an empty file.
	UserData []byte
	// NetworkConfig is a network-config document (version 1 or 2), nil for none: the guest then uses DHCP.
	NetworkConfig []byte
}

// Image returns the seed disk's bytes, a multiple of 2048.
func Image(s Seed) ([]byte, error) {
	meta, err := s.metaData()
	if err != nil {
		return nil, fmt.Errorf("make seed of %q: %w", s.InstanceID, err)
	}
	if len(s.UserData) > MaxUserData {
		return nil, fmt.Errorf("make seed of %q: user data of %d bytes, at most %d", s.InstanceID, len(s.UserData), MaxUserData)
	}
	// vendor-data is there and empty, so that cloud-init does not warn about a seed without it.
	files := []file{{"meta-data", meta}, {"user-data", s.UserData}, {"vendor-data", nil}}
	if s.NetworkConfig != nil {
		files = append(files, file{"network-config", s.NetworkConfig})
	}
	return writeISO(Label, files), nil
}

// metaData writes one key a line, each value in JSON. YAML 1.2 contains JSON, so a value cannot end its line or become a key;
// the small reader of the micro guest, which has no YAML, wants one key a line and a list item after "- ".
func (s Seed) metaData() ([]byte, error) {
	if s.InstanceID == "" || s.Hostname == "" {
		return nil, errors.New("instance id and host name must not be empty")
	}
	id, err := plainOrQuoted("instance id", s.InstanceID)
	if err != nil {
		return nil, err
	}
	host, err := plainOrQuoted("host name", s.Hostname)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "instance-id: %s\nlocal-hostname: %s\n", id, host)
	if len(s.PublicKeys) == 0 {
		return b.Bytes(), nil
	}
	b.WriteString("public-keys:\n")
	for i, key := range s.PublicKeys {
		value, err := plainOrQuoted(fmt.Sprintf("public key %d", i), key)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "  - %s\n", value)
	}
	return b.Bytes(), nil
}

// plainOrQuoted returns v as a YAML scalar on one line: as it is when nothing in it can mean anything to YAML, else as a JSON
// string. Ids, host names and keys without strange comments stay plain, which line-oriented readers understand.
func plainOrQuoted(what, v string) (string, error) {
	if !utf8.ValidString(v) {
		return "", fmt.Errorf("%s is not UTF-8", what)
	}
	// Line ends in all their Unicode forms, control characters and byte order marks: YAML forbids most of them even in quotes.
	if i := strings.IndexFunc(v, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\t' }); i >= 0 {
		return "", fmt.Errorf("%s has a line end or another invisible character at byte %d", what, i)
	}
	if isPlain(v) {
		return v, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // YAML has no need of \u003c
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// isPlain accepts a subset of YAML plain scalars that is a string in YAML 1.1 and 1.2: it begins with a letter, has no
// character that starts a comment, a mapping or a flow, and is no word for a boolean or null.
func isPlain(v string) bool {
	if v == "" || !isLetter(v[0]) || v[len(v)-1] == ' ' {
		return false
	}
	for i := range len(v) {
		c := v[i]
		if !isLetter(c) && (c < '0' || c > '9') && !strings.ContainsRune(" -_./+=@", rune(c)) {
			return false
		}
	}
	switch strings.ToLower(v) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
