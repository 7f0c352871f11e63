// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/hivecloud/hive/internal/admin"
)

// simulatedRegion is a stand-in for an agent that simulates its guests.
func simulatedRegion(t *testing.T) (dataDir string) {
	t.Helper()
	answers := maps.Clone(fixture)
	status := fixture[admin.RouteStatus].(admin.Status)
	status.Accelerator = admin.Accelerator{Name: "simulated"}
	instance := fixture[admin.RouteInstance].(admin.Instance)
	instance.Simulated = true
	answers[admin.RouteStatus], answers[admin.RouteInstance], answers[admin.RouteInstances] = status, instance, []admin.Instance{instance}
	return standInSaying(t, answers)
}

func TestSimulatedInstance_IsShownAsOne(t *testing.T) {
	t.Parallel()
	dir := simulatedRegion(t)
	for _, args := range [][]string{{"instance", "list"}, {"instance", "show", "i-0123456789abcdef0"}} {
		if out, _, code := invoke(t, nil, append(args, "--data-dir", dir)...); code != 0 || !strings.Contains(out, "running (simulated)") {
			t.Errorf("%v: exit %d, %s", args, code, out)
		}
	}
	if out, _, code := invoke(t, nil, "instance", "list", "-o", "json", "--data-dir", dir); code != 0 || !strings.Contains(out, `"state": "running"`) || !strings.Contains(out, `"simulated": true`) {
		t.Errorf("exit %d, %s", code, out)
	}
}

// Nobody waits ten minutes for a login that cannot come.
func TestQuickstart_RefusesASimulatedRegion(t *testing.T) {
	t.Parallel()
	_, stderr, code := invoke(t, nil, "quickstart", "--data-dir", simulatedRegion(t))
	if code == 0 || !strings.Contains(stderr, "are simulated: nobody can log in") || !strings.Contains(stderr, "Next:") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}
