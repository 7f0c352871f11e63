// SPDX-License-Identifier: Apache-2.0

package blockd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hivecloud/hive/blockstore"
)

// Client is a control connection. Calls from several goroutines wait for each other; a caller with a long operation (ImportSnapshot,
// CreateVolume from a snapshot) should have its own. After an error that is no RemoteError the connection is closed and every
// call returns blockstore.ErrClosed: dial again. Every operation may be repeated.
type Client struct {
	mu     sync.Mutex
	conn   *net.UnixConn
	broken bool
}

// Dial connects to the control socket of a daemon.
func Dial(ctx context.Context, socket string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("dial blockd: %w", err)
	}
	return &Client{conn: conn.(*net.UnixConn)}, nil
}

// Close hangs up. Volumes stay served.
func (c *Client) Close() error { return c.conn.Close() }

// CreateVolume makes a volume; the same again is no error.
// Errors: blockstore.ErrInvalid, ErrConflict (other parameters), ErrNotFound (the snapshot), ErrNoSpace.
func (c *Client) CreateVolume(ctx context.Context, args CreateVolume) error {
	return c.call(ctx, opCreateVolume, args, nil, &nothing{})
}

// DeleteVolume removes a volume; one that does not exist is no error. Errors: blockstore.ErrInUse while it is served.
func (c *Client) DeleteVolume(ctx context.Context, volume string) error {
	return c.call(ctx, opDeleteVolume, idArgs{ID: volume}, nil, &nothing{})
}

// StatVolume describes a volume. Errors: blockstore.ErrNotFound, ErrCorrupt.
func (c *Client) StatVolume(ctx context.Context, volume string) (Volume, error) {
	var v Volume
	err := c.call(ctx, opStatVolume, idArgs{ID: volume}, nil, &v)
	return v, err
}

// Serve opens a volume under an epoch and accepts NBD clients on listener, a listening unix stream socket that stays the caller's and
// may be passed again. The export has the volume's id as its name, and the empty name. The same epoch again only replaces the
// listener; a higher one cuts the connections of the lower one.
// Errors: blockstore.ErrNotFound, ErrFenced (a higher epoch was here), ErrFailed (a flush was lost in this epoch), ErrCorrupt, ErrInvalid.
func (c *Client) Serve(ctx context.Context, args Serve, listener *os.File) error {
	if listener == nil {
		return fmt.Errorf("serve volume %s: no listener: %w", args.Volume, blockstore.ErrInvalid)
	}
	return c.call(ctx, opServe, args, listener, &nothing{})
}

// Release lets requests under way finish, cuts the NBD connections, flushes and closes. A volume that is not served is no error.
// Errors: blockstore.ErrFenced (a higher epoch serves it), ErrFailed (the flush was lost; it is closed all the same).
func (c *Client) Release(ctx context.Context, volume string, epoch uint64) error {
	return c.call(ctx, opRelease, Serve{Volume: volume, Epoch: epoch}, nil, &nothing{})
}

// Grow makes a volume longer, served or not; new NBD connections see it. The present size is no error.
// Errors: blockstore.ErrNotFound, ErrShrink, ErrInvalid, ErrNoSpace, ErrFailed.
func (c *Client) Grow(ctx context.Context, volume string, sizeBytes int64) error {
	return c.call(ctx, opGrow, growArgs{Volume: volume, SizeBytes: sizeBytes}, nil, &nothing{})
}

// ImportSnapshot makes a snapshot of the raw file at path, which the daemon opens; the same content again is no error.
// The size is padded with zeros to a multiple of 4096. A call that is given up goes on in the daemon.
// Errors: blockstore.ErrInvalid, ErrConflict (other content), ErrNotFound (the file), ErrNoSpace.
func (c *Client) ImportSnapshot(ctx context.Context, id, path string) (Snapshot, error) {
	var s Snapshot
	err := c.call(ctx, opImportSnapshot, importArgs{ID: id, Path: path}, nil, &s)
	return s, err
}

// DeleteSnapshot removes a snapshot; volumes made from it are on their own. One that does not exist is no error.
func (c *Client) DeleteSnapshot(ctx context.Context, id string) error {
	return c.call(ctx, opDeleteSnapshot, idArgs{ID: id}, nil, &nothing{})
}

// StatSnapshot describes a snapshot. Errors: blockstore.ErrNotFound, ErrCorrupt.
func (c *Client) StatSnapshot(ctx context.Context, id string) (Snapshot, error) {
	var s Snapshot
	err := c.call(ctx, opStatSnapshot, idArgs{ID: id}, nil, &s)
	return s, err
}

// List describes everything.
func (c *Client) List(ctx context.Context) (Listing, error) {
	var l Listing
	err := c.call(ctx, opList, nothing{}, nil, &l)
	return l, err
}

// Stats counts the requests of every volume served since the daemon started.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	err := c.call(ctx, opStats, nothing{}, nil, &s)
	return s, err
}

// Space tells how much room there is.
func (c *Client) Space(ctx context.Context) (Space, error) {
	var s Space
	err := c.call(ctx, opSpace, nothing{}, nil, &s)
	return s, err
}

// call sends a request and waits for its answer.
func (c *Client) call(ctx context.Context, op string, args any, file *os.File, result any) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("encode %s: %w", op, err)
	}
	body, err := json.Marshal(request{Op: op, Args: raw})
	if err != nil {
		return fmt.Errorf("encode %s: %w", op, err)
	}
	frame, err := encodeFrame(kindRequest, body)
	if err != nil {
		return fmt.Errorf("encode %s: %w", op, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return fmt.Errorf("call blockd %s: connection is broken: %w", op, blockstore.ErrClosed)
	}
	a, err := c.exchange(ctx, frame, file)
	if err != nil {
		// An answer may still come, and would be taken for that of the next request.
		c.broken = true
		c.conn.Close()
		return fmt.Errorf("call blockd %s: %w", op, err)
	}
	if a.Error != nil {
		return &RemoteError{Op: op, Code: a.Error.Code, Message: a.Error.Message}
	}
	if err := decodeStrict(a.Result, result); err != nil {
		return fmt.Errorf("decode answer of %s: %w", op, err)
	}
	return nil
}

func (c *Client) exchange(ctx context.Context, frame []byte, file *os.File) (answer, error) {
	if err := ctx.Err(); err != nil {
		return answer{}, err
	}
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			c.broken = true // the deadline is set or will be, which spoils the next call
			c.conn.Close()
		}
	}()
	var a answer
	err := sendFrame(c.conn, frame, file)
	if err == nil {
		var body []byte
		if body, err = readFrame(c.conn, kindAnswer); err == nil {
			err = decodeStrict(body, &a)
		}
	}
	if err == nil && (a.Error == nil) == (a.Result == nil) {
		err = errors.New("answer has no result and no error, or both")
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return a, err
}
