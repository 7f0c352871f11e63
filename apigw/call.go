// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/apigw/wire"
)

// Call is one request on its way through a handler. Handlers find it with CallFrom.
type Call struct {
	Account   string    // whose resources the call works on
	Principal Principal // who calls; Secret is cleared
	Service   string    // "ec2"
	Action    string    // "RunInstances"
	Region    string
	RequestID string
	SourceIP  string
	UserAgent string
	Secure    bool                // it came over TLS
	Keys      map[string][]string // condition keys that the protocol adds ("aws:Referer")
	Time      time.Time           // when the request arrived; what commands carry as their time
	DryRun    bool                // the caller wants to know whether it may, not to do it
	Params    []wire.Param        // the parameters that took effect, by wire name and by Go path
	Log       hclog.Logger        // names the request, the account and the action in every line

	authorizer Authorizer
	tokens     *page.Tokens
	ctx        context.Context // of the request: Authorize takes none, so that handlers cannot forget it
	authorized atomic.Bool
	asked      []Resource // what Authorize was asked about, for the audit
}

// CallConfig is what a Call needs besides its exported fields. Tests of handlers use it; the gateway fills it itself.
type CallConfig struct {
	Authorizer Authorizer   // nil means AccountAuthorizer
	Tokens     *page.Tokens // nil makes Page fail when there is more than one page
}

type callKey struct{}

// WithCall returns a context whose CallFrom is call. The gateway calls it before a handler; tests of handlers do the same.
func WithCall(ctx context.Context, call *Call, cfg CallConfig) context.Context {
	call.authorizer, call.tokens = cfg.Authorizer, cfg.Tokens
	if call.Log == nil {
		call.Log = hclog.NewNullLogger()
	}
	if call.authorizer == nil {
		call.authorizer = AccountAuthorizer{}
	}
	ctx = context.WithValue(ctx, callKey{}, call)
	call.ctx = ctx
	return ctx
}

// CallFrom returns the call that a handler's context belongs to. It panics without one: a broken invariant.
func CallFrom(ctx context.Context) *Call {
	call, ok := ctx.Value(callKey{}).(*Call)
	if !ok {
		panic("apigw: no call in the context")
	}
	return call
}

// Authorized reports whether Authorize has allowed the call.
func (c *Call) Authorized() bool { return c.authorized.Load() }

// ARN names a resource of the call's service, region and account: ARN("instance/i-1").
func (c *Call) ARN(resource string) string { return ARN(c.Service, c.Region, c.Account, resource) }

// Resource names one of the account's resources for Authorize: Resource("instance", "i-1", tags).
func (c *Call) Resource(typ, id string, tags map[string]string) Resource {
	return Resource{ARN: c.ARN(typ + "/" + id), Account: c.Account, Type: typ, Tags: tags}
}

// Sent reports whether the caller sent a member or anything below it, by Go path: "MetadataOptions.HttpTokens".
func (c *Call) Sent(path string) bool {
	for _, p := range c.Params {
		if len(p.Path) >= len(path) && p.Path[:len(path)] == path && (len(p.Path) == len(path) || p.Path[len(path)] == '.') {
			return true
		}
	}
	return false
}

// SealToken makes the page token that continues after last, for actions whose pages are not rows. See Page.
func (c *Call) SealToken(last string) (*string, error) {
	if c.tokens == nil {
		return nil, errors.New("seal page token: the call has no tokens")
	}
	token := c.tokens.Seal(c.scope(), last)
	return &token, nil
}

// OpenToken returns what SealToken was given; false when the token is not one of this account and action.
func (c *Call) OpenToken(token string) (last string, ok bool) {
	if c.tokens == nil {
		return "", false
	}
	return c.tokens.Open(c.scope(), token)
}

// ErrPageToken is a page token that is not one of this account and action. Services have their own words for it.
var ErrPageToken = errors.New("the page token is not valid")

// PageOf cuts a page of size rows out of rows, which are in the order of their ids, behind a token (nil: from the first row
// on), and returns the token of the next page, nil at the end. Services whose errors are not EC2's or IAM's use it in the
// place of Page.
func PageOf[R any](c *Call, rows []R, id func(R) string, token *string, size int) (out []R, next *string, err error) {
	if token != nil {
		after, ok := c.OpenToken(*token)
		if !ok {
			return nil, nil, ErrPageToken
		}
		first, found := slices.BinarySearchFunc(rows, after, func(r R, after string) int { return strings.Compare(id(r), after) })
		if found {
			first++
		}
		rows = rows[first:]
	}
	if len(rows) <= size {
		return rows, nil, nil
	}
	next, err = c.SealToken(id(rows[size-1]))
	return rows[:size:size], next, err
}

// scope is who may use a page token, and for what.
func (c *Call) scope() string { return c.Account + "/" + c.Service + "/" + c.Action }

// Page cuts one page out of rows, in the order of their ids, and returns the token of the next page.
func Page[R any](c *Call, rows []R, id func(R) string, r page.Request, limits page.Range) ([]R, *string, error) {
	if c.tokens == nil {
		return nil, nil, errors.New("page rows: the call has no tokens")
	}
	return page.Cut(c.tokens, c.scope(), rows, id, r, limits)
}
