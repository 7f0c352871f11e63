// SPDX-License-Identifier: Apache-2.0

package vip_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/arp"
	"github.com/vishvananda/netlink"

	"github.com/hivecloud/hive/internal/vip"
)

// inside is set in the copy of the test that runs in a network namespace of its own.
const inside = "HIVE_TEST_IN_NETNS"

// inNamespace runs the calling test again in a new network namespace, and says whether this is that run.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "5m")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) && os.Getenv("CI") == "" {
		t.Skip("making a network namespace takes root")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// pair makes two linked interfaces, one for the address and one that listens.
func pair(t *testing.T) (peer *net.Interface) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "here"}, PeerName: "there"}))
	for name, own := range map[string]string{"here": "192.0.2.1/24", "there": "198.51.100.1/24"} {
		link, err := netlink.LinkByName(name)
		must(err)
		a, err := netlink.ParseAddr(own)
		must(err)
		must(netlink.AddrAdd(link, a))
		must(netlink.LinkSetUp(link))
	}
	peer, err := net.InterfaceByName("there")
	must(err)
	return peer
}

// TestInterface_KernelForgetsWhatIsNotRenewed is what a killed or stopped leader leaves: nothing.
func TestInterface_KernelForgetsWhatIsNotRenewed(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	pair(t)
	name, err := vip.Find(address)
	if err != nil || name != "here" {
		t.Fatalf("interface of %s: %q, %v", address, name, err)
	}
	link := vip.Interface(name)
	for range 2 { // the second renews
		if err := link.Hold(address, 2*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if !present(t) {
		t.Fatal("the address is not there")
	}
	for end := time.Now().Add(time.Minute); present(t); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the kernel keeps an address that nobody renews")
		}
	}
	if err := link.Drop(address); err != nil {
		t.Errorf("drop of what is not there: %v", err)
	}
	if err := link.Hold(address, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := link.Drop(address); err != nil || present(t) {
		t.Errorf("after the drop: present %v, error %v", present(t), err)
	}
	if _, err := vip.Find(netip.MustParseAddr("203.0.113.1")); err == nil || !strings.Contains(err.Error(), "203.0.113.1") {
		t.Errorf("an address of no network: %v", err)
	}
}

func present(t *testing.T) bool {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if strings.HasPrefix(a.String(), address.String()+"/") {
			return true
		}
	}
	return false
}

func TestInterface_AnnouncementReachesTheNeighbours(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	peer := pair(t)
	c, err := arp.Dial(peer)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	here, err := net.InterfaceByName("here")
	if err != nil {
		t.Fatal(err)
	}
	if err := vip.Interface("here").Announce(address); err != nil {
		t.Fatal(err)
	}
	seen := map[arp.Operation]bool{}
	for !seen[arp.OperationRequest] || !seen[arp.OperationReply] {
		p, _, err := c.Read()
		if err != nil {
			t.Fatalf("waiting for announcements, seen %v: %v", seen, err)
		}
		if p.SenderIP == address && p.TargetIP == address && p.SenderHardwareAddr.String() == here.HardwareAddr.String() {
			seen[p.Operation] = true
		}
	}
}
