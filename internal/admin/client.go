// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// bodyLimit bounds answers that are read whole.
const bodyLimit = 64 << 20

// Client talks to one agent. It is safe for concurrent use; every call is
// bounded by its context only.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient makes a client of the agent that listens on a unix socket. It opens
// nothing; the first call does.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	// Commands make a call or two: connections are not kept, so nothing has to
	// be closed at the end.
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks the agent about itself.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, RouteStatus, nil, nil)
}

// Members lists the region's nodes as gossip and log see them.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	return call[[]Member](ctx, c, RouteMembers, nil, nil)
}

// RaftStatus says where the log stands on this node.
func (c *Client) RaftStatus(ctx context.Context) (RaftStatus, error) {
	return call[RaftStatus](ctx, c, RouteRaftStatus, nil, nil)
}

// RaftPeers lists the servers of the log's configuration.
func (c *Client) RaftPeers(ctx context.Context) ([]RaftPeer, error) {
	return call[[]RaftPeer](ctx, c, RouteRaftPeers, nil, nil)
}

// SnapshotSave streams a snapshot of the region's state. The caller closes it;
// only a stream read to its end is a whole snapshot.
func (c *Client) SnapshotSave(ctx context.Context) (io.ReadCloser, error) {
	return c.stream(ctx, RouteSnapshotSave, nil, nil)
}

// SnapshotRestore replaces the state of the whole region by a saved snapshot's.
func (c *Client) SnapshotRestore(ctx context.Context, saved io.Reader) (Restored, error) {
	var out Restored
	r, err := c.send(ctx, RouteSnapshotRestore, nil, saved, "application/octet-stream")
	if err != nil {
		return out, err
	}
	defer r.Close()
	if err := json.NewDecoder(io.LimitReader(r, bodyLimit)).Decode(&out); err != nil {
		return out, c.explain(ctx, fmt.Errorf("decode answer of %s: %w", RouteSnapshotRestore, err))
	}
	return out, nil
}

// Nodes lists the registered nodes.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	return call[[]Node](ctx, c, RouteNodes, nil, nil)
}

// Instances lists instances of an account, or of all when account is empty.
func (c *Client) Instances(ctx context.Context, account string) ([]Instance, error) {
	return call[[]Instance](ctx, c, RouteInstances, query("account", account), nil)
}

// Instance describes one instance.
func (c *Client) Instance(ctx context.Context, id string) (Instance, error) {
	return call[Instance](ctx, c, withID(RouteInstance, id), nil, nil)
}

// Console streams an instance's serial log from its beginning; with follow it
// stays until the context ends. The caller closes it.
func (c *Client) Console(ctx context.Context, id string, follow bool) (io.ReadCloser, error) {
	q := url.Values{}
	if follow {
		q.Set("follow", "true")
	}
	return c.stream(ctx, withID(RouteConsole, id), q, nil)
}

// Images lists the images an account sees, or all when account is empty.
func (c *Client) Images(ctx context.Context, account string) ([]Image, error) {
	return call[[]Image](ctx, c, RouteImages, query("account", account), nil)
}

// ImageImport makes an image of a raw disk file. It calls progress for every
// event and returns the image.
func (c *Client) ImageImport(ctx context.Context, req ImageImportRequest, progress func(ImportEvent)) (Image, error) {
	var image *Image
	err := c.lines(ctx, RouteImageImport, req, func(line json.RawMessage) error {
		var event ImportEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return fmt.Errorf("decode import progress: %w", err)
		}
		if event.Error != nil {
			return event.Error
		}
		image = event.Image
		if progress != nil {
			progress(event)
		}
		return nil
	})
	if err == nil && image == nil {
		err = cutShort("the import of " + req.Path)
	}
	if err != nil {
		return Image{}, err
	}
	return *image, nil
}

// Accounts lists the accounts.
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	return call[[]Account](ctx, c, RouteAccounts, nil, nil)
}

// AccountCreate makes an account with its first access key.
func (c *Client) AccountCreate(ctx context.Context, req AccountCreateRequest) (NewAccount, error) {
	return call[NewAccount](ctx, c, RouteAccountCreate, nil, req)
}

// AccessKeys lists the keys of an account, or of all when account is empty.
func (c *Client) AccessKeys(ctx context.Context, account string) ([]AccessKey, error) {
	return call[[]AccessKey](ctx, c, RouteAccessKeys, query("account", account), nil)
}

// AccessKeyCreate makes a key. Its secret is in the answer and nowhere else.
func (c *Client) AccessKeyCreate(ctx context.Context, req AccessKeyCreateRequest) (Credentials, error) {
	return call[Credentials](ctx, c, RouteAccessKeyCreate, nil, req)
}

// AccessKeyDelete deletes a key; requests signed with it fail from then on.
func (c *Client) AccessKeyDelete(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, withID(RouteAccessKeyDelete, id), nil, nil)
	return err
}

// Tokens lists the join tokens.
func (c *Client) Tokens(ctx context.Context) ([]JoinToken, error) {
	return call[[]JoinToken](ctx, c, RouteTokens, nil, nil)
}

// TokenCreate makes a join token. Its text is in the answer and nowhere else.
func (c *Client) TokenCreate(ctx context.Context, req JoinTokenRequest) (NewJoinToken, error) {
	return call[NewJoinToken](ctx, c, RouteTokenCreate, nil, req)
}

// TokenRevoke ends a token; nodes that it admitted stay.
func (c *Client) TokenRevoke(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, withID(RouteTokenRevoke, id), nil, nil)
	return err
}

// RaftTransfer makes another voter lead: the named one, or the one that is furthest.
func (c *Client) RaftTransfer(ctx context.Context, req TransferRequest) (Leader, error) {
	return call[Leader](ctx, c, RouteRaftTransfer, nil, req)
}

