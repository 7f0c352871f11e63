// SPDX-License-Identifier: Apache-2.0

//go:build e2e || soak

package packaging

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// loopback is a node's configuration in a world of its own.
const loopback = `listen {
  api     = "127.0.0.1:9443"
  cluster = "127.0.0.1:8443"
  gossip  = "127.0.0.1:8444"
}
compute {
  accel       = "tcg"
  reserve_cpu = 0
}
`

// ticking is user data whose guest shows on its serial line that it goes on.
const ticking = "#!/bin/sh\nn=0\nwhile :; do n=$((n+1)); echo \"tick $n\" >/dev/console; sleep 0.3; done\n"

type instance struct{ ID, State string }

// underARunningAgent: an upgrade restarts the agent and nobody else, and the region and its guest are as they were; a
// removal shuts the guest down, or refuses while nobody can; a purge leaves nothing.
func underARunningAgent(t *testing.T, make func(*testing.T) *world) {
	first, second := build(t, "0.1.0"), build(t, "0.2.0")
	w := make(t)
	w.copyIn(first, "tmp/first.deb", 0o644)
	w.copyIn(second, "tmp/second.deb", 0o644)
	if !w.systemd {
		w.copyIn("testdata/systemctl", "usr/bin/systemctl", 0o755)
	}

	w.run("dpkg", "--install", "/tmp/first.deb") // with the dependencies that this machine really has
	w.write("etc/hive/hive.hcl", loopback, 0o644)
	made := item[struct{ AccessKeyID, SecretAccessKey, CABundle string }](w, "admin", "init", "--region", "eu-test-1", "--node", "n1")
	w.run("systemctl", "enable", "--now", "hive.service")
	w.ready()
	aws := func(args ...string) string {
		t.Helper()
		return w.run("env", append([]string{"AWS_ENDPOINT_URL=https://127.0.0.1:9443", "AWS_CA_BUNDLE=" + made.CABundle, "AWS_REGION=eu-test-1", "AWS_DEFAULT_REGION=eu-test-1", "AWS_PAGER=",
			"AWS_ACCESS_KEY_ID=" + made.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + made.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true", "aws", "--output", "text"}, args...)...)
	}
	id := w.guest(aws)
	keys := aws("ec2", "create-key-pair", "--key-name", "before", "--query", "KeyPairId")
	before := w.processes()
	if len(before["agent"]) != 1 || len(before["guard"]) != 1 || len(before["blockd"]) != 1 || len(before["qemu"]) != 1 {
		t.Fatalf("before the upgrade: %v", before)
	}
	if who := w.owner(before["qemu"][0]); who != "hive-qemu" {
		t.Errorf("the guest runs as %s, not as the package's account", who)
	}

	w.forget()
	w.run("dpkg", "--install", "/tmp/second.deb")
	w.called("daemon-reload", "try-restart hive.service")
	w.ready()
	after := w.processes()
	if len(after["agent"]) != 1 || after["agent"][0] == before["agent"][0] {
		t.Errorf("the agent was not restarted: %v, before %v", after, before)
	}
	delete(before, "agent")
	delete(after, "agent")
	if diff := gocmp.Diff(before, after); diff != "" {
		t.Errorf("the upgrade touched more than the agent (-before +after):\n%s", diff)
	}
	w.goesOn(id)
	if got := aws("ec2", "describe-key-pairs", "--key-names", "before", "--query", "KeyPairs[].KeyPairId"); got != keys {
		t.Errorf("key pair %q after the upgrade, %q before", got, keys)
	}
	if got := aws("ec2", "describe-instances", "--query", "Reservations[].Instances[].[InstanceId,State.Name]"); got != id+"\trunning\n" {
		t.Errorf("instances after the upgrade: %q", got)
	}

	w.refuses(id)
	w.removes(id)
	w.returns(id, aws)

	w.run("dpkg", "--purge", "hive")
	for _, name := range []string{"usr/bin/hive", "var/lib/hive", "etc/hive", "usr/share/hive", "usr/lib/systemd/system/hive.service", "usr/lib/systemd/system/hive-guests.service", "etc/systemd/system/multi-user.target.wants/hive.service"} {
		if w.has(name) {
			t.Errorf("purge left %s", name)
		}
	}
	if out, err := w.try("id", "hive-qemu"); err == nil {
		t.Errorf("purge left the account: %s", out)
	}
	if left := w.processes(); len(left) > 0 {
		t.Errorf("purge left processes: %v", left)
	}
}

// goesDown: the machine goes down and comes up again. The guest is shut down in order before the agent is, and runs again.
func (w *world) goesDown(id string) {
	w.t.Helper()
	w.run("systemctl", "is-active", "hive-guests.service")
	w.eventually("the guest is up", func() error { // one that boots does not hear the power button
		if tail := w.serial(id); !up(tail) {
			return errors.New(tail[max(0, len(tail)-200):])
		}
		return nil
	})
	// Both in one transaction, as a shutdown does it: their order is systemd's to find.
	w.write("run/systemd/system/down.target", "[Unit]\nDescription=Stands for the machine\n", 0o644)
	for _, name := range []string{"hive.service", "hive-guests.service"} {
		w.run("mkdir", "-p", "/run/systemd/system/"+name+".d")
		w.write("run/systemd/system/"+name+".d/down.conf", "[Unit]\nPartOf=down.target\n", 0o644)
	}
	w.run("systemctl", "daemon-reload")
	w.run("systemctl", "start", "down.target")
	w.run("systemctl", "stop", "down.target")
	w.eventually("the units are stopped", func() error { // the target's own end does not wait for them
		if out, err := w.try("systemctl", "is-active", "hive.service", "hive-guests.service"); err == nil || strings.Contains(out, "ing") {
			return errors.New(out)
		}
		return nil
	})
	if left := w.processes(); len(left) > 0 {
		said, _ := w.try("journalctl", "--no-pager", "-n", "30", "-u", "hive-guests.service", "-u", "hive.service")
		w.t.Errorf("what a machine that goes down would have killed: %v\n%s", left, said)
	}
	if tail := w.serial(id); up(tail) {
		w.t.Errorf("the guest was not shut down in order, its serial line ends: %q", tail[max(0, len(tail)-200):])
	}
	w.run("systemctl", "start", "hive.service")
	w.ready()
	w.run("systemctl", "is-active", "hive-guests.service")
	w.runs(id)
}

// up tells by a micro guest's serial line whether it is up and was not told to end since.
func up(serial string) bool {
	return strings.LastIndex(serial, "HIVE-READY") > strings.LastIndex(serial, "HIVE-STOPPING")
}

// runs waits until the guest runs, and nothing else does.
func (w *world) runs(id string) {
	w.t.Helper()
	w.eventually("the guest runs again", func() error {
		all, p := item[[]instance](w, "instance", "list"), w.processes()
		if len(all) != 1 || all[0] != (instance{id, "running"}) || len(p["qemu"]) != 1 {
			return fmt.Errorf("%+v, %v", all, p)
		}
		return nil
	})
}

// refuses: while guests run and no agent could shut them down, the package stays, and everything with it.
func (w *world) refuses(id string) {
	w.t.Helper()
	w.run("systemctl", "stop", "hive.service")
	before := w.processes()
	if len(before["agent"]) != 0 || len(before["qemu"]) != 1 {
		w.t.Fatalf("after a stop: %v", before)
	}
	out, err := w.try("dpkg", "--remove", "hive")
	if err == nil || !strings.Contains(out, "nothing was removed. Next: systemctl start hive") {
		w.t.Errorf("a removal under a running guest: %v\n%s", err, out)
	}
	if diff := gocmp.Diff(before, w.processes()); diff != "" || !w.has("usr/bin/hive") {
		w.t.Errorf("a refused removal changed something:\n%s", diff)
	}
	if status := w.run("dpkg-query", "-W", "-f", "${Status}", "hive"); status != "install ok installed" && status != "deinstall ok installed" {
		w.t.Errorf("after a refused removal the package is %q", status)
	}
	w.run("systemctl", "start", "hive.service")
	w.ready()
	w.goesOn(id)
}

// removes: the guest is shut down in order, nothing runs any more, and the data stays.
func (w *world) removes(id string) {
	w.t.Helper()
	w.forget()
	out := w.run("dpkg", "--remove", "hive")
	if !strings.Contains(out, id) {
		w.t.Errorf("the removal does not say what it shuts down:\n%s", out)
	}
	w.called("disable --now hive.service", "stop hive-guests.service", "daemon-reload")
	if left := w.processes(); len(left) > 0 {
		w.t.Errorf("the removal left processes: %v", left)
	}
	if w.has("usr/bin/hive") || w.has("etc/systemd/system/multi-user.target.wants/hive.service") || !w.has("var/lib/hive/node.json") || !w.has("etc/hive/hive.hcl") {
		w.t.Error("a removal takes the program and leaves data and configuration")
	}
	if tail := w.serial(id); !strings.Contains(tail, "Power down") && !strings.Contains(tail, "reboot:") {
		w.t.Errorf("the guest was not shut down in order, its serial line ends: %q", tail[max(0, len(tail)-200):])
	}
}

// returns: the same node, installed again, is what it was and runs its guest again; without guests the package is removed
// also while the agent is stopped.
func (w *world) returns(id string, aws func(...string) string) {
	w.t.Helper()
	if out := w.run("dpkg", "--install", "/tmp/second.deb"); !strings.Contains(out, "systemctl enable --now hive starts it") {
		w.t.Errorf("a node that is installed again is not told so:\n%s", out)
	}
	w.run("systemctl", "enable", "--now", "hive.service")
	w.ready()
	w.runs(id)
	if w.systemd {
		w.goesDown(id)
	}
	aws("ec2", "terminate-instances", "--instance-ids", id)
	w.eventually("only agent and block daemon run", func() error {
		if p := w.processes(); len(p["agent"]) != 1 || len(p["blockd"]) != 1 || len(p) != 2 {
			return fmt.Errorf("%v", p)
		}
		return nil
	})
	w.run("systemctl", "stop", "hive.service")
	ended := w.container("hive", "blockd", "--dir", "/tmp/other", "--socket", "/tmp/other.sock", "--reserve", "0")
	w.run("dpkg", "--remove", "hive")
	w.eventually("nothing runs after the removal", func() error {
		if left := w.processes(); len(left) > 0 {
			return fmt.Errorf("%v", left)
		}
		return nil
	})
	select {
	case err := <-ended:
		w.t.Errorf("the removal ended a process of a container: %v", err)
	default:
	}
}

// container runs a program of the world in a process namespace of its own, as a container does, and tells when it ends.
func (w *world) container(args ...string) (ended <-chan error) {
	w.t.Helper()
	w.run("mkdir", "-p", "/tmp/other")
	cmd := w.command("unshare", append([]string{"--pid", "--fork", "--kill-child"}, args...)...)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	w.t.Cleanup(func() { _ = cmd.Process.Kill() })
	w.eventually("a container runs", func() error {
		_, err := os.Stat(w.path("tmp/other.sock"))
		return err
	})
	return done
}

// ready waits for the agent.
func (w *world) ready() {
	w.t.Helper()
	w.eventually("node ready", func() error {
		out, err := w.try("hive", "admin", "status", "--timeout", "5s")
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// record is where a systemd that is none writes what it was asked.
const record = "run/systemctl.calls"

// forget begins a new record.
func (w *world) forget() {
	w.t.Helper()
	if err := os.Truncate(w.path(record), 0); err != nil && !w.systemd {
		w.t.Fatal(err)
	}
}

// called fails unless systemd was asked this, in this order; the real one is not asked what it was asked.
func (w *world) called(want ...string) {
	w.t.Helper()
	if w.systemd {
		return
	}
	b, err := os.ReadFile(w.path(record))
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := gocmp.Diff(want, strings.Split(strings.TrimSpace(string(b)), "\n")); diff != "" {
		w.t.Errorf("systemd was asked (-want +got):\n%s", diff)
	}
}

// guest runs an instance until it ticks.
func (w *world) guest(aws func(...string) string) string {
	w.t.Helper()
	raw := filepath.Join(cmp.Or(os.Getenv("HIVE_CACHE"), filepath.Join(os.TempDir(), "hive-cache")), "hive-micro.raw")
	if _, err := os.Stat(raw); err != nil { // this machine's temporary files are not the world's
		run(w.t, cmp.Or(os.Getenv("HIVE_BIN"), "../../bin/hive"), "image", "build-micro", "--cache", filepath.Dir(raw), raw)
	}
	w.copyIn(raw, "tmp/micro.raw", 0o644)
	image := item[struct{ ID string }](w, "image", "import", "/tmp/micro.raw", "--name", "micro", "--boot-mode", "legacy-bios")
	id := strings.TrimSpace(aws("ec2", "run-instances", "--image-id", image.ID, "--instance-type", "t3.nano", "--user-data", ticking, "--query", "Instances[].InstanceId"))
	w.goesOn(id)
	return id
}

func (w *world) serial(id string) string {
	b, _ := os.ReadFile(w.path("var/lib/hive/guests/" + id + "/vm/console.log")) // none before it runs
	return string(b)
}

// goesOn waits until the guest has written more.
func (w *world) goesOn(id string) {
	w.t.Helper()
	before := strings.Count(w.serial(id), "tick ")
	w.eventually("guest "+id+" ticks", func() error {
		if now := strings.Count(w.serial(id), "tick "); now < before+2 {
			return fmt.Errorf("%d ticks, %d before", now, before)
		}
		return nil
	})
}
