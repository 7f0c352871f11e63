// SPDX-License-Identifier: Apache-2.0

//go:build e2e || soak

package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	releaseBin  = "HIVE_RELEASE_BIN"
	releaseTag  = "v0.1.0"
	releaseFile = "../release.txt" // the commit of the tag, for clones without tags
)

// prepareRelease builds the first release, once a commit, and leaves its path, or why there is none, to release.
func prepareRelease() {
	if os.Getenv(releaseBin) != "" {
		return
	}
	path, err := buildRelease()
	if err != nil {
		path = "!" + err.Error()
	}
	_ = os.Setenv(releaseBin, path)
}

// release is the binary of the first release. Without it a test is skipped, and fails where continuous integration runs.
func release(t *testing.T) string {
	t.Helper()
	path := os.Getenv(releaseBin)
	if why, missing := strings.CutPrefix(path, "!"); missing {
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	return path
}

func buildRelease() (string, error) {
	commit, err := git("rev-parse", "--verify", "--quiet", releaseTag+"^{commit}")
	if err != nil {
		text, fault := os.ReadFile(releaseFile)
		if fault != nil {
			return "", fault
		}
		if commit, err = git("rev-parse", "--verify", "--quiet", strings.TrimSpace(string(text))+"^{commit}"); err != nil {
			return "", fmt.Errorf("neither the tag %s nor the commit in e2e/release.txt is in this clone: git fetch --unshallow --tags", releaseTag)
		}
	}
	cache, err := filepath.Abs(os.Getenv("HIVE_CACHE"))
	if os.Getenv("HIVE_CACHE") == "" {
		cache = filepath.Join(os.TempDir(), "hive-cache")
	} else if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	out := filepath.Join(cache, "hive-"+commit[:12])
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	tree, err := os.MkdirTemp("", "hive-release")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tree)
	if _, err := git("-C", "../..", "archive", "--format", "tar", "--output", tree+"/source.tar", commit); err != nil {
		return "", err
	}
	if text, err := exec.Command("tar", "-x", "-f", tree+"/source.tar", "-C", tree).CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack %s: %w\n%s", releaseTag, err, text)
	}
	cmd := exec.Command("go", "build", "-p", "1", "-ldflags", "-s -w -X main.version="+releaseTag+" -X main.revision="+commit[:12], "-o", out+".new", "./cmd/hive")
	cmd.Dir = tree
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", releaseTag, err, text)
	}
	return out, os.Rename(out+".new", out)
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
