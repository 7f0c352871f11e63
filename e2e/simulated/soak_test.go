// SPDX-License-Identifier: Apache-2.0

//go:build soak

package e2e

import "testing"

// TestSoakSimulatedRegion is TestSimulatedRegion with as many instances as the region has public addresses for.
func TestSoakSimulatedRegion(t *testing.T) { lifeOf(t, 240) }
