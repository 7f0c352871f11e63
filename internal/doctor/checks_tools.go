// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"

	"github.com/hivecloud/hive/internal/config"
)

// install is the fix for a missing Debian package.
func install(pkg string) string { return "apt install " + pkg }

func checkAccelerator(ctx context.Context, c *config.Config, m Machine) Result {
	name, reason, err := m.Accelerator(ctx, c.Compute.QEMUBinary, c.Compute.Accel)
	switch {
	case err != nil && c.Compute.Accel == "kvm":
		return fail(`set compute.accel = "auto", or give this machine a KVM that runs guests`, "%v", err)
	case err != nil:
		return fail("see what the qemu check says", "no guest can run: %v", err)
	case name == "kvm", c.Compute.Accel == "tcg":
		return ok("guests run under %s", name)
	}
	return warn("guests work but are slower; use a machine with hardware virtualisation for more speed", "guests run under %s: %s", name, reason)
}

var versionForm = regexp.MustCompile(`version (\d+)\.(\d+)`)

// checkQEMU wants 7.2: the flags a guest is started with need it.
func checkQEMU(ctx context.Context, c *config.Config, m Machine) Result {
	path, err := m.LookPath(c.Compute.QEMUBinary)
	if err != nil {
		return fail(install("qemu-system-x86"), "%s is not installed", c.Compute.QEMUBinary)
	}
	text, err := m.Output(ctx, path, "--version")
	found := versionForm.FindStringSubmatch(text)
	if err != nil || found == nil {
		return fail(install("qemu-system-x86"), "%s does not tell its version: %v", path, err)
	}
	major, _ := strconv.Atoi(found[1]) // the pattern matched digits
	minor, _ := strconv.Atoi(found[2])
	if major < 7 || major == 7 && minor < 2 {
		return fail("install QEMU 7.2 or newer (Debian 12 has it)", "%s is version %d.%d", path, major, minor)
	}
	return ok("%s is version %d.%d", path, major, minor)
}

func checkQEMUImg(_ context.Context, _ *config.Config, m Machine) Result {
	if path, err := m.LookPath("qemu-img"); err == nil {
		return ok("%s", path)
	}
	return fail(install("qemu-utils"), "qemu-img is not installed; images in other formats than raw cannot be imported")
}

func checkOVMF(_ context.Context, _ *config.Config, m Machine) Result {
	for _, path := range []string{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_CODE.fd"} {
		if _, err := m.Stat(path); err == nil {
			return ok("%s", path)
		}
	}
	return warn(install("ovmf"), "no UEFI firmware is installed; images with boot mode uefi cannot start")
}

func checkSwtpm(_ context.Context, _ *config.Config, m Machine) Result {
	if path, err := m.LookPath("swtpm"); err == nil {
		return ok("%s", path)
	}
	return warn(install("swtpm"), "swtpm is not installed; images that ask for a TPM cannot start")
}

func checkQEMUUser(_ context.Context, c *config.Config, m Machine) Result {
	name := c.Compute.QEMUUser
	switch {
	case m.UID != 0:
		return ok("the agent is not root; guests run as its user")
	case name != "" && !m.UserExists(name):
		return fail("adduser --system --group "+name, "compute.qemu_user names %s, which does not exist", name)
	case name == "" && !m.UserExists("hive-qemu"):
		return warn("adduser --system --group hive-qemu", "guests run as root: there is no account hive-qemu")
	case name == "":
		name = "hive-qemu"
	}
	return ok("guests run as %s", name)
}

func checkTun(_ context.Context, c *config.Config, m Machine) Result {
	if c.Network.Mode == "user" {
		return ok("not needed with network.mode = \"user\"")
	}
	if _, err := m.Stat("/dev/net/tun"); err != nil {
		return fail("modprobe tun", "/dev/net/tun is missing: %v", err)
	}
	return ok("/dev/net/tun is there")
}

func checkCgroup(_ context.Context, _ *config.Config, m Machine) Result {
	if _, err := m.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
		return warn("boot with systemd.unified_cgroup_hierarchy=1", "cgroup v2 is not mounted; guests cannot be told apart in the host's accounting")
	}
	return ok("cgroup v2")
}

func checkAWSCLI(_ context.Context, _ *config.Config, m Machine) Result {
	if path, err := m.LookPath("aws"); err == nil {
		return ok("%s", path)
	}
	return warn(install("awscli"), "the AWS CLI is not installed; the region works without it, the examples do not")
}

func checkSSH(_ context.Context, _ *config.Config, m Machine) Result {
	if path, err := m.LookPath("ssh"); err == nil {
		return ok("%s", path)
	}
	return warn(install("openssh-client"), "ssh is not installed; hive quickstart cannot try the guest")
}

// mode prints a file's permission as chmod takes it.
func mode(info fs.FileInfo) string { return fmt.Sprintf("%#o", info.Mode()&os.ModePerm) }
