// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package netns

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivecloud/hive/internal/beacon"
	"github.com/hivecloud/hive/internal/e2e/lab"
	"github.com/hivecloud/hive/internal/join"
)

// TestSearch: nodes join without --host by tokens whose addresses are empty or wrong, because a member answers their
// multicast; where nobody can hear it, the error says what was tried.
func TestSearch(t *testing.T) {
	c := lab.New(t, lab.NewNet(t))
	first := c.Lay("node1")
	c.Found(first)
	for i, addresses := range [][]string{nil, {"10.77.0.99:8443"}} { // nobody is at .99
		n := c.Lay(fmt.Sprint("node", i+2))
		said := search(c, n, addresses)
		if strings.Count(said, "Found 10.77.0.1:8443 on eth0.\n") != 1 {
			t.Errorf("%s was not told once whom it found:\n%s", n.Name, said)
		}
		if i == 1 {
			deafen(t, n)
		}
		c.Start(n)
	}
	c.Peers(3, 0, c.Nodes...)

	lonely := c.Lay("node4")
	c.Net.Around(lonely.Name, lab.Quality{Cut: true})
	said := search(c, lonely, []string{"10.77.0.99:8443"})
	for _, part := range []string{"10.77.0.99:8443", "answered on lo, eth0 (multicast to 239.255.72.86 and ff12::8000:4856, UDP port 8445)", "--host"} {
		if !strings.Contains(said, part) {
			t.Errorf("the error of a node that is alone does not say %q:\n%s", part, said)
		}
	}
	if _, err := os.Stat(filepath.Join(lonely.Dir, "node.json")); err == nil {
		t.Error("a join that found nobody made a node")
	}
	c.Net.Heal()
	c.Nodes = c.Nodes[:3]
	for n, verdict := range map[*lab.Node]string{first: "joiners are answered on eth0", c.Nodes[2]: "joiners cannot find this node by multicast"} {
		if out, err := c.Try(n, "doctor", "-o", "json"); !bytes.Contains(out, []byte(verdict)) { // it fails for other reasons: no systemd here
			t.Errorf("doctor of %s does not say %q: %v\n%s", n.Name, verdict, err, out)
		}
	}
	if log := c.Nodes[2].Tail(1 << 20); !strings.Contains(log, "joiners cannot find this node by multicast") || !strings.Contains(log, "address already in use") {
		t.Errorf("the agent of a node whose port is taken did not say so:\n%s", log)
	}
}

// deafen takes the port of searches away: a node goes on without it.
func deafen(t *testing.T, n *lab.Node) {
	t.Helper()
	err := n.Space.Do(func() error {
		for _, network := range []string{"udp4", "udp6"} {
			c, err := net.ListenUDP(network, &net.UDPAddr{Port: beacon.Port})
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = c.Close() })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// search joins by the cluster's token with other addresses in it, and returns what the command tells people.
func search(c *lab.Cluster, n *lab.Node, addresses []string) string {
	c.T.Helper()
	token, err := join.ParseToken(c.Token)
	if err != nil {
		c.T.Fatal(err)
	}
	token.Addresses = addresses
	text, err := token.Encode()
	if err != nil {
		c.T.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(c.Hive, "admin", "join", text, "--node", n.Name, "--data-dir", n.Dir, "--config", filepath.Join(n.Dir, "test.hcl"))
	cmd.Stderr = &said
	err = n.Space.Do(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	c.T.Logf("join of %s by a token with the addresses %v: %v\n%s", n.Name, addresses, err, &said)
	return said.String()
}
