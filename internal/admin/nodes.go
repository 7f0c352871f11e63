// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Routes of nodes and of what happened to them. {id} is a node's name or id.
const (
	RouteNode             = "GET /v1/nodes/{id}"              // -> NodeDetail
	RouteNodeCordon       = "POST /v1/nodes/{id}/cordon"      // CordonRequest -> Node
	RouteNodeDrain        = "POST /v1/nodes/{id}/drain"       // DrainRequest -> DrainEvent lines
	RouteNodeUndrain      = "POST /v1/nodes/{id}/undrain"     // -> Node
	RouteNodeRemoval      = "GET /v1/nodes/{id}/removal"      // -> Removal
	RouteNodeRemove       = "POST /v1/nodes/{id}/remove"      // RemoveRequest -> Removal
	RouteNodeCapabilities = "PUT /v1/nodes/{id}/capabilities" // CapabilitiesRequest -> Node
	RouteEvents           = "GET /v1/events"                  // ?after=SEQ&follow=true -> Event lines
)

// NodeDetail is a node with all that is known about it.
type NodeDetail struct {
	Node
	Address      string    `json:"address"`
	API          string    `json:"api"`
	CPU          string    `json:"cpu"`
	RegisteredAt time.Time `json:"registeredAt"`
	Epoch        uint64    `json:"epoch"` // grows with each registration and with the node's loss
	// Fenced says whether the node's guests are paused when its lease ends; only then can the region give them away.
	Fenced  bool       `json:"fenced"`
	LostAt  time.Time  `json:"lostAt"`  // zero: not lost
	DrainAt time.Time  `json:"drainAt"` // zero: not being drained
	Holding []Instance `json:"holding"` // what is there, terminated instances left out
}

// CordonRequest keeps new work from a node, or lets it have some again.
type CordonRequest struct {
	Cordoned bool `json:"cordoned"`
}

// DrainRequest asks for a node to be emptied.
type DrainRequest struct {
	NoWait bool `json:"noWait"` // do not report until everything has left
}

// DrainEvent is one line of the progress of a drain. The last one has Done or Error set.
type DrainEvent struct {
	Instance string `json:"instance,omitempty"`
	Step     string `json:"step"`
	Left     int    `json:"left"` // instances that still run on the node
	Done     bool   `json:"done,omitempty"`
	Error    *Error `json:"error,omitempty"`
}

// Removal says what the removal of a node costs.
type Removal struct {
	Node      string `json:"node"`
	NodeID    string `json:"nodeId"`
	Instances int    `json:"instances"` // they stop, and never start again
	Volumes   int    `json:"volumes"`   // gone
	Snapshots int    `json:"snapshots"` // whose only copy is there
	Voter     bool   `json:"voter"`
	Voters    int    `json:"voters"`         // now
	Tolerates int    `json:"tolerates"`      // voters that may fail now
	Then      int    `json:"toleratesAfter"` // and after the removal
}

// RemoveRequest removes a node.
type RemoveRequest struct {
	Force bool `json:"force"` // although it holds something
}

// CapabilitiesRequest chooses what a node does.
type CapabilitiesRequest struct {
	Caps []string `json:"caps"`
}

// Event is something that happened to the region's machines.
type Event struct {
	Seq      uint64    `json:"seq"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Node     string    `json:"node"`
	NodeID   string    `json:"nodeId"`
	Instance string    `json:"instance,omitempty"`
	Message  string    `json:"message"`
}

// Node describes one node.
func (c *Client) Node(ctx context.Context, node string) (NodeDetail, error) {
	return call[NodeDetail](ctx, c, withID(RouteNode, node), nil, nil)
}

// NodeCordon keeps new work from a node, or lets it have some again.
func (c *Client) NodeCordon(ctx context.Context, node string, cordoned bool) (Node, error) {
	return call[Node](ctx, c, withID(RouteNodeCordon, node), nil, CordonRequest{Cordoned: cordoned})
}

// NodeDrain asks everything to leave a node. It calls progress for every step and returns when nothing runs there any
// more, or at once when the request says so. A drain goes on whether somebody watches or not.
func (c *Client) NodeDrain(ctx context.Context, node string, req DrainRequest, progress func(DrainEvent)) error {
	done := false
	err := c.lines(ctx, withID(RouteNodeDrain, node), req, func(line json.RawMessage) error {
		var event DrainEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return fmt.Errorf("decode drain progress: %w", err)
		}
		if event.Error != nil {
			return event.Error
		}
		done = done || event.Done
		if progress != nil {
			progress(event)
		}
		return nil
	})
	if err == nil && !done {
		return cutShort("the progress of the drain of " + node)
	}
	return err
}

// NodeUndrain lets a node that is being drained have work again. What has left does not come back by itself.
func (c *Client) NodeUndrain(ctx context.Context, node string) (Node, error) {
	return call[Node](ctx, c, withID(RouteNodeUndrain, node), nil, nil)
}

// NodeRemoval says what the removal of a node would cost.
func (c *Client) NodeRemoval(ctx context.Context, node string) (Removal, error) {
	return call[Removal](ctx, c, withID(RouteNodeRemoval, node), nil, nil)
}

// NodeRemove removes a node for good.
func (c *Client) NodeRemove(ctx context.Context, node string, req RemoveRequest) (Removal, error) {
	return call[Removal](ctx, c, withID(RouteNodeRemove, node), nil, req)
}

// NodeCapabilities chooses what a node does.
func (c *Client) NodeCapabilities(ctx context.Context, node string, caps []string) (Node, error) {
	return call[Node](ctx, c, withID(RouteNodeCapabilities, node), nil, CapabilitiesRequest{Caps: caps})
}

// Events calls each for every remembered event after a sequence number, oldest first; with follow it stays for those to
// come until the context ends.
func (c *Client) Events(ctx context.Context, after uint64, follow bool, each func(Event)) error {
	q := url.Values{"after": {strconv.FormatUint(after, 10)}}
	if follow {
		q.Set("follow", "true")
	}
	return c.linesOf(ctx, RouteEvents, q, nil, func(line json.RawMessage) error {
		var event Event
		if err := json.Unmarshal(line, &event); err != nil {
			return fmt.Errorf("decode event: %w", err)
		}
		each(event)
		return nil
	})
}
