// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
)

// Member is a line of hive members.
type Member struct{ Node, Gossip, Raft string }

// Instance is a line of hive instance list.
type Instance struct {
	ID, Node, State, Reason string
	PublicIP                string
	QEMUPID                 int
}

// Found makes the region on its first node.
func (c *Cluster) Found(n *Node) {
	c.T.Helper()
	made := Run[struct{ AccessKeyID, SecretAccessKey, CABundle, JoinToken string }](c, n,
		"admin", "init", "--region", Region, "--az", Region+"a", "--node", n.Name, "--nodes", "3", "--cap", "ec2,ebs,s3,vpc,api,raft", "-q")
	c.Keys.AccessKeyID, c.Keys.SecretAccessKey, c.Token = made.AccessKeyID, made.SecretAccessKey, made.JoinToken
	if c.Token == "" {
		c.T.Fatal("init of a region of three printed no join token")
	}
	c.Start(n)
	c.Trust(made.CABundle)
}

// Grow lets nodes join at once and starts them.
func (c *Cluster) Grow(nodes ...*Node) {
	c.T.Helper()
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() {
			if _, err := c.Try(n, "admin", "join", c.Token, "--node", n.Name); err != nil {
				c.T.Error(err)
				return
			}
			c.Launch(n)
		})
	}
	wg.Wait()
	if c.T.Failed() {
		c.T.FailNow()
	}
}

// Three makes a region of three nodes.
func (c *Cluster) Three() {
	c.T.Helper()
	for _, name := range []string{"node1", "node2", "node3"} {
		c.Lay(name)
	}
	c.Found(c.Nodes[0])
	c.Grow(c.Nodes[1:]...)
	c.Peers(3, 0, c.Nodes...)
}

// Peers waits until the log has as many voters and learners, as every given node sees it.
func (c *Cluster) Peers(voters, learners int, on ...*Node) {
	c.T.Helper()
	for _, n := range on {
		c.Eventually(fmt.Sprintf("%d voters and %d learners as %s sees it", voters, learners, n.Name), func() error {
			count := map[string]int{}
			members, err := Read[[]Member](c, n, "members", "--timeout", "5s")
			if err != nil {
				return err
			}
			for _, m := range members {
				count[m.Raft]++
			}
			if count["voter"]+count["leader"] != voters || count["learner"] != learners || count["leader"] != 1 {
				return fmt.Errorf("%+v", members)
			}
			return nil
		})
	}
}

// Leader is the node that leads as one of them sees it, and the others.
func (c *Cluster) Leader(ask *Node) (leader *Node, others []*Node) {
	c.T.Helper()
	c.Eventually("a leader", func() error {
		leader, others = nil, nil
		members, err := Read[[]Member](c, ask, "members", "--timeout", "5s")
		if err != nil {
			return err
		}
		for _, n := range c.Nodes {
			if slices.ContainsFunc(members, func(m Member) bool { return m.Node == n.Name && m.Raft == "leader" }) {
				leader = n
				continue
			}
			others = append(others, n)
		}
		if leader == nil {
			return fmt.Errorf("%+v", members)
		}
		return nil
	})
	return leader, others
}

// KeyName is the form of CreateKeyPair.
func KeyName(name string) url.Values { return url.Values{"KeyName": {name}, "KeyType": {"ed25519"}} }

// KeyPairs are the names that a node knows.
func (c *Cluster) KeyPairs(n *Node) map[string]bool {
	c.T.Helper()
	var out struct {
		Names []string `xml:"keySet>item>keyName"`
	}
	if err := xml.Unmarshal(c.OK(n, "DescribeKeyPairs", nil), &out); err != nil {
		c.T.Fatal(err)
	}
	known := map[string]bool{}
	for _, name := range out.Names {
		known[name] = true
	}
	return known
}

// Same waits until all nodes have the same state: one hash at one index. Nothing may be written meanwhile for long.
func (c *Cluster) Same(nodes ...*Node) {
	c.T.Helper()
	type status struct {
		StateHash      string
		StateHashIndex uint64
	}
	c.Eventually("one state on all nodes", func() error {
		seen := map[uint64]status{}
		var all []status
		for _, n := range nodes {
			s, err := Read[status](c, n, "raft", "status", "--timeout", "5s")
			if err != nil {
				return err
			}
			if s.StateHash == "" {
				return errors.New(n.Name + " tells no hash")
			}
			if other, ok := seen[s.StateHashIndex]; ok && other.StateHash != s.StateHash {
				c.T.Fatalf("the state of %s at %d has another hash than that of another node: %s, %s", n.Name, s.StateHashIndex, s.StateHash, other.StateHash)
			}
			seen[s.StateHashIndex] = s
			all = append(all, s)
		}
		if len(seen) != 1 {
			return fmt.Errorf("%+v", all)
		}
		return nil
	})
}
