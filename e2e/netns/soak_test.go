// SPDX-License-Identifier: Apache-2.0

//go:build soak

package netns

import "testing"

// TestSoakLeaderKilled_OneURLGoesOn is TestLeaderKilled_OneURLGoesOn with as many kills as a percentile needs.
func TestSoakLeaderKilled_OneURLGoesOn(t *testing.T) { failovers(t, 25) }

// TestSoakLoss_RealGuests: a node that is stopped, killed, cut off or loses every process loses its guests to the others, and
// they never run twice.
func TestSoakLoss_RealGuests(t *testing.T) { losses(t, 5) }
