// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/hivecloud/hive/internal/admin"
)

func TestRotationLine(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	for want, r := range map[string]admin.Rotation{
		"the new one is spread to every node: waiting for node2, node3":            {Phase: "spread", Waiting: []string{"node2", "node3"}},
		"every node has the new one; an operator's word is needed":                 {Phase: "spread", Hold: true},
		"every node begins to use the new one: waiting for node2":                  {Phase: "use", Waiting: []string{"node2"}, Sealed: 3, Retires: &end},
		"3 secrets are being sealed anew":                                          {Phase: "use", Sealed: 3, Retires: &end},
		"the new one is in use, the old one is kept until 2026-05-06 07:08:09 UTC": {Phase: "use", Retires: &end},
		"every node forgets the old one":                                           {Phase: "retire"},
		"done":                                                                     {Phase: "done"},
		"given up":                                                                 {Phase: "cancelled", Waiting: nil},
	} {
		if got := rotationLine(r); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}
