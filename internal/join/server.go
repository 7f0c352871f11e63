// SPDX-License-Identifier: Apache-2.0

package join

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/internal/admin"
)

const (
	// readTime is how long a stranger may take to say what it wants; serveTime bounds the whole connection.
	readTime  = 10 * time.Second
	serveTime = time.Minute
	// atOnce bounds the connections: nobody joins by the dozen, and everybody can knock.
	atOnce = 16
)

// Gate decides about applications. An *admin.Error is told to the joiner word by word; of any other error it learns
// only that there was one.
type Gate interface {
	Admit(ctx context.Context, a Application) (Grant, error)
}

// Server answers joiners.
type Server struct {
	gate Gate
	log  hclog.Logger
}

// NewServer returns a server before a gate.
func NewServer(gate Gate, log hclog.Logger) *Server {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	return &Server{gate: gate, log: log.Named("join")}
}

// Serve answers on l until ctx ends and waits for what is under way.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, atOnce)
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept joiner: %w", err)
		}
		select {
		case slots <- struct{}{}:
		default:
			s.log.Warn("joiner turned away, too many at once", "from", c.RemoteAddr())
			c.Close()
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			s.answer(ctx, c)
		})
	}
}

// answer serves one connection.
func (s *Server) answer(ctx context.Context, c net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, serveTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer func() { stop(); c.Close() }()
	_ = c.SetReadDeadline(time.Now().Add(readTime)) // one that cannot be set shows at the read
	var a Application
	if err := readFrame(c, &a, maxApplication); err != nil {
		s.log.Debug("no application from joiner", "from", c.RemoteAddr(), "error", err)
		return
	}
	out := answer{}
	grant, err := s.admit(ctx, a)
	switch {
	case err == nil:
		s.log.Info("node admitted", "node", a.Node, "from", c.RemoteAddr(), "token", a.Token)
		out.Grant = &grant
	default:
		s.log.Warn("node refused", "node", a.Node, "from", c.RemoteAddr(), "token", a.Token, "reason", err)
		out.Refusal = refusal(err)
	}
	if err := writeFrame(c, out, maxAnswer); err != nil {
		s.log.Warn("joiner left before its answer", "node", a.Node, "error", err)
	}
}

func (s *Server) admit(ctx context.Context, a Application) (Grant, error) {
	if a.Version != Version {
		return Grant{}, admin.Errorf(admin.KindConflict, "install the version of hive that the members run", "the joiner speaks version %d of the join protocol, this member version %d", a.Version, Version)
	}
	return s.gate.Admit(ctx, a)
}

func refusal(err error) *admin.Error {
	var e *admin.Error
	if errors.As(err, &e) {
		return e
	}
	return admin.Errorf(admin.KindFailure, "see the log of the agent that was asked", "the member could not admit the node")
}
