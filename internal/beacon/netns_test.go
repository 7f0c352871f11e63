// SPDX-License-Identifier: Apache-2.0

package beacon

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
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

// A link that nobody has given an address is enough: IPv6 gives itself one, and the joiner dials it by its own name of
// the link.
func TestSearch_OnALinkWithoutAddresses(t *testing.T) {
	t.Parallel()
	f, err := listen6(0)
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	closeAll([]*family{f})
	if !inNamespace(t) {
		return
	}
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "here"}, PeerName: "there"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"here", "there"} {
		link, err := netlink.LinkByName(name)
		if err == nil {
			err = netlink.LinkSetUp(link)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cluster := someCluster(t)
	r, err := New(Config{Cluster: cluster, Bind: netip.IPv6Unspecified(), Address: netip.MustParseAddrPort("192.0.2.7:8443")})
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	for tries := 0; ; tries++ { // an address is usable only after a moment
		got, err := Search(t.Context(), cluster)
		var near string
		for _, c := range got.Candidates() {
			if strings.HasPrefix(c, "[fe80::") {
				near = c
			}
		}
		if at, parsed := netip.ParseAddrPort(near); parsed == nil && (at.Addr().Zone() == "here" || at.Addr().Zone() == "there") && at.Port() == 8443 {
			return
		}
		if tries == 20 {
			t.Fatalf("found %+v, candidates %v: %v", got, got.Candidates(), err)
		}
	}
}
