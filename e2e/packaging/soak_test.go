// SPDX-License-Identifier: Apache-2.0

//go:build soak

package packaging

import "testing"

// TestSoakDeb_UnderSystemd is TestDeb_UnderARunningAgent with systemd itself, in a container: the unit and all of its
// restrictions hold.
func TestSoakDeb_UnderSystemd(t *testing.T) { underARunningAgent(t, newBootedWorld) }
