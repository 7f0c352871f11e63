// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"errors"
	"net"
)

// NodeID names a node of the cluster.
type NodeID = string

// The protocols of the cluster port (ALPN names).
const (
	ProtoRaft = "hive-raft/1"
	ProtoRPC  = "hive-rpc/1"
	ProtoData = "hive-data/1"
	// ProtoJoin is spoken by nodes that have no certificate yet; see MuxConfig.Strangers.
	ProtoJoin = "hive-join/1"
)

var (
	// ErrUnknownProtocol says that a protocol was not announced when the network was made, or is listened to already.
	ErrUnknownProtocol = errors.New("protocol not available")
	// ErrUnknownNode says that nobody knows where a node is.
	ErrUnknownNode = errors.New("address of node unknown")
	// ErrDenied says that a node was removed from the cluster.
	ErrDenied = errors.New("node was removed from the cluster")
)

// Network opens streams between nodes.
type Network interface {
	// Self is the id of this node.
	Self() NodeID
	// Listen returns the listener of one protocol. Its connections are [Conn]s. Each protocol has one listener.
	Listen(proto string) (net.Listener, error)
	// Dial opens a stream to a node. It blocks until the peer has proved to be that node, or ctx ends.
	Dial(ctx context.Context, node NodeID, proto string) (net.Conn, error)
}

// Conn is a stream whose other end is known.
type Conn interface {
	net.Conn
	// Peer is the node at the other end, as it proved.
	Peer() NodeID
}

// Resolver says where nodes are.
type Resolver interface {
	// Resolve returns the host:port of a node's cluster port, or ErrUnknownNode. It is asked at each dial and must not
	// block on the node that it is asked for.
	Resolve(ctx context.Context, node NodeID) (string, error)
}

// ResolverFunc is a function that resolves.
type ResolverFunc func(ctx context.Context, node NodeID) (string, error)

// Resolve calls f.
func (f ResolverFunc) Resolve(ctx context.Context, node NodeID) (string, error) { return f(ctx, node) }
