// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import "testing"

// TestSimulatedRegion: thirty instances, one node killed, another drained.
func TestSimulatedRegion(t *testing.T) { lifeOf(t, 30) }
