// SPDX-License-Identifier: Apache-2.0

//go:build e2e || bench

package e2e

import (
	"fmt"
	"os"
	"strings"
)

// cmdline is a process's command line with spaces.
func cmdline(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(string(b), "\x00", " ")
}
