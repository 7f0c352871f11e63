// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"
	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/sigv4"
	"github.com/hivecloud/hive/apigw/wire"
)

// maxDiscard is how much of a body that is too large is taken off the connection, in bytes.
const maxDiscard = 32 << 20

// exchange is one request on its way through the pipeline. Its fields fill as the request passes.
type exchange struct {
	gateway   *Gateway
	request   *http.Request
	response  *echo.Response
	id        string
	arrived   time.Time
	log       hclog.Logger
	format    wire.Format
	body      []byte
	service   *service // nil until the scope or the version told
	signature *sigv4.Signature
	principal Principal
	claimed   Principal // whose key the request names, before its signature is believed; for the record of a refusal
	out       any       // what the handler answered
	call      *Call     // nil until authenticated and the action is known
}

// serve answers a query request at "/". It never returns an error: every failure becomes an envelope here.
func (g *Gateway) serve(c echo.Context) error {
	x := &exchange{gateway: g, request: c.Request(), response: c.Response(), id: uuid.NewString(), arrived: g.now()}
	x.request = x.request.WithContext(withIdentityView(x.request.Context()))
	x.format = formatOf(x.request)
	x.log = g.log.With("request_id", x.id)
	x.response.Header().Set("X-Amzn-Requestid", x.id)
	document, err := x.run()
	x.finish(document, err)
	return nil
}

// run takes the request through every step to the document that answers it; a panic of any step becomes an error.
func (x *exchange) run() (document []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			document, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if err := x.readBody(); err != nil {
		if sig, unsigned := sigv4.Parse(x.request); unsigned == nil {
			x.service = x.gateway.services[sig.Service] // unverified: it only chooses the envelope
		}
		return nil, err
	}
	if err := x.authenticate(); err != nil {
		return nil, err
	}
	form, err := x.parameters()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(x.request.Context(), x.gateway.cfg.CallTimeout)
	defer cancel()
	ctx = WithCall(ctx, x.call, CallConfig{Authorizer: x.gateway.cfg.Authorizer, Tokens: x.gateway.tokens})
	out, err := x.service.invoke(ctx, x.call, form)
	if err != nil {
		return nil, err
	}
	x.out = out
	return x.answer(out)
}

