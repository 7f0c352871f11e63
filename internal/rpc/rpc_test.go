// SPDX-License-Identifier: Apache-2.0

package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hivecloud/hive/internal/logging"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/testcluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type question struct {
	Text string `codec:"text"`
	Data []byte `codec:"data"`
}

type answer struct {
	Text    string `codec:"text"`
	Peer    string `codec:"peer"`
	Request string `codec:"request"`
	Data    []byte `codec:"data"`
}

const codeBusy rpc.Code = "test.busy"

// newServer answers on node "b"; calls come from node "a".
func newServer() *rpc.Server {
	s := rpc.NewServer(nil)
	rpc.Handle(s, "Echo", func(ctx context.Context, peer rpc.NodeID, q question) (answer, error) {
		return answer{Text: q.Text, Peer: peer, Request: logging.RequestID(ctx), Data: q.Data}, nil
	})
	rpc.Handle(s, "Busy", func(context.Context, rpc.NodeID, question) (answer, error) {
		return answer{}, fmt.Errorf("wrapped: %w", rpc.Errorf(codeBusy, "come back"))
	})
	rpc.Handle(s, "Break", func(context.Context, rpc.NodeID, question) (answer, error) {
		return answer{}, errors.New("disk on fire")
	})
	rpc.Handle(s, "Wait", func(ctx context.Context, _ rpc.NodeID, _ question) (answer, error) {
		<-ctx.Done()
		return answer{}, ctx.Err()
	})
	rpc.Handle(s, "Big", func(context.Context, rpc.NodeID, question) (answer, error) {
		return answer{Data: make([]byte, rpc.MaxBody+1)}, nil
	})
	return s
}

type pair struct {
	net    *testcluster.Network
	b      *testcluster.Endpoint
	client *rpc.Client
	close  func()
}

func newPair(t *testing.T) *pair {
	t.Helper()
	n := testcluster.NewNetwork(1)
	p := &pair{net: n, b: n.Endpoint("b"), client: rpc.NewClient(n.Endpoint("a"))}
	l, err := p.b.Listen(rpc.ProtoRPC)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := newServer().Serve(ctx, l); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	p.close = func() { p.client.Close(); cancel(); wg.Wait() }
	return p
}

func echo(ctx context.Context, p *pair, q question) (answer, error) {
	return rpc.Call[question, answer](ctx, p.client, "b", "Echo", q)
}

func TestCall_CarriesPeerRequestIDAndBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		ctx := logging.WithRequestID(t.Context(), "req-7")
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() {
				q := question{Text: fmt.Sprint(i), Data: bytes.Repeat([]byte{byte(i)}, i*1000)}
				got, err := echo(ctx, p, q)
				if err != nil || got.Text != q.Text || got.Peer != "a" || got.Request != "req-7" || !bytes.Equal(got.Data, q.Data) {
					t.Errorf("call %d: %q %q %q, %d bytes, %v", i, got.Text, got.Peer, got.Request, len(got.Data), err)
				}
			})
		}
		wg.Wait()
	})
}

func TestCall_ErrorsKeepTheirCode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		for _, c := range []struct {
			node, method string
			q            question
			code         rpc.Code
			text         string
		}{
			{"b", "Busy", question{}, codeBusy, "come back"},
			{"b", "Break", question{}, rpc.CodeInternal, "disk on fire"},
			{"b", "Nope", question{}, rpc.CodeBadRequest, "Nope"},
			{"b", "Echo", question{Data: make([]byte, rpc.MaxBody+1)}, rpc.CodeBadRequest, "at most"},
			{"b", "Big", question{}, rpc.CodeUnavailable, "too long"},
			{"c", "Echo", question{}, rpc.CodeUnavailable, "refused"},
			{"", "Echo", question{}, rpc.CodeBadRequest, "node id"},
			{"b/../c", "Echo", question{}, rpc.CodeBadRequest, "node id"},
		} {
			_, err := rpc.Call[question, answer](t.Context(), p.client, c.node, c.method, c.q)
			if rpc.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.text) {
				t.Errorf("%s at %q: got %v (%s), want %s with %q", c.method, c.node, err, rpc.CodeOf(err), c.code, c.text)
			}
			if !errors.Is(err, &rpc.Error{Code: c.code}) {
				t.Errorf("%s: errors.Is does not match the code", c.method)
			}
		}
	})
}

func TestCall_UnknownFieldsRefusedBothWays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		type more struct {
			Text  string `codec:"text"`
			Extra int    `codec:"extra"`
		}
		_, err := rpc.Call[more, answer](t.Context(), p.client, "b", "Echo", more{Text: "x", Extra: 1})
		if rpc.CodeOf(err) != rpc.CodeBadRequest || !strings.Contains(err.Error(), "extra") {
			t.Errorf("unknown field in the request: got %v", err)
		}
		type less struct {
			Text string `codec:"text"`
		}
		_, err = rpc.Call[question, less](t.Context(), p.client, "b", "Echo", question{})
		if rpc.CodeOf(err) != rpc.CodeBadResponse || !strings.Contains(err.Error(), "data") {
			t.Errorf("unknown field in the response: got %v", err)
		}
	})
}

func TestCall_DeadlineTravelsAndCancelsTheHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := rpc.Call[question, answer](ctx, p.client, "b", "Wait", question{})
		if !errors.Is(err, context.DeadlineExceeded) && rpc.CodeOf(err) != rpc.CodeInternal {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took > 1100*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestPeerSilent_CallEndsWithoutADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		defer p.close()
		if _, err := echo(t.Context(), p, question{}); err != nil {
			t.Fatal(err)
		}
		p.net.Cut("b", "a")
		_, err := echo(t.Context(), p, question{})
		if rpc.CodeOf(err) != rpc.CodeUnavailable {
			t.Errorf("got %v", err)
		}
		p.net.HealAll()
		if _, err := echo(t.Context(), p, question{}); err != nil {
			t.Errorf("after healing: %v", err)
		}
	})
}

func TestServerEnds_CallsUnderWayFailAndNothingIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		errs := make(chan error)
		go func() {
			_, err := rpc.Call[question, answer](t.Context(), p.client, "b", "Wait", question{})
			errs <- err
		}()
		synctest.Wait()
		go p.close()
		if err := <-errs; err == nil {
			t.Error("a call outlived its server")
		}
		synctest.Wait()
		if _, err := echo(t.Context(), p, question{}); rpc.CodeOf(err) != rpc.CodeUnavailable {
			t.Errorf("call on a closed client: got %v", err)
		}
	})
}
