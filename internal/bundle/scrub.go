// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// redacted stands where a secret was.
const redacted = "[redacted]"

// shapes are secrets that can be told by what they look like.
var shapes = []*regexp.Regexp{
	regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)`),
	regexp.MustCompile(`(?i)(secret_?access_?key|session_?token|security_?token|signature|passphrase|password|user_?data)("?\s*[=:]\s*"?)[A-Za-z0-9/+=_%.-]+`),
}

// Scrubber removes secrets from text.
type Scrubber struct{ known [][]byte }

// leastSecret is the length below which a string is no secret worth replacing: it would replace words.
const leastSecret = 16

// NewScrubber knows the secrets in the key files of a data directory. A file that cannot be read cannot be known; it is
// not collected either.
func NewScrubber(dataDir string) *Scrubber {
	s := &Scrubber{}
	for _, pattern := range []string{"*.key", "pki/*.key", "join/*", "tokens/*"} {
		files, _ := filepath.Glob(filepath.Join(dataDir, pattern)) // constant patterns are valid
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			s.addWords(string(text))
		}
	}
	return s
}

// addWords takes every long word of a key file for a secret. Base64 of keys has no spaces, PEM has a line of 64 each.
func (s *Scrubber) addWords(text string) {
	if strings.Contains(text, "-----BEGIN") {
		for line := range strings.Lines(text) {
			if !strings.Contains(line, "-----") {
				s.Add(strings.TrimSpace(line))
			}
		}
		return
	}
	for _, word := range strings.Fields(text) {
		if !strings.HasPrefix(word, "hive-") {
			s.Add(word)
		}
	}
}

// Add makes a string a secret; short ones are not.
func (s *Scrubber) Add(secret string) {
	if len(secret) >= leastSecret {
		s.known = append(s.known, []byte(secret))
	}
}

// Scrub is text without secrets.
func (s *Scrubber) Scrub(text []byte) []byte {
	for _, k := range s.known {
		text = bytes.ReplaceAll(text, k, []byte(redacted))
	}
	text = shapes[0].ReplaceAll(text, []byte(redacted))
	return shapes[1].ReplaceAll(text, []byte("${1}${2}"+redacted))
}
