// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hivecloud/hive/internal/e2e/lab"
)

// leaderLeaves: the leader of four nodes leaves for good. Another takes its vote before it goes; it is refused afterwards,
// and uninstall leaves nothing.
func (c *cluster) leaderLeaves() {
	c.Peers(3, 1, c.Nodes...)
	leader, others := c.Leader(c.Nodes[0])
	if _, err := c.Try(leader, "admin", "leave"); err == nil || !strings.Contains(err.Error(), "it is 1 of 3 voters") || !strings.Contains(err.Error(), "--yes") {
		c.T.Errorf("without --yes it says what would happen: %v", err)
	}
	c.hive(leader, "admin", "leave", "--yes", "--force") // its images have no other copy
	c.Nodes = others
	c.Peers(3, 0, others...)
	c.OK(others[0], "CreateKeyPair", lab.KeyName("without-"+leader.Name))
	c.Eventually("the agent of "+leader.Name+" ended", func() error {
		if !leader.Ended() {
			return fmt.Errorf("it runs")
		}
		return nil
	})
	if _, err := c.Try(leader, "agent"); err == nil || !strings.Contains(err.Error(), "this node left its region") {
		c.T.Errorf("its agent, started again: %v", err)
	}
	if err := os.Remove(leader.Dir + "/left"); err != nil { // somebody insists
		c.T.Fatal(err)
	}
	c.Launch(leader)
	c.Eventually("its agent, started by force, ends", func() error {
		if !leader.Ended() {
			return fmt.Errorf("it runs")
		}
		return nil
	})
	if tail := leader.Tail(2000); !strings.Contains(tail, "the node was removed from the region") {
		c.T.Errorf("its agent, started by force: %s", tail)
	}
	c.hive(leader, "admin", "uninstall", "--yes")
	left, err := os.ReadDir(leader.Dir)
	for _, e := range left {
		if !slices.Contains([]string{"test.hcl", "agent.log", "nothing.raw", "saved.snap"}, e.Name()) { // the test's own
			c.T.Errorf("uninstall left %s", e.Name())
		}
	}
	if err != nil {
		c.T.Error(err)
	}
	c.Same(others...)
}
