// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const unit = "../../contrib/systemd/hive.service"

func needsAnalyze(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze")
	}
}

// systemd understands every line of the unit.
func TestUnit_Verifies(t *testing.T) {
	needsAnalyze(t)
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hive.service")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "/usr/bin/hive", "/bin/true")), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "systemd-analyze", "verify", path); strings.Contains(out, "hive.service") {
		t.Errorf("systemd says: %s", out)
	}
}

// The exposure that systemd computes stays within what was decided.
func TestUnit_IsHardened(t *testing.T) {
	needsAnalyze(t)
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", unit).CombinedOutput()
	found := regexp.MustCompile(`exposure level for hive.service: ([0-9.]+)`).FindStringSubmatch(string(out))
	if found == nil {
		t.Skipf("this systemd-analyze judges no files: %v", err)
	}
	if score, err := strconv.ParseFloat(found[1], 64); err != nil || score > 4.0 {
		t.Errorf("exposure %s, at most 4.0\n%s", found[1], out)
	}
}
