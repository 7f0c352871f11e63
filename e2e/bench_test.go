// SPDX-License-Identifier: Apache-2.0

//go:build bench

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/hivecloud/hive/compute/cloudinit"
)

// median sorts v.
func median(v []time.Duration) time.Duration {
	slices.Sort(v)
	return v[len(v)/2]
}

// answers polls a guest's SSH server until a command runs in it. An attempt is given up when the server has not named
// itself within half a second: QEMU accepts in the guest's place and repeats a lost SYN only after 6 and 18 seconds, and
// the boot is what is measured.
func (r *region) answers(t *testing.T, at string) {
	t.Helper()
	until := time.Now().Add(patience)
	for {
		err := r.greets(at)
		if err == nil {
			if _, err = r.try(at, "true"); err == nil {
				return
			}
		}
		if time.Now().After(until) {
			t.Fatalf("no SSH at %s: %v", at, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// greets tells whether an SSH server names itself.
func (r *region) greets(at string) error {
	c, err := net.DialTimeout("tcp", at, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 4))
	return err
}

// TestBenchBootToSSH takes turns: an instance launched through the API, and the same image under plain QEMU with the
// same processors and memory, each until a command ran over SSH. Copying the image is not counted for QEMU, and counted
// for Hive. The goal is at most 1.15 times plain QEMU.
func TestBenchBootToSSH(t *testing.T) {
	r := shared
	var ours, theirs, ratios []time.Duration
	for n := range 11 {
		plain := r.bootPlain(t, n)
		start := time.Now()
		out := r.ok(t, "RunInstances", params{"ImageId": r.image, "InstanceType": "t3.nano", "KeyName": "e2e", "MinCount": 1, "MaxCount": 1})
		id := dig(out, "Instances", 0, "InstanceId").(string)
		r.answers(t, r.address(t, id))
		took := time.Since(start)
		r.ok(t, "TerminateInstances", params{"InstanceIds": list{id}})
		r.reach(t, id, "terminated")
		ours, theirs = append(ours, took), append(theirs, plain)
		ratios = append(ratios, time.Duration(float64(took)/float64(plain)*1000))
	}
	fmt.Printf("boot to SSH: Hive %.2f s, plain QEMU %.2f s, x%.2f of plain QEMU (medians of %d)\n",
		median(ours).Seconds(), median(theirs).Seconds(), float64(median(ratios))/1000, len(ours))
}

// bootPlain boots the image without Hive and returns how long it took until SSH.
func (r *region) bootPlain(t *testing.T, n int) time.Duration {
	t.Helper()
	dir := t.TempDir()
	disk, seed := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "seed.iso")
	if out, err := exec.CommandContext(t.Context(), "cp", "--sparse=always", microImage(), disk).CombinedOutput(); err != nil {
		t.Fatalf("copy image: %v\n%s", err, out)
	}
	if err := os.Truncate(disk, 1<<30); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(r.signer.PublicKey())))
	iso, err := cloudinit.Image(cloudinit.Seed{InstanceID: fmt.Sprintf("i-%017x", n+1), Hostname: "plain", PublicKeys: []string{key}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(seed, iso, 0o600); err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", "-nodefaults", "-display", "none", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
		"-smp", "2", "-m", "512M", "-drive", "file="+disk+",if=virtio,format=raw", "-drive", "file="+seed+",if=virtio,format=raw,readonly=on",
		"-netdev", fmt.Sprintf("user,id=n,hostfwd=tcp:127.0.0.1:%d-:22", port), "-device", "virtio-net-pci,netdev=n,romfile=", "-device", "virtio-rng-pci",
		"-serial", "file:"+filepath.Join(dir, "serial"))
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.answers(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)).String())
	took := time.Since(start)
	cancel()
	_ = cmd.Wait()
	return took
}

// TestBenchRunInstances is how long the API takes to answer a launch; the goal is below 200 ms.
func TestBenchRunInstances(t *testing.T) {
	s, err := newSigned(shared.node)
	if err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	for range 21 {
		start := time.Now()
		made, err := s.run(t.Context(), url.Values{"ImageId": {shared.image}, "InstanceType": {"t3.nano"}, "MinCount": {"1"}, "MaxCount": {"1"}})
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(start))
		if _, err := s.send(t.Context(), "TerminateInstances", url.Values{"InstanceId.1": {made.Instances[0]}}); err != nil {
			t.Fatal(err)
		}
		shared.reach(t, made.Instances[0], "terminated")
	}
	fmt.Printf("RunInstances answers after %v (median of %d), %v at most\n", median(took).Round(100*time.Microsecond), len(took), took[len(took)-1].Round(100*time.Microsecond))
}

// TestBenchSignedRequests is how many signed calls a second one node answers over TLS; client and node share the machine.
// The same connections asked for the health page, which is neither signed nor a call, are the peer.
func TestBenchSignedRequests(t *testing.T) {
	s, err := newSigned(shared.node)
	if err != nil {
		t.Fatal(err)
	}
	signed := func() error {
		_, err := s.send(t.Context(), "DescribeRegions", nil)
		return err
	}
	plain := func() error {
		resp, err := s.http.Get(s.endpoint + "/_hive/health/live")
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	var rates, peers []float64
	for range 11 {
		peers = append(peers, rateOf(t, plain))
		rates = append(rates, rateOf(t, signed))
	}
	slices.Sort(rates)
	slices.Sort(peers)
	fmt.Printf("signed DescribeRegions over TLS, 16 clients: %.0f a second; unsigned health page: %.0f a second (medians of %d)\n", rates[len(rates)/2], peers[len(peers)/2], len(rates))
}

// rateOf calls f from 16 goroutines for a second.
func rateOf(t *testing.T, f func() error) float64 {
	t.Helper()
	var done atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range 16 {
		wg.Go(func() {
			for time.Since(start) < time.Second {
				if err := f(); err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}
