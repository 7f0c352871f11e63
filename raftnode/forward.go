// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"

	"github.com/hivecloud/hive/internal/rpc"
)

// The methods that members call at their leader. The structs are wire format: fields are only ever added, with the
// region's format level.
const (
	methodPropose   = "raft.Propose"
	methodReadIndex = "raft.ReadIndex"
	methodChange    = "raft.Change"
)

type proposeRequest struct {
	Group string `codec:"group"`
	Data  []byte `codec:"data"`
}

type proposeResponse struct {
	Result []byte `codec:"result"`
	Index  uint64 `codec:"index"`
}

type readIndexRequest struct {
	Group string `codec:"group"`
}

type readIndexResponse struct {
	Index uint64 `codec:"index"`
}

type changeRequest struct {
	Group string `codec:"group"`
	Op    string `codec:"op"`
	Node  string `codec:"node"`
}

type changeResponse struct {
	Index uint64 `codec:"index"`
}

// register announces the methods. They serve only as a leader: a request is forwarded at most once, so that nodes
// with different ideas of who leads cannot send it round in circles.
func (h *Host) register() {
	rpc.Handle(h.cfg.Server, methodPropose, func(ctx context.Context, _ rpc.NodeID, q proposeRequest) (r proposeResponse, err error) {
		err = h.serve(ctx, q.Group, func(ctx context.Context, n *Node) error {
			r.Result, r.Index, err = n.proposeHere(ctx, q.Data)
			return err
		})
		return r, err
	})
	rpc.Handle(h.cfg.Server, methodReadIndex, func(ctx context.Context, _ rpc.NodeID, q readIndexRequest) (r readIndexResponse, err error) {
		err = h.serve(ctx, q.Group, func(ctx context.Context, n *Node) error {
			r.Index, err = n.fresh.join(ctx)
			return err
		})
		return r, err
	})
	rpc.Handle(h.cfg.Server, methodChange, func(ctx context.Context, _ rpc.NodeID, q changeRequest) (r changeResponse, err error) {
		err = h.serve(ctx, q.Group, func(ctx context.Context, n *Node) error {
			r.Index, err = n.changeHere(ctx, q.Op, q.Node)
			return err
		})
		return r, err
	})
}

// serve runs f as a request of the group's node.
func (h *Host) serve(ctx context.Context, group string, f func(context.Context, *Node) error) error {
	n, err := h.node(group)
	if err != nil {
		return toWire(err)
	}
	end, err := n.begin()
	if err != nil {
		return toWire(err)
	}
	defer end()
	return toWire(f(ctx, n))
}

func (n *Node) forward(ctx context.Context, leader string, data []byte) (result []byte, index uint64, err error) {
	r, err := rpc.Call[proposeRequest, proposeResponse](ctx, n.cfg.Host.cfg.Client, leader, methodPropose, proposeRequest{Group: n.cfg.Group, Data: data})
	return r.Result, r.Index, fromWire(err)
}

func (n *Node) askReadIndex(ctx context.Context, leader string) (uint64, error) {
	r, err := rpc.Call[readIndexRequest, readIndexResponse](ctx, n.cfg.Host.cfg.Client, leader, methodReadIndex, readIndexRequest{Group: n.cfg.Group})
	return r.Index, fromWire(err)
}

func (n *Node) askChange(ctx context.Context, leader, op, node string) (uint64, error) {
	r, err := rpc.Call[changeRequest, changeResponse](ctx, n.cfg.Host.cfg.Client, leader, methodChange, changeRequest{Group: n.cfg.Group, Op: op, Node: node})
	return r.Index, fromWire(err)
}
