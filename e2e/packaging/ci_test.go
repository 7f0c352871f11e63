// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package packaging

import "testing"

// TestDeb_UnderARunningAgent: what the scripts ask of systemd is recorded, and done by the words of the unit.
func TestDeb_UnderARunningAgent(t *testing.T) { underARunningAgent(t, newWorld) }
