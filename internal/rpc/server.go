// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/internal/logging"
)

const (
	// MaxBody is the default limit of a request's and of a response's body in bytes. The largest command of the log is
	// 512 KiB; lists in answers may be longer.
	MaxBody = 4 << 20

	pathPrefix      = "/rpc/"
	contentType     = "application/x-msgpack"
	headerRequestID = "X-Request-Id"
	headerTimeout   = "X-Hive-Timeout-Ms" // what is left of the caller's deadline; clocks need not agree
	concurrentCalls = 4096                // on one connection; a region has hundreds of callers and one leader
	idleTimeout     = 2 * time.Minute
	headerTimeLimit = 30 * time.Second
)

// Server answers calls. Register all methods, then Serve.
type Server struct {
	logger hclog.Logger
	limit  int64

	mu      sync.RWMutex
	methods map[string]method
}

type method func(ctx context.Context, peer NodeID, body []byte) ([]byte, error)

// NewServer returns a server without methods.
func NewServer(logger hclog.Logger) *Server {
	if logger == nil {
		logger = hclog.NewNullLogger()
	}
	return &Server{logger: logger.Named("rpc"), limit: MaxBody, methods: map[string]method{}}
}

// Handle registers a method. It panics when the name is taken: that is a fault of the program. f gets the node that
// called, as it proved; ctx carries the caller's request id and ends with the caller's deadline or connection.
func Handle[Req, Resp any](s *Server, name string, f func(ctx context.Context, peer NodeID, q Req) (Resp, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.methods[name] != nil || name == "" || strings.Contains(name, "/") {
		panic(fmt.Sprintf("rpc: method %q is registered twice or no name", name))
	}
	s.methods[name] = func(ctx context.Context, peer NodeID, body []byte) ([]byte, error) {
		var q Req
		if err := decode(body, &q); err != nil {
			return nil, &Error{Code: CodeBadRequest, Message: err.Error()}
		}
		r, err := f(ctx, peer, q)
		if err != nil {
			return nil, err
		}
		return encode(r)
	}
}

type peerKey struct{}

// Serve answers on l until ctx ends, then ends all calls and connections and waits for them.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	conns := &connSet{open: map[net.Conn]bool{}}
	calls := &callSet{}
	var protocols http.Protocols
	// The stream is already private and authenticated; inside it HTTP/2 starts without further negotiation.
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{
		Handler:           calls.wrap(s.serve),
		Protocols:         &protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: concurrentCalls},
		ReadHeaderTimeout: headerTimeLimit,
		IdleTimeout:       idleTimeout,
		ErrorLog:          log.New(s.logger.StandardWriter(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}), "", 0),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(c context.Context, conn net.Conn) context.Context {
			if p, ok := conn.(Conn); ok {
				return context.WithValue(c, peerKey{}, p.Peer())
			}
			return c
		},
		ConnState: conns.watch,
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	err := srv.Serve(l)
	srv.Close()
	conns.wg.Wait()
	calls.close()
	if ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve rpc: %w", err)
}

// connSet waits for the connections that net/http serves: its Close does not.
type connSet struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	open map[net.Conn]bool
}

func (c *connSet) watch(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = true
		c.wg.Add(1)
	case http.StateClosed, http.StateHijacked:
		if c.open[conn] {
			delete(c.open, conn)
			c.wg.Done()
		}
	}
}

// callSet waits for the handlers, which may outlive their connection.
type callSet struct {
	wg     sync.WaitGroup
	mu     sync.Mutex
	closed bool
}

func (c *callSet) wrap(f http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return
		}
		c.wg.Add(1)
		c.mu.Unlock()
		defer c.wg.Done()
		f(w, r)
	})
}

func (c *callSet) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wg.Wait()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	peer, _ := r.Context().Value(peerKey{}).(NodeID)
	ctx := r.Context()
	if id := r.Header.Get(headerRequestID); id != "" {
		ctx = logging.WithRequestID(ctx, id)
	}
	if ms, err := strconv.ParseInt(r.Header.Get(headerTimeout), 10, 64); err == nil && ms > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
		defer cancel()
	}
	body, err := s.answer(ctx, peer, r)
	status := http.StatusOK
	if err != nil {
		status, body = s.refusal(ctx, peer, r.URL.Path, err)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A caller that went away is no news, and there is nobody to tell.
	_, _ = w.Write(body)
}

func (s *Server) answer(ctx context.Context, peer NodeID, r *http.Request) ([]byte, error) {
	if peer == "" {
		return nil, Errorf(CodeBadRequest, "the connection names no node")
	}
	name, ok := strings.CutPrefix(r.URL.Path, pathPrefix)
	if !ok || r.Method != http.MethodPost {
		return nil, Errorf(CodeBadRequest, "%s %s: want POST %smethod", r.Method, r.URL.Path, pathPrefix)
	}
	if got := r.Header.Get("Content-Type"); got != contentType {
		return nil, Errorf(CodeBadRequest, "content type %q, want %s", got, contentType)
	}
	s.mu.RLock()
	m := s.methods[name]
	s.mu.RUnlock()
	if m == nil {
		return nil, Errorf(CodeBadRequest, "unknown method %q", name)
	}
	body, err := readBody(r.Body, s.limit)
	if err != nil {
		return nil, Errorf(CodeBadRequest, "read request: %v", err)
	}
	return m(ctx, peer, body)
}

// refusal turns a handler's error into what travels. Only an error of the rpc package keeps its code.
func (s *Server) refusal(ctx context.Context, peer NodeID, path string, err error) (status int, body []byte) {
	e := &Error{Code: CodeOf(err), Message: err.Error()}
	var typed *Error
	if errors.As(err, &typed) && typed == err {
		e.Message = typed.Message
	}
	status = http.StatusInternalServerError
	if e.Code == CodeBadRequest {
		status = http.StatusBadRequest
	}
	logging.With(ctx, s.logger).Debug("call refused", "peer", peer, "path", path, "error", err)
	body, err = encode(e)
	if err != nil {
		// An Error is two strings.
		panic(err)
	}
	return status, body
}
