// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestRecent_KeepsTheNewestWholeLines(t *testing.T) {
	t.Parallel()
	r := NewRecent(100)
	logger, err := New(Options{Level: "info", Format: "json", Output: io.Discard, Recent: r})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 500 {
		logger.Named("part").Info("message", "n", n)
		logger.Debug("below the level")
	}
	var b bytes.Buffer
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if len(text) > 100 || !strings.HasSuffix(text, "part: message: n=499\n") || strings.Contains(text, "below") || !strings.HasPrefix(text, "20") {
		t.Errorf("kept %q", text)
	}
	if len(r.text) > 300 {
		t.Errorf("%d bytes are held for a limit of 100", len(r.text))
	}
}
