// SPDX-License-Identifier: Apache-2.0

package micro

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// hostTools are the programs that a build runs, and the Debian packages they come with.
var hostTools = map[string]string{
	"apt-cache": "apt", "apt-get": "apt", "debugfs": "e2fsprogs", "dpkg-deb": "dpkg", "fakeroot": "fakeroot", "mcopy": "mtools", "mke2fs": "e2fsprogs",
	"mkfs.vfat": "dosfstools", "mmd": "mtools", "sfdisk": "fdisk", "syslinux": "syslinux",
}

// toolDirs are searched after $PATH: an ordinary user's lacks the sbin directories.
var toolDirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"}

// MissingToolsError names the programs that a build needs and that the host does not have.
type MissingToolsError struct {
	Tools    []string // sorted
	Packages []string // sorted, what to install
}

// Error names the tools and the command that brings them.
func (e *MissingToolsError) Error() string {
	return fmt.Sprintf("building the micro image needs %s; install with: apt-get install -y %s",
		strings.Join(e.Tools, ", "), strings.Join(e.Packages, " "))
}

// CheckHost tells whether the host has the programs that a build needs; the error is a *MissingToolsError.
func CheckHost() error { return checkTools(hostTools, findTool) }

func checkTools(tools map[string]string, find func(string) (string, error)) error {
	var missing MissingToolsError
	for tool, pkg := range tools {
		if _, err := find(tool); err != nil {
			missing.Tools = append(missing.Tools, tool)
			missing.Packages = append(missing.Packages, pkg)
		}
	}
	if len(missing.Tools) == 0 {
		return nil
	}
	slices.Sort(missing.Tools)
	slices.Sort(missing.Packages)
	missing.Packages = slices.Compact(missing.Packages)
	return &missing
}

func findTool(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range toolDirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("find %s: %w", name, exec.ErrNotFound)
}

// command is one run of a host tool.
type command struct {
	name  string // a host tool, or an absolute path
	args  []string
	dir   string
	stdin string
}

// run runs a tool and returns its standard output. The environment is fixed, so that neither locale nor dot files change the
// result. Cancelling kills the tool and its children.
func (b *builder) run(ctx context.Context, c command) (string, error) {
	path := c.name
	if !filepath.IsAbs(path) {
		var err error
		if path, err = findTool(c.name); err != nil {
			return "", err
		}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, c.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, &stdout, &stderr
	cmd.Stdin = strings.NewReader(c.stdin)
	cmd.Env = b.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	b.log.Debug("running", "tool", c.name, "args", c.args)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("run %s: %w", c.name, ctx.Err())
		}
		return "", fmt.Errorf("run %s: %w: %s", c.name, err, lastLines(stderr.String()+stdout.String(), 3))
	}
	return stdout.String(), nil
}

func (b *builder) environment() []string {
	env := []string{
		"LC_ALL=C", "TZ=UTC", "HOME=" + b.work, "PATH=" + os.Getenv("PATH") + ":" + strings.Join(toolDirs, ":"),
		"MTOOLSRC=/dev/null", "MTOOLS_SKIP_CHECK=1", "TMPDIR=" + b.work, "DEBIAN_FRONTEND=noninteractive",
	}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy"} {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	if !b.epoch.IsZero() {
		env = append(env, "SOURCE_DATE_EPOCH="+b.epochString(), "E2FSPROGS_FAKE_TIME="+b.epochString())
	}
	return env
}

// lastLines is the end of a tool's output, in one line, for an error text.
func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}

var errNoFile = errors.New("not in the downloaded packages")
