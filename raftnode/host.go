// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/internal/rpc"
)

// HostConfig says how the groups of a process reach other nodes.
type HostConfig struct {
	Network rpc.Network  // the raft streams; the Host takes the listener of rpc.ProtoRaft
	Server  *rpc.Server  // the Host registers its methods here; serving is the owner's business
	Client  *rpc.Client  // calls to leaders
	Logger  hclog.Logger // nil writes nothing
}

// Host carries the groups of one process: it sorts their streams and calls, which share one port.
type Host struct {
	cfg    HostConfig
	logger hclog.Logger

	mu    sync.Mutex
	nodes map[string]*Node // by group
}

// NewHost registers the methods of the groups with cfg.Server. Calls are answered once groups are opened.
func NewHost(cfg HostConfig) (*Host, error) {
	if cfg.Network == nil || cfg.Server == nil || cfg.Client == nil {
		return nil, errors.New("raft host: network, server and client are required")
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	h := &Host{cfg: cfg, logger: cfg.Logger.Named("raft"), nodes: map[string]*Node{}}
	h.register()
	return h, nil
}

// Run sorts incoming streams until ctx ends and waits for its goroutines. Groups may come and go meanwhile.
func (h *Host) Run(ctx context.Context) error {
	l, err := h.cfg.Network.Listen(rpc.ProtoRaft)
	if err != nil {
		return fmt.Errorf("listen for raft streams: %w", err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept raft stream: %w", err)
		}
		wg.Go(func() { h.sort(ctx, c) })
	}
}

// sort reads a stream's head and gives it to its group.
func (h *Host) sort(ctx context.Context, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	group, err := h.head(c)
	if !stop() || err != nil {
		h.logger.Debug("raft stream refused", "from", c.RemoteAddr(), "error", err)
		c.Close()
		return
	}
	n, err := h.node(group)
	if err != nil {
		h.logger.Debug("raft stream refused", "from", c.RemoteAddr(), "error", err)
		c.Close()
		return
	}
	n.layer.deliver(c)
}

func (h *Host) head(c net.Conn) (group string, err error) {
	if err := c.SetReadDeadline(time.Now().Add(headTimeout)); err != nil {
		return "", err
	}
	if group, err = readStreamHead(c); err != nil {
		return "", err
	}
	return group, c.SetReadDeadline(time.Time{})
}

// node is the open node of a group.
func (h *Host) node(group string) (*Node, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := h.nodes[group]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("group %q: %w", group, ErrUnknownGroup)
}

func (h *Host) add(n *Node) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nodes[n.cfg.Group] != nil {
		return fmt.Errorf("open group %q: it is open already", n.cfg.Group)
	}
	h.nodes[n.cfg.Group] = n
	return nil
}

func (h *Host) remove(n *Node) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nodes[n.cfg.Group] == n {
		delete(h.nodes, n.cfg.Group)
	}
}
