// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hivecloud/hive/internal/logging"
)

// Client calls nodes. It keeps one connection to each of them and is safe for concurrent use.
type Client struct {
	network   Network
	transport *http.Transport
	limit     int64
	ctx       context.Context // ends dials that nobody waits for any more
	cancel    context.CancelFunc

	mu    sync.Mutex
	conns map[*clientConn]bool // nil when closed
}

// clientConn is a connection that its client still has to close.
type clientConn struct {
	net.Conn
	client *Client
}

func (c *clientConn) Close() error {
	c.client.mu.Lock()
	delete(c.client.conns, c)
	c.client.mu.Unlock()
	return c.Conn.Close()
}

// NewClient returns a client that dials through network when it is first used.
func NewClient(network Network) *Client {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	c := &Client{network: network, limit: MaxBody, conns: map[*clientConn]bool{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.transport = &http.Transport{
		DialContext:        c.dial,
		Protocols:          &protocols,
		DisableCompression: true,
		IdleConnTimeout:    idleTimeout,
		HTTP2: &http.HTTP2Config{
			// A peer that went away without a word is noticed by pings, not by the first call that hangs.
			SendPingTimeout: 2 * time.Second,
			PingTimeout:     2 * time.Second,
		},
	}
	return c
}

func (c *Client) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	node, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	raw, err := c.network.Dial(ctx, node, ProtoRPC)
	if err != nil {
		return nil, err
	}
	conn := &clientConn{Conn: raw, client: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns == nil {
		raw.Close()
		return nil, net.ErrClosed
	}
	c.conns[conn] = true
	return conn, nil
}

// Close ends all calls and closes all connections. Calls made afterwards fail.
func (c *Client) Close() {
	c.cancel()
	c.mu.Lock()
	conns := c.conns
	c.conns = nil
	c.mu.Unlock()
	for conn := range conns {
		conn.Conn.Close()
	}
	c.transport.CloseIdleConnections()
}

// Call calls a method of a node. An error is an *Error: with the code that the handler gave, or CodeUnavailable when
// the node was not reached or the stream broke (the call may have happened), or it wraps ctx's error when ctx ended.
func Call[Req, Resp any](ctx context.Context, c *Client, node NodeID, name string, q Req) (Resp, error) {
	var r Resp
	body, err := encode(q)
	if err != nil {
		return r, &Error{Code: CodeBadRequest, Message: err.Error(), Node: node, cause: err}
	}
	if int64(len(body)) > c.limit {
		return r, &Error{Code: CodeBadRequest, Message: fmt.Sprintf("request of %d bytes, at most %d", len(body), c.limit), Node: node, cause: errTooLong}
	}
	answer, err := c.do(ctx, node, name, body)
	if err != nil {
		return r, err
	}
	if err := decode(answer, &r); err != nil {
		return r, &Error{Code: CodeBadResponse, Message: err.Error(), Node: node, cause: err}
	}
	return r, nil
}

func (c *Client) do(ctx context.Context, node NodeID, name string, body []byte) ([]byte, error) {
	if node == "" || strings.ContainsAny(node, ":/@?#%") {
		return nil, &Error{Code: CodeBadRequest, Message: fmt.Sprintf("call %q: no node id", node)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+node+pathPrefix+name, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Code: CodeBadRequest, Message: err.Error(), Node: node, cause: err}
	}
	req.Header.Set("Content-Type", contentType)
	if id := logging.RequestID(ctx); id != "" {
		req.Header.Set(headerRequestID, id)
	}
	if deadline, ok := ctx.Deadline(); ok {
		req.Header.Set(headerTimeout, strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10))
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, unreachable(ctx, node, err)
	}
	defer resp.Body.Close()
	answer, err := readBody(resp.Body, c.limit)
	if err != nil {
		return nil, unreachable(ctx, node, err)
	}
	if resp.StatusCode == http.StatusOK {
		return answer, nil
	}
	e := &Error{}
	if err := decode(answer, e); err != nil {
		return nil, &Error{Code: CodeBadResponse, Message: fmt.Sprintf("status %d: %v", resp.StatusCode, err), Node: node, cause: err}
	}
	e.Node = node
	return nil, e
}

// unreachable keeps the reason of a call that found nobody. When the caller gave up, that is the reason.
func unreachable(ctx context.Context, node NodeID, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &Error{Code: CodeUnavailable, Message: err.Error(), Node: node, cause: err}
}
