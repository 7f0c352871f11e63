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

const units = "../../contrib/systemd/"

func needsAnalyze(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze")
	}
}

// systemd understands every line of the unit.
func TestUnit_Verifies(t *testing.T) {
	needsAnalyze(t)
	dir, paths := t.TempDir(), []string{}
	for _, name := range []string{"hive.service", "hive-guests.service"} {
		text, err := os.ReadFile(units + name)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, filepath.Join(dir, name))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(string(text), "/usr/bin/hive", "/bin/true")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out := run(t, "systemd-analyze", append([]string{"verify"}, paths...)...); strings.Contains(out, "hive") {
		t.Errorf("systemd says: %s", out)
	}
}

// The exposure that systemd computes stays within what was decided.
func TestUnit_IsHardened(t *testing.T) {
	needsAnalyze(t)
	for name, limit := range map[string]float64{"hive.service": 4.0, "hive-guests.service": 2.0} {
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", units+name).CombinedOutput()
		found := regexp.MustCompile(`exposure level for ` + name + `: ([0-9.]+)`).FindStringSubmatch(string(out))
		if found == nil {
			t.Skipf("this systemd-analyze judges no files: %v", err)
		}
		if score, err := strconv.ParseFloat(found[1], 64); err != nil || score > limit {
			t.Errorf("exposure %s, at most %.1f\n%s", found[1], limit, out)
		}
	}
}