// RaftRemove takes a node, by name or id, out of the log's configuration.
func (c *Client) RaftRemove(ctx context.Context, node string) error {
	_, err := call[struct{}](ctx, c, withID(RouteRaftRemove, node), nil, nil)
	return err
}

// Env says what a client of an account needs; empty means the first account.
func (c *Client) Env(ctx context.Context, account string) (Environment, error) {
	return call[Environment](ctx, c, RouteEnv, query("account", account), nil)
}

// Settings lists the cluster settings as they take effect.
func (c *Client) Settings(ctx context.Context) ([]Setting, error) {
	return call[[]Setting](ctx, c, RouteSettings, nil, nil)
}

// SettingSet changes a cluster setting and returns it as it takes effect from now on.
func (c *Client) SettingSet(ctx context.Context, req SettingSetRequest) (Setting, error) {
	return call[Setting](ctx, c, RouteSettingSet, nil, req)
}

// Debug is one of DebugParts, as text. The caller closes it.
func (c *Client) Debug(ctx context.Context, part string) (io.ReadCloser, error) {
	return c.stream(ctx, withID(RouteDebug, part), nil, nil)
}

// Shutdown ends the agent and reports its steps. It returns when the agent has
// said that it is done.
func (c *Client) Shutdown(ctx context.Context, req ShutdownRequest, progress func(ShutdownEvent)) error {
	return c.steps(ctx, RouteShutdown, req, progress)
}

// steps makes a call whose progress comes as ShutdownEvents.
func (c *Client) steps(ctx context.Context, route string, req any, progress func(ShutdownEvent)) error {
	return c.lines(ctx, route, req, func(line json.RawMessage) error {
		var event ShutdownEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return fmt.Errorf("decode progress of %s: %w", route, err)
		}
		if event.Error != nil {
			return event.Error
		}
		if progress != nil {
			progress(event)
		}
		return nil
	})
}

func query(key, value string) url.Values {
	if value == "" {
		return nil
	}
	return url.Values{key: {value}}
}

func withID(route, id string) string { return strings.Replace(route, "{id}", url.PathEscape(id), 1) }

// call makes one request and decodes its answer.
func call[T any](ctx context.Context, c *Client, route string, q url.Values, body any) (T, error) {
	var out T
	r, err := c.stream(ctx, route, q, body)
	if err != nil {
		return out, err
	}
	defer r.Close()
	if err := json.NewDecoder(io.LimitReader(r, bodyLimit)).Decode(&out); err != nil {
		return out, c.explain(ctx, fmt.Errorf("decode answer of %s: %w", route, err))
	}
	return out, nil
}

// lines makes one request and hands on every JSON value of its answer.
func (c *Client) lines(ctx context.Context, route string, body any, each func(json.RawMessage) error) error {
	return c.linesOf(ctx, route, nil, body, each)
}

// linesOf is lines with a query.
func (c *Client) linesOf(ctx context.Context, route string, q url.Values, body any, each func(json.RawMessage) error) error {
	r, err := c.stream(ctx, route, q, body)
	if err != nil {
		return err
	}
	defer r.Close()
	for dec := json.NewDecoder(r); ; {
		var line json.RawMessage
		switch err := dec.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return c.explain(ctx, fmt.Errorf("read progress of %s: %w", route, err))
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// stream makes one request and returns the body of its success.
func (c *Client) stream(ctx context.Context, route string, q url.Values, body any) (io.ReadCloser, error) {
	payload := io.Reader(http.NoBody)
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request of %s: %w", route, err)
		}
		payload = bytes.NewReader(text)
	}
	return c.send(ctx, route, q, payload, "application/json")
}

// send makes one request with a body as it is.
func (c *Client) send(ctx context.Context, route string, q url.Values, payload io.Reader, kind string) (io.ReadCloser, error) {
	method, path, _ := strings.Cut(route, " ")
	target := "http://agent" + path
	if len(q) > 0 {
		target += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, payload)
	if err != nil {
		return nil, fmt.Errorf("make request of %s: %w", route, err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, readError(resp)
}

// readError decodes a failure; a server that does not speak the contract still
// yields a sentence.
func readError(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // what was read is what there is to show
	e := &Error{}
	if err := json.Unmarshal(text, e); err == nil && e.Kind != "" && e.Message != "" {
		return e
	}
	hint := "the agent and this hive may be of different versions: compare hive version with the agent's log"
	return Errorf(KindFailure, hint, "agent answered %s: %s", resp.Status, strings.TrimSpace(string(text)))
}

// explain turns a transport fault into what it means for the operator.
func (c *Client) explain(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Errorf(KindTimeout, "try again with a longer --timeout; the request may still take effect", "no answer from the agent in time")
	case ctx.Err() != nil:
		return fmt.Errorf("ask agent: %w", ctx.Err())
	case errors.Is(err, fs.ErrNotExist):
		return Errorf(KindUnavailable, "start it with hive agent, or name its directory with --data-dir", "no agent runs here: %s does not exist", c.socket)
	case errors.Is(err, syscall.ECONNREFUSED):
		return Errorf(KindUnavailable, "start it with hive agent, or name its directory with --data-dir", "no agent listens on %s", c.socket)
	case errors.Is(err, fs.ErrPermission):
		return Errorf(KindDenied, "run the command as the user that runs the agent, such as with sudo", "%s belongs to another user", c.socket)
	}
	return &Error{
		Kind: KindUnavailable, Message: "agent ended the connection: " + err.Error(),
		Hint: "see the agent's log for the reason", cause: err,
	}
}

func cutShort(what string) error {
	return Errorf(KindUnavailable, "see the agent's log for the reason", "the agent ended %s before it was done", what)
}
