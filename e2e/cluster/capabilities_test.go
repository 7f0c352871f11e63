// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/hivecloud/hive/internal/e2e/lab"
)

// capabilities decide what runs on a node, while it runs: without api nobody listens, without disks there is no block daemon,
// without ec2 no instance comes. They outlive a restart, although the configuration says otherwise.
func (c *cluster) capabilities() {
	n, ask := c.Nodes[2], c.Nodes[0]
	address := strings.TrimPrefix(n.Endpoint, "https://")
	quiet := func(when string) {
		c.T.Helper()
		c.Eventually("nothing but the log on "+n.Name+" "+when, func() error {
			if conn, err := net.Dial("tcp", address); err == nil {
				return errors.Join(errors.New("its API still listens"), conn.Close())
			}
			if _, err := os.Stat(filepath.Join(n.Dir, "run", "blockd.pid")); err == nil {
				return errors.New("its block daemon still runs")
			}
			return nil
		})
	}
	c.hive(ask, "node", "set-capabilities", n.Name, "raft")
	quiet("after the change")
	n.Kill()
	c.Start(n)
	quiet("after a restart")
	if tail := n.Tail(20000); strings.Contains(tail, "cannot read free space") {
		c.T.Errorf("%s complains about what it is not to have: %s", n.Name, tail)
	}
	if got := string(c.OK(ask, "DescribeRegions", url.Values{})); strings.Contains(got, address) {
		c.T.Errorf("clients are still sent to %s: %s", n.Name, got)
	}
	c.hive(ask, "node", "set-capabilities", n.Name, "raft,api,ec2,ebs")
	c.Eventually("the API of "+n.Name+" again", func() error {
		got, err := c.Call(c.T.Context(), n.Endpoint, "DescribeRegions", nil)
		if err == nil && got.Status != 200 {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return err
	})
	c.OK(ask, "CreateKeyPair", lab.KeyName("after-capabilities"))
	if !c.KeyPairs(n)["after-capabilities"] {
		c.T.Errorf("%s does not know what was written", n.Name)
	}
}
