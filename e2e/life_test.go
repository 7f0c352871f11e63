// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const marker = "kept-by-fsync"

// TestGuest_DataSurvives follows one guest through its life: user data, the grown root, stop and start, and the death
// of each process that stands between the guest's data and its disk.
func TestGuest_DataSurvives(t *testing.T) {
	r := shared
	id := r.launch(t, params{
		"UserData":            "#!/bin/sh\necho ran >/var/lib/user-data-ran\n",
		"BlockDeviceMappings": list{params{"DeviceName": "/dev/sda1", "Ebs": params{"VolumeSize": 2}}, params{"DeviceName": "/dev/sdf", "Ebs": params{"VolumeSize": 1}}},
		"TagSpecifications":   list{params{"ResourceType": "instance", "Tags": list{params{"Key": "Name", "Value": "life"}}}},
	})
	i := r.reach(t, id, "running")
	if dig(i, "PublicIpAddress") == nil || dig(i, "Tags", 0, "Value") != "life" {
		t.Fatalf("running instance without public address or tag: %v", i)
	}
	eventually(t, "user data ran", func() (bool, string) {
		out := r.ssh(t, id, "cat /var/lib/user-data-ran 2>/dev/null; true")
		return out == "ran", out
	})
	if size, err := strconv.ParseInt(r.ssh(t, id, "df -k / | tail -1 | awk '{print $2}'"), 10, 64); err != nil || size < 3<<20>>1 {
		t.Fatalf("root file system has %d KiB of 2 GiB asked for (%v)", size, err)
	}
	if got := r.ssh(t, id, "grep -c 'vd[ab]$' /proc/partitions"); got != "2" {
		t.Fatalf("guest sees %s of its two volumes", got)
	}
	r.ssh(t, id, "echo "+marker+" >/home/ec2-user/marker && sync")

	r.ok(t, "StopInstances", params{"InstanceIds": list{id}})
	if i := r.reach(t, id, "stopped"); dig(i, "StateReason", "Code") != "Client.UserInitiatedShutdown" || dig(i, "PublicIpAddress") != nil {
		t.Fatalf("stopped instance: %v", i)
	}
	r.ok(t, "StartInstances", params{"InstanceIds": list{id}})
	r.reach(t, id, "running")
	r.hasMarker(t, id)

	boot := r.ssh(t, id, "cat /proc/sys/kernel/random/boot_id")
	for _, victim := range []string{"agent", "blockd", "guard"} {
		r.killProcess(t, id, victim)
		r.hasMarker(t, id)
		r.ssh(t, id, "echo after-"+victim+" >>/home/ec2-user/marker && sync")
		if now := r.ssh(t, id, "cat /proc/sys/kernel/random/boot_id"); now != boot {
			t.Fatalf("kill -9 of %s rebooted the guest", victim)
		}
	}
	// QEMU's death is the guest's: it is started again by itself, with what it had synced.
	r.killProcess(t, id, "qemu")
	eventually(t, "guest started again", func() (bool, string) {
		at := r.address(t, id)
		out, err := r.try(at, "cat /proc/sys/kernel/random/boot_id")
		return err == nil && out != boot, fmt.Sprint(out, err)
	})
	r.hasMarker(t, id)
	if got := r.ssh(t, id, "tail -1 /home/ec2-user/marker"); got != "after-guard" {
		t.Fatalf("last synced line after QEMU's death is %q", got)
	}
	r.reach(t, id, "running")
}

func (r *region) hasMarker(t *testing.T, id string) {
	t.Helper()
	if got := r.ssh(t, id, "head -1 /home/ec2-user/marker"); got != marker {
		t.Fatalf("marker in %s is %q", id, got)
	}
}

// killProcess kills one process of an instance with SIGKILL. A killed agent is started again.
func (r *region) killProcess(t *testing.T, id, kind string) {
	t.Helper()
	switch kind {
	case "agent":
		r.node.kill()
		if err := r.node.start(); err != nil {
			t.Fatal(err)
		}
		return
	case "blockd":
		out, err := r.node.run(context.Background(), "instance", "list", "-o", "json")
		_ = out
		if err != nil {
			t.Fatal(err)
		}
		for _, pid := range r.node.processes() {
			if line := cmdline(pid); strings.Contains(line, " blockd ") {
				t.Logf("kill -9 %d: %s", pid, line)
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatal("no block daemon to kill")
	}
	pid := map[string]int{"guard": r.show(t, id).GuardPID, "qemu": r.show(t, id).QEMUPID}[kind]
	if pid <= 1 {
		t.Fatalf("no pid of %s", kind)
	}
	t.Logf("kill -9 %d: %s", pid, cmdline(pid))
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %s: %v", kind, err)
	}
}

// TestReboot_Graceful reboots a guest and finds what it had written, without a sync of ours.
func TestReboot_Graceful(t *testing.T) {
	r := shared
	id := r.launch(t, nil)
	r.reach(t, id, "running")
	boot := r.ssh(t, id, "echo "+marker+" >/home/ec2-user/marker; cat /proc/sys/kernel/random/boot_id")
	r.ok(t, "RebootInstances", params{"InstanceIds": list{id}})
	eventually(t, "another boot", func() (bool, string) {
		out, err := r.try(r.address(t, id), "cat /proc/sys/kernel/random/boot_id")
		return err == nil && out != boot, fmt.Sprint(out, err)
	})
	r.hasMarker(t, id)
}

// TestGuestPowersOff_ShutdownBehaviour: the guest's own poweroff stops or terminates its instance.
func TestGuestPowersOff_ShutdownBehaviour(t *testing.T) {
	r := shared
	id := r.launch(t, params{"InstanceInitiatedShutdownBehavior": "terminate"})
	r.reach(t, id, "running")
	at := r.address(t, id)
	r.ssh(t, id, "true")
	eventually(t, "poweroff in the guest", func() (bool, string) {
		_, _ = r.try(at, "poweroff")
		i := r.describe(t, id)
		return dig(i, "State", "Name") != "running", fmt.Sprint(dig(i, "State", "Name"))
	})
	if i := r.reach(t, id, "terminated"); dig(i, "StateReason", "Code") != "Client.InstanceInitiatedShutdown" {
		t.Fatalf("reason %v", dig(i, "StateReason"))
	}
}