// readBody checks method and type and reads the form, never more than MaxBody of it.
func (x *exchange) readBody() error {
	r := x.request
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		x.response.Header().Set("Allow", "GET, POST")
		return awserr.New("MethodNotAllowed", "The specified method is not allowed against this resource.")
	}
	// The deadline holds for this body only; connections that cannot take one have the server's limits.
	deadline := http.NewResponseController(x.response)
	if err := deadline.SetReadDeadline(time.Now().Add(30 * time.Second)); err == nil {
		defer deadline.SetReadDeadline(time.Time{})
	}
	if r.ContentLength > MaxBody {
		return x.tooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if len(body) > MaxBody {
		return x.tooLarge()
	}
	if err != nil {
		return awserr.New("RequestTimeout", "The request body could not be read completely")
	}
	x.body = body
	if len(body) == 0 {
		return nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	want := mediaTypes[x.format]
	if x.format == wire.JSON && kind == mediaJSON11 {
		want = mediaJSON11
	}
	if err != nil || kind != want || r.Header.Get("Content-Encoding") != "" {
		return awserr.New("UnsupportedMediaType", "The request body must be %s", want)
	}
	return nil
}

// tooLarge refuses the body. Clients write all of it before they look for an answer, so a bounded rest is thrown away
// unread: without that they would see a broken connection instead of the error.
func (x *exchange) tooLarge() error {
	x.response.Header().Set("Connection", "close")
	if _, err := io.CopyN(io.Discard, x.request.Body, maxDiscard); err != nil && !errors.Is(err, io.EOF) {
		x.log.Debug("discard a large body", "error", err)
	}
	return awserr.New("RequestEntityTooLarge", "The request is larger than %d bytes", MaxBody)
}

// form joins the parameters of the query string and of the body, without those of a presigned URL.
func (x *exchange) form() (wire.Form, error) {
	form, err := wire.ParseForm(x.request.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if x.signature != nil && x.signature.Presigned {
		for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
			"X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Content-Sha256"} {
			if _, err := form.Take(name); err != nil {
				return nil, err
			}
		}
	}
	sent, err := wire.ParseForm(string(x.body))
	if err != nil {
		return nil, err
	}
	return append(form, sent...), nil
}

// parameters identifies the action and returns its parameters.
func (x *exchange) parameters() (wire.Form, error) {
	if x.format != wire.Urlencoded {
		return x.document()
	}
	if x.documentsOnly() {
		return nil, awserr.New("UnsupportedMediaType", "The request body must be %s", mediaJSON11)
	}
	form, err := x.form()
	if err != nil {
		return nil, err
	}
	version, err := form.Take("Version")
	if err != nil {
		return nil, err
	}
	action, err := form.Take("Action")
	if err != nil {
		return nil, err
	}
	return form, x.identify(action, version)
}

// identify throttles, makes the Call and checks the version.
func (x *exchange) identify(action, version string) error {
	x.call = &Call{
		Account: x.principal.AccountID, Principal: x.principal, Service: x.service.name, Action: clip(action), Region: x.gateway.cfg.Region,
		RequestID: x.id, SourceIP: sourceIP(x.request), UserAgent: x.request.UserAgent(), Time: x.arrived, Secure: x.request.TLS != nil,
		Log: x.log.With("account", x.principal.AccountID, "action", x.service.name+":"+action),
	}
	if !x.gateway.throttle.allow(x.call.Account, x.service.name, action, x.arrived) {
		return throttled(x.service.codec)
	}
	return checkVersion(x.service.codec, action, version)
}

// checkVersion refuses a request that names no action or another version of the API, in each protocol's words.
func checkVersion(codec *wire.Codec, action, version string) error {
	if codec.Protocol() != wire.EC2Query {
		switch {
		case action == "":
			return awserr.New("MissingAction", "The request is missing an action or a required parameter.")
		case version != codec.Version():
			if version == "" {
				version = "NO_VERSION_SPECIFIED"
			}
			return awserr.New("InvalidAction", "Could not find operation %.128s for version %.32s", action, version)
		}
		return nil
	}
	switch {
	case action == "":
		return awserr.MissingParameter("Action")
	case version == "":
		return awserr.MissingParameter("Version")
	case version != codec.Version():
		return awserr.New("NoSuchVersion", "The requested version (%.32s) of service AmazonEC2 does not exist", version)
	}
	return nil
}

// finish answers, observes and records.
func (x *exchange) finish(document []byte, err error) {
	status := http.StatusOK
	var refusal *awserr.Error
	if err != nil {
		refusal = x.refusal(err)
		status, document = refusal.Status, x.envelope(refusal)
	}
	x.record(refusal, status)
	h := x.response.Header()
	x.describe(h, refusal)
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("Content-Length", strconv.Itoa(len(document)))
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	x.response.WriteHeader(status)
	if _, err := x.response.Write(document); err != nil {
		x.log.Debug("the caller is gone", "error", err)
	}
	x.observe(refusal, status, len(document))
}

// refusal is what the caller is told about an error. What the caller must not see is logged here, once.
func (x *exchange) refusal(err error) *awserr.Error {
	refusal, known := awsError(err, !x.ec2())
	if x.documentsOnly() && refusal.Status != http.StatusForbidden && !refusal.Server() {
		refused := *refusal // JSON services answer every refusal of a caller with 400
		refused.Status = http.StatusBadRequest
		refusal = &refused
	}
	log := x.log
	if x.call != nil {
		log = x.call.Log
	}
	switch {
	case !known:
		log.Error("call failed", "error", err)
	case refusal.Server():
		log.Warn("call refused", "code", refusal.Code, "error", err)
	default:
		log.Debug("call refused", "code", refusal.Code, "message", refusal.Message)
	}
	return refusal
}

// envelope writes the error in the service's form; EC2's when the service is unknown.
func (x *exchange) envelope(e *awserr.Error) []byte {
	if x.format != wire.Urlencoded {
		return x.documentError(e)
	}
	if x.service == nil {
		return awserr.AppendEC2(nil, e, x.id)
	}
	return x.service.codec.AppendError(nil, e, x.id)
}

func (x *exchange) record(refusal *awserr.Error, status int) {
	if x.gateway.cfg.Audit == nil {
		return
	}
	c := x.call
	if c == nil {
		if c = x.unbelieved(); c == nil {
			return
		}
	}
	if c.Account == "" && refusal != nil && !x.gateway.strangers.AllowN(x.arrived, 1) {
		return
	}
	e := AuditEvent{Time: c.Time, RequestID: c.RequestID, Principal: c.Principal, Service: c.Service, Scope: x.service.scope, Action: c.Action,
		Region: c.Region, SourceIP: c.SourceIP, UserAgent: c.UserAgent, DryRun: c.DryRun, ReadOnly: reads(c.Action), Params: redact(c.Params),
		Resources: c.asked, Response: x.out, Status: status, Authenticated: x.call != nil && x.signature != nil}
	if refusal != nil {
		e.Code, e.Message, e.Response = refusal.Code, refusal.Message, nil
		if x.documentsOnly() {
			e.Code = x.service.codec.Shape(refusal.Code)
		}
	}
	x.gateway.cfg.Audit.Record(x.request.Context(), e)
}

// Refused calls that name no existing key, or bring no signature at all, are recorded too, but only so many, one every ten seconds after the first: whoever has no key at
// all must not be able to fill the record.
const (
	strangerRate  = rate.Limit(0.1)
	strangerBurst = 300
)

// unbelieved is the call of a request that was refused before its action was read: in the name of whose key it names, or in
// nobody's. It is nil when it is no service's.
func (x *exchange) unbelieved() *Call {
	if x.service == nil {
		return nil
	}
	who := x.claimed
	if who.AccountID == "" {
		who = Principal{}
		if x.signature != nil {
			who.AccessKeyID = clip(x.signature.AccessKeyID)
		}
	}
	action := ""
	if x.format != wire.Urlencoded {
		_, action = x.operation()
	} else if form, err := x.form(); err == nil {
		for _, p := range form {
			if p.Name == "Action" {
				action = p.Value
			}
		}
	}
	return &Call{Account: who.AccountID, Principal: who, Service: x.service.name, Action: clip(action), Region: x.gateway.cfg.Region,
		RequestID: x.id, SourceIP: sourceIP(x.request), UserAgent: x.request.UserAgent(), Time: x.arrived}
}

// clip bounds what was sent as an action or as an access key id.
func clip(s string) string { return s[:min(len(s), 128)] }

func (x *exchange) observe(refusal *awserr.Error, status, written int) {
	o := Observation{Service: "unknown", Action: "unknown", Status: status, Duration: x.gateway.now().Sub(x.arrived), Read: len(x.body), Written: written}
	if x.service != nil {
		o.Service = x.service.name
		if x.call != nil && x.service.actions[x.call.Action] != nil {
			o.Action = x.call.Action
		}
	}
	if refusal != nil {
		o.Code = refusal.Code
	}
	if x.gateway.cfg.Metrics != nil {
		x.gateway.cfg.Metrics.Observe(o)
	}
	log := x.log
	if x.call != nil {
		log = x.call.Log
	}
	log.Debug("answered", "status", status, "code", o.Code, "duration", o.Duration)
}

// routeError answers what no route took.
func (g *Gateway) routeError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	x := &exchange{gateway: g, request: c.Request(), response: c.Response(), id: uuid.NewString(), arrived: g.now()}
	x.log = g.log.With("request_id", x.id)
	x.response.Header().Set("X-Amzn-Requestid", x.id)
	var he *echo.HTTPError
	if errors.As(err, &he) && he.Code < http.StatusInternalServerError {
		e := awserr.New("InvalidRequest", "%s", strings.TrimSuffix(fmt.Sprint(he.Message), "."))
		e.Status = he.Code
		err = e
	}
	x.finish(nil, err)
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
