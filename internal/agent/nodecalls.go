// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/rpc"
)

// Whichever node is asked: what a guest shows is read where it runs.
const (
	methodConsole = "node.Console"
	methodScreen  = "node.Screen"
	methodSerial  = "node.Serial"

	// maxConsole is how much of a serial log GetConsoleOutput returns (64 KB, API_GetConsoleOutput).
	maxConsole = 64 << 10
	// maxSerial is how much of a serial log one call carries.
	maxSerial = 1 << 20
)

type guestRequest struct {
	Instance string `codec:"instance"`
	From     int64  `codec:"from"` // of node.Serial: offset of the first byte
}

type guestResponse struct {
	Data []byte `codec:"data"`
	Next int64  `codec:"next"` // of node.Serial: where to go on
	Time int64  `codec:"time"` // of node.Console: unix nanoseconds of the last output
}

// handleNodeCalls answers other nodes' questions about this node's guests.
func (a *Agent) handleNodeCalls() {
	rpc.Handle(a.truth.server, methodConsole, func(_ context.Context, _ rpc.NodeID, q guestRequest) (guestResponse, error) {
		data, at, err := a.exec.Console(q.Instance, maxConsole)
		return guestResponse{Data: data, Time: at.UnixNano()}, err
	})
	rpc.Handle(a.truth.server, methodScreen, func(ctx context.Context, _ rpc.NodeID, q guestRequest) (guestResponse, error) {
		png, err := a.exec.Screen(ctx, q.Instance)
		return guestResponse{Data: png}, err
	})
	rpc.Handle(a.truth.server, methodSerial, func(_ context.Context, _ rpc.NodeID, q guestRequest) (guestResponse, error) {
		data, next, err := a.serialPart(q.Instance, q.From)
		return guestResponse{Data: data, Next: next}, err
	})
}

// serialPart is a part of a serial log and where the next one begins.
func (a *Agent) serialPart(instance string, from int64) ([]byte, int64, error) {
	var b bytes.Buffer
	next, err := a.guests.CopyConsole(&limited{w: &b, left: maxSerial}, instance, from)
	if errors.Is(err, errFull) {
		err = nil // the rest comes with the next call
	}
	return b.Bytes(), next, err
}

// errFull ends a copy that has enough.
var errFull = errors.New("enough")

// limited takes so many bytes and then says errFull.
type limited struct {
	w    io.Writer
	left int
}

// Write takes what fits.
func (l *limited) Write(p []byte) (int, error) {
	n, err := l.w.Write(p[:min(len(p), l.left)])
	l.left -= n
	if err == nil && n < len(p) {
		err = errFull
	}
	return n, err
}

// console reads what guests show, on this node or on others.
type console struct{ a *Agent }

// Output is the tail of a guest's serial log.
func (c console) Output(ctx context.Context, node, instanceID string) ([]byte, time.Time, error) {
	if node == c.a.id.NodeID || node == "" {
		return c.a.exec.Console(instanceID, maxConsole)
	}
	r, err := rpc.Call[guestRequest, guestResponse](ctx, c.a.truth.client, node, methodConsole, guestRequest{Instance: instanceID})
	return r.Data, time.Unix(0, r.Time), remote(err)
}

// Screenshot is a guest's screen as PNG.
func (c console) Screenshot(ctx context.Context, node, instanceID string) ([]byte, error) {
	if node == c.a.id.NodeID {
		return c.a.exec.Screen(ctx, instanceID)
	}
	r, err := rpc.Call[guestRequest, guestResponse](ctx, c.a.truth.client, node, methodScreen, guestRequest{Instance: instanceID})
	return r.Data, remote(err)
}

// remote marks a node that was not reached as something that may pass.
func remote(err error) error {
	if err != nil && rpc.CodeOf(err) == rpc.CodeUnavailable {
		return unavailable{err}
	}
	return err
}

// copySerial copies an instance's serial log from an offset on and returns the offset of its end.
func (a *Agent) copySerial(ctx context.Context, w io.Writer, i *state.Instance, from int64) (int64, error) {
	if i.NodeID == a.id.NodeID || i.NodeID == "" {
		return a.guests.CopyConsole(w, i.ID, from)
	}
	for {
		r, err := rpc.Call[guestRequest, guestResponse](ctx, a.truth.client, i.NodeID, methodSerial, guestRequest{Instance: i.ID, From: from})
		if err != nil {
			return from, remote(err)
		}
		if len(r.Data) == 0 {
			return r.Next, nil
		}
		if _, err := w.Write(r.Data); err != nil {
			return r.Next, err
		}
		from = r.Next
	}
}
