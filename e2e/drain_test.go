// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"
)

// TestDrainedShutdown_GuestsComeBack: the host is shut down in order. Guests are powered off by ACPI, nothing of the
// node runs any more, and with the node its guests come back with their data.
func TestDrainedShutdown_GuestsComeBack(t *testing.T) {
	r := ownRegion(t, "compute {\n  reserve_cpu = 0\n}\n")
	id := r.launch(t, nil)
	stopped := r.launch(t, nil)
	r.reach(t, id, "running")
	r.reach(t, stopped, "running")
	r.ok(t, "StopInstances", params{"InstanceIds": list{stopped}, "Force": true})
	// No sync of ours: a guest that is asked to power off writes by itself.
	boot := r.ssh(t, id, "echo "+marker+" >/home/ec2-user/marker; cat /proc/sys/kernel/random/boot_id")
	address := dig(r.describe(t, id), "PublicIpAddress")
	r.reach(t, stopped, "stopped")

	if err := r.node.drain(); err != nil {
		t.Fatal(err)
	}
	if err := r.node.start(); err != nil {
		t.Fatal(err)
	}
	r.reach(t, id, "running")
	eventually(t, "guest back", func() (bool, string) {
		out, err := r.try(r.address(t, id), "cat /proc/sys/kernel/random/boot_id")
		return err == nil && out != boot, out
	})
	r.hasMarker(t, id)
	if now := dig(r.describe(t, id), "PublicIpAddress"); now != address {
		t.Errorf("the public address was %v and is %v: the instance was never stopped by its user", address, now)
	}
	if s := dig(r.describe(t, stopped), "State", "Name"); s != "stopped" {
		t.Errorf("the stopped instance is %v after the restart", s)
	}
	console, err := r.node.run(context.Background(), "instance", "console", id)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(console), "HIVE-READY") < 2 || !strings.Contains(string(console), "reboot: Power down") {
		t.Errorf("the serial log does not show two boots with an orderly end between them:\n%s", console[max(0, len(console)-2000):])
	}
}
