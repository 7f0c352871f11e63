// SPDX-License-Identifier: Apache-2.0

package testcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/raftnode"
)

// Config says what the members of a Cluster are.
type Config struct {
	Nodes int    // voters from the start
	Seed  uint64 // of the network's delays
	// StateMachine makes the state machine of a member, anew at each start.
	StateMachine func(id string) raftnode.StateMachine
	// Configure may change a member's configuration before it is made; nil changes nothing.
	Configure func(id string, c *raftnode.Config)
	Logger    hclog.Logger
}

// Cluster is a group on a Network.
type Cluster struct {
	Net *Network

	t   testing.TB
	cfg Config

	mu      sync.Mutex
	members map[string]*Member
}

// Member is one running member.
type Member struct {
	ID     string
	Node   *raftnode.Node
	SM     raftnode.StateMachine
	Disk   *Disk
	Server *rpc.Server // more methods may be registered
	Client *rpc.Client

	stop func()
}

// Group is the name of the group that a Cluster keeps.
const Group = "test"

// ID is the id of the i-th member, counted from 0.
func ID(i int) string { return fmt.Sprintf("n%d", i) }

// New returns a running cluster of cfg.Nodes voters, made as operators make one: the first is bootstrapped, the others
// are added. Close must be called before the test (or its bubble) ends.
func New(t testing.TB, cfg Config) *Cluster {
	t.Helper()
	c := &Cluster{Net: NewNetwork(cfg.Seed), t: t, cfg: cfg, members: map[string]*Member{}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i := range cfg.Nodes {
		m := c.Start(ID(i), NewDisk())
		var err error
		if i == 0 {
			err = m.Node.Bootstrap(ctx)
		} else {
			err = c.Member(ID(0)).Node.AddVoter(ctx, m.ID)
		}
		if err != nil {
			t.Fatalf("make member %s: %v", m.ID, err)
		}
	}
	return c
}

// Start starts a member on a disk. A member that is new to the group has to be added.
func (c *Cluster) Start(id string, disk *Disk) *Member {
	c.t.Helper()
	endpoint := c.Net.Endpoint(id)
	server, client := rpc.NewServer(c.cfg.Logger), rpc.NewClient(endpoint)
	host, err := raftnode.NewHost(raftnode.HostConfig{Network: endpoint, Server: server, Client: client, Logger: c.cfg.Logger})
	if err != nil {
		c.t.Fatal(err)
	}
	m := &Member{ID: id, SM: c.cfg.StateMachine(id), Disk: disk, Server: server, Client: client}
	nc := raftnode.Config{
		Host: host, Group: Group, StateMachine: m.SM, Logger: c.cfg.Logger,
		Storage: func() (*raftnode.Storage, error) { return disk.Storage(), nil },
	}
	if c.cfg.Configure != nil {
		c.cfg.Configure(id, &nc)
	}
	if m.Node, err = raftnode.New(nc); err != nil {
		c.t.Fatal(err)
	}
	calls, err := endpoint.Listen(rpc.ProtoRPC)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.run(host.Run(ctx)) })
	wg.Go(func() { c.run(server.Serve(ctx, calls)) })
	if err := m.Node.Open(ctx); err != nil {
		c.t.Fatal(err)
	}
	m.stop = func() {
		// The network goes first, as in a crash: a node that is closed in good order would warn the others.
		endpoint.Close()
		disk.Resume()
		c.run(m.Node.Close())
		cancel()
		client.Close()
		wg.Wait()
	}
	c.mu.Lock()
	c.members[id] = m
	c.mu.Unlock()
	return m
}

// run reports how a part of a member ended; that the network went away under it is what Stop does.
func (c *Cluster) run(err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) {
		c.t.Logf("testcluster: %v", err)
	}
}

// Stop ends a member. Its disk stays.
func (c *Cluster) Stop(id string) *Disk {
	c.mu.Lock()
	m := c.members[id]
	delete(c.members, id)
	c.mu.Unlock()
	if m == nil {
		return nil
	}
	m.stop()
	return m.Disk
}

// Close ends all members.
func (c *Cluster) Close() {
	c.Net.HealAll()
	for _, m := range c.Members() {
		c.Stop(m.ID)
	}
}

// Member is a running member, nil when it does not run.
func (c *Cluster) Member(id string) *Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[id]
}

// Members are the running members in no particular order.
func (c *Cluster) Members() []*Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*Member, 0, len(c.members))
	for _, m := range c.members {
		all = append(all, m)
	}
	return all
}

// Leader waits for a member other than not that leads and serves. It polls, because the members come and go.
func (c *Cluster) Leader(not ...string) *Member {
	c.t.Helper()
	for range 6000 {
		for _, m := range c.Members() {
			if m.Node.IsLeader() && !slices.Contains(not, m.ID) {
				return m
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Fatal("no leader within a minute")
	return nil
}
