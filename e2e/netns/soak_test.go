// SPDX-License-Identifier: Apache-2.0

//go:build soak

package netns

import "testing"

// TestSoakLeaderKilled_OneURLGoesOn is TestLeaderKilled_OneURLGoesOn with as many kills as a percentile needs.
func TestSoakLeaderKilled_OneURLGoesOn(t *testing.T) { failovers(t, 25) }

// TestSoakLoss_RealGuests is TestLoss_RealGuests again and again, with the loss of every process of a node too.
func TestSoakLoss_RealGuests(t *testing.T) { losses(t, 5) }
