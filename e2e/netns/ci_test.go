// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package netns

import "testing"

// TestLeaderKilled_OneURLGoesOn: clients with default retries at the virtual address see no error, and nothing that
// was acknowledged is lost.
func TestLeaderKilled_OneURLGoesOn(t *testing.T) { failovers(t, 3) }
