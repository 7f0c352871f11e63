package guard

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hivecloud/hive/compute/cloudinit"
	"github.com/hivecloud/hive/compute/qemu"
)

func TestHand(t *testing.T) {
	w := newWorld(t, withNet(Port{PublicIP: freeOn(t, "127.77.2.1").PublicIP, Port: 22, GuestPort: 22}))
	os.Remove(filepath.Join(w.dir, imageOf))
	w.must(exec.Command("cp", "/tmp/guardeng/micro.raw", filepath.Join(w.dir, imageOf)).Run())
	w.must(exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", w.dir+"/key").Run())
	pub, _ := os.ReadFile(w.dir + "/key.pub")
	img, err := cloudinit.Image(cloudinit.Seed{InstanceID: w.spec.Guest.InstanceID, Hostname: "ip-172-31-0-10", PublicKeys: []string{strings.TrimSpace(string(pub))}, UserData: []byte("#!/bin/sh\necho user-data ran >/dev/console\n")})
	w.must(err)
	w.must(os.WriteFile(w.dir+"/seed.iso", img, 0o600))
	w.spec.Guest.SeedPath = w.dir + "/seed.iso"
	w.spec.Guest.MemoryMiB = 128
	w.spec.Guest.TranslationMiB = 0
	w.must(WriteSpec(w.dir, w.spec))
	start := time.Now()
	w.run()
	s := w.untilPhase(PhaseRunning)
	t.Log("running after", time.Since(start))
	w.console(0, "HIVE-READY")
	t.Log("ready after", time.Since(start))
	s = w.until("port", func(s Status) bool { return s.Ports[0].Bound != 0 })
	t.Logf("ports %+v", s.Ports)
	ssh := func(cmd string) string {
		out, err := exec.Command("ssh", "-i", w.dir+"/key", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=60", "ec2-user@127.77.2.1", cmd).CombinedOutput()
		if err != nil {
			t.Log(err)
		}
		return string(out)
	}
	t.Log(ssh("hostname; id; ip -4 addr show eth0; cat /etc/resolv.conf; ls -la /sys/block /sys/block/vd*/serial; cat /sys/block/vd*/serial; cat /sys/class/dmi/id/board_asset_tag"))
	t.Log("ssh after", time.Since(start))
	// kill the block daemon while writing
	wr := exec.Command("ssh", "-i", w.dir+"/key", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "root@127.77.2.1", "p=0; for i in $(seq 150); do dd if=/dev/zero of=/root/x bs=64k count=4 conv=fsync 2>/dev/null && u=$(cut -d" " -f1 /proc/uptime); echo $u; done; dmesg | grep -i error")
	var sb strings.Builder
	wr.Stdout = &sb
	wr.Start()
	time.Sleep(1500 * time.Millisecond)
	kt := time.Now()
	syscall.Kill(nbdProcesses(w.dir)[0], syscall.SIGKILL)
	w.until("served again", func(s Status) bool { return s.Disks[0].Served && s.Disks[0].Lost == 1 })
	t.Log("served again after", time.Since(kt))
	wr.Wait()
	t.Log(sb.String())
	for i := 0; i < 30; i++ {
		st, err := w.client.Stats(t.Context())
		w.must(err)
		if st.Memory != nil || i == 29 {
			t.Logf("%+v mem %+v", st, st.Memory)
			break
		}
		time.Sleep(time.Second)
	}
	st := time.Now()
	w.must(w.client.SetLimits(t.Context(), volumeID, qemu.Limits{IOPS: 50}))
	w.must(w.client.Powerdown(t.Context(), 0))
	s = w.untilPhase(PhaseExited)
	t.Log("powerdown took", time.Since(st), s.Exit)
	w.close()
}
