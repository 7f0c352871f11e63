// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hivecloud/hive/compute/qemu"
)

// Client speaks to the guard of one directory. It is safe for concurrent use, keeps no connection and finds the next guard when one has
// been replaced. Every method fails with ErrUnreachable when no guard answers, and with the errors of this package otherwise.
type Client struct {
	dir  string
	http *http.Client
}

// Dial returns a client of the guard of dir; it connects at the first call.
func Dial(dir string) *Client {
	socket := filepath.Join(dir, apiName)
	var d net.Dialer
	return &Client{dir: dir, http: &http.Client{Transport: &http.Transport{
		// One connection a request: guards come and go, and an idle connection would hold up the one that leaves.
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) },
	}}}
}

// Status returns what the guard knows now.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.do(ctx, http.MethodGet, "status", nil, &s)
}

// Wait returns as soon as the status has a higher version than the given one, or after half a minute as it is: call it again.
func (c *Client) Wait(ctx context.Context, version uint64) (Status, error) {
	var s Status
	return s, c.do(ctx, http.MethodGet, "status?wait="+strconv.FormatUint(version, 10), nil, &s)
}

// Renew moves the fence to ttl from now (in whole milliseconds); 0 takes it away. Renewing does not let a fenced guest run: see Resume.
func (c *Client) Renew(ctx context.Context, ttl time.Duration) error {
	if ttl > 0 {
		ttl = max(ttl, time.Millisecond)
	}
	return c.post(ctx, "renew", renewRequest{TTLMillis: ttl.Milliseconds()})
}

// RenewUntil moves the fence to a moment of CLOCK_BOOTTIME, never back. A caller that was held up between its decision
// and this call cannot give the guest more time than it meant to, as it could by Renew.
func (c *Client) RenewUntil(ctx context.Context, deadline time.Duration) error {
	return c.post(ctx, "renew", renewRequest{Deadline: int64(deadline)})
}

// Powerdown presses the guest's power button; after grace the guest is ended by force. 0 takes the spec's grace. It may be called again: it
// presses again and sets the grace anew. It returns when the button was pressed, not when the guest is down.
func (c *Client) Powerdown(ctx context.Context, grace time.Duration) error {
	return c.post(ctx, "powerdown", powerdownRequest{grace.Milliseconds()})
}

// Quit ends the guest by force and returns when QEMU is gone; a guest that is down already is no error.
func (c *Client) Quit(ctx context.Context) error { return c.post(ctx, "quit", noRequest{}) }

// Reset presses the guest's reset button; a guest that had panicked runs again.
func (c *Client) Reset(ctx context.Context) error { return c.post(ctx, "reset", noRequest{}) }

// Pause stops the guest until Resume.
func (c *Client) Pause(ctx context.Context) error { return c.post(ctx, "pause", noRequest{}) }

// Resume lets a paused or fenced guest run. epoch must be the spec's. An epoch newer than the guard knows is read from spec.json: write it
// with the new epochs of instance and volumes first; the volumes are then served anew. ErrFenced: Renew first.
func (c *Client) Resume(ctx context.Context, epoch uint64) error {
	return c.post(ctx, "resume", resumeRequest{epoch})
}

// Screendump returns the guest's display as PNG.
func (c *Client) Screendump(ctx context.Context) ([]byte, error) {
	body, _, err := c.raw(ctx, http.MethodGet, "screendump", nil)
	return body, err
}

// Stats returns the guest's counters.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	return s, c.do(ctx, http.MethodGet, "stats", nil, &s)
}

// Console returns the last n bytes of the serial console, at most 4 MiB; the log itself keeps at least the last MiB, over restarts.
func (c *Client) Console(ctx context.Context, n int) (Console, error) {
	body, header, err := c.raw(ctx, http.MethodGet, "console?bytes="+strconv.Itoa(n), nil)
	if err != nil {
		return Console{}, err
	}
	console := Console{Text: body}
	if at := header.Get("Last-Modified"); at != "" {
		if console.At, err = http.ParseTime(at); err != nil {
			return Console{}, fmt.Errorf("guard console: %w", err)
		}
	}
	return console, nil
}

// SetLimits changes the limits of a disk until the guest ends.
func (c *Client) SetLimits(ctx context.Context, volumeID string, limits qemu.Limits) error {
	return c.post(ctx, "limits", limitsRequest{volumeID, limits})
}

// Close lets the guard of a guest that is down leave, and returns when it is gone and the directory free for the next run. ErrRunning:
// the guest is still up.
func (c *Client) Close(ctx context.Context) error {
	if err := c.post(ctx, "close", noRequest{}); err != nil {
		return err
	}
	for {
		lock, free, err := lockFile(c.dir, guardLockName)
		if err != nil {
			return fmt.Errorf("guard close: %w", err)
		}
		if free {
			return lock.Close()
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("guard close: guard does not leave: %w", ctx.Err())
		}
	}
}

func (c *Client) post(ctx context.Context, path string, request any) error {
	return c.do(ctx, http.MethodPost, path, request, nil)
}

func (c *Client) do(ctx context.Context, method, path string, request, response any) error {
	body, _, err := c.raw(ctx, method, path, request)
	if err != nil || response == nil {
		return err
	}
	if err := json.Unmarshal(body, response); err != nil {
		return fmt.Errorf("guard %s: decode answer: %w", path, err)
	}
	return nil
}

// raw sends a request and returns the body of a good answer.
func (c *Client) raw(ctx context.Context, method, path string, request any) ([]byte, http.Header, error) {
	var body io.Reader
	if request != nil {
		text, err := json.Marshal(request)
		if err != nil {
			return nil, nil, fmt.Errorf("guard %s: %w", path, err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://guard/v1/"+path, body)
	if err != nil {
		return nil, nil, fmt.Errorf("guard %s: %w", path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("guard %s: %w: %w", path, ErrUnreachable, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("guard %s: %w: %w", path, ErrUnreachable, err)
	}
	if resp.StatusCode == http.StatusOK {
		return answer, resp.Header, nil
	}
	return nil, nil, fmt.Errorf("guard %s: %w", path, decodeError(resp.Status, answer))
}

// remoteError keeps the identity of an error that came over the socket, and its text.
type remoteError struct {
	message string
	known   error
}

func (e *remoteError) Error() string { return e.message }
func (e *remoteError) Unwrap() error { return e.known }

func decodeError(status string, body []byte) error {
	var r errorResponse
	if err := json.Unmarshal(body, &r); err != nil || r.Message == "" {
		return errors.New(status)
	}
	return &remoteError{message: r.Message, known: errorCodes[r.Code]}
}
