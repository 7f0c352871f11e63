// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package netns

import "testing"

// TestLeaderKilled_OneURLGoesOn: clients with default retries at the virtual address see no error, and nothing that
// was acknowledged is lost.
func TestLeaderKilled_OneURLGoesOn(t *testing.T) { failovers(t, 3) }

// TestLoss_RealGuests: a node that is stopped, killed or cut off loses its guests to the others, and they never run twice.
func TestLoss_RealGuests(t *testing.T) { losses(t, 1) }
