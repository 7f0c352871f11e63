// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"path/filepath"

	"github.com/hivecloud/hive/internal/config"
)

// aboutGuests are the checks of what real guests need.
var aboutGuests = []string{"accelerator", "qemu", "ovmf", "swtpm", "qemu-user", "tun", "cgroup"}

// simulates tells whether the data directory is one of hive agent --simulate-guests.
func simulates(c *config.Config, m Machine) bool {
	_, err := m.Stat(filepath.Join(c.Node.DataDir, "simulated", "NOTICE"))
	return err == nil
}

func checkSimulation(_ context.Context, c *config.Config, m Machine) Result {
	if simulates(c, m) {
		return warn("use another data directory for a node with real guests", "the guests and volumes of this node are simulated: no instance really runs")
	}
	return ok("guests and volumes are real")
}
