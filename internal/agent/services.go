// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/state"
)

// listenRetry is when a node that is to answer the API again tries to open its port again.
const listenRetry = time.Second

// offers tells whether this node has one of some capabilities: as the region says once the node is registered, for an
// operator may have changed them (hive node set-capabilities), and as it is configured until then.
func (a *Agent) offers(caps ...string) bool {
	have := a.config.Node.Caps
	select {
	case <-a.ready:
		if n, ok := state.Nodes.Get(a.region.Local(), state.AnyAccount, a.id.NodeID); ok {
			have = n.Caps
		}
	default:
	}
	return slices.ContainsFunc(caps, func(c string) bool { return slices.Contains(have, c) })
}

// answersAPI tells whether this node runs the API gateway.
func (a *Agent) answersAPI() bool { return a.offers("api") }

// keepsDisks tells whether this node runs a block daemon: for its guests, for volumes, and for those that it still has.
func (a *Agent) keepsDisks() bool {
	if a.offers("ec2", "ebs") {
		return true
	}
	_, has := state.Volumes.First(a.region.Local(), state.ByNode, a.id.NodeID)
	return has
}

// while runs a service as long as it is wanted, and again when it is wanted again, until the context ends or the service
// ends by itself.
func (a *Agent) while(ctx context.Context, wanted func() bool, run func(context.Context) error) error {
	for ctx.Err() == nil {
		if !wanted() {
			a.changes(ctx, func() bool { return !wanted() })
			continue
		}
		running, cancel := context.WithCancel(ctx)
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			a.changes(running, wanted)
			cancel()
		}()
		err := run(running)
		byItself := running.Err() == nil
		cancel()
		<-watched
		if err != nil || byItself {
			return err
		}
	}
	return nil
}

// changes returns when a condition on the region's state holds no more, or the context ends.
func (a *Agent) changes(ctx context.Context, holds func() bool) {
	registered := a.ready
	for {
		changed := a.region.Changed()
		if !holds() {
			return
		}
		select {
		case <-changed:
		case <-registered:
			registered = nil
		case <-ctx.Done():
			return
		}
	}
}

// serveAPI runs the gateway while this node answers the API, on a listener that is open already or on one of its own.
func (a *Agent) serveAPI(ctx context.Context, g *apigw.Gateway, open net.Listener) error {
	return a.while(ctx, a.answersAPI, func(wanted context.Context) error {
		l := open
		for open = nil; l == nil; {
			var err error
			if l, err = net.Listen("tcp", a.apiAddr); err != nil {
				a.log.Error("cannot answer the API, trying again", "error", busy(err, "listen.api", a.apiAddr))
				if sleep(wanted, listenRetry) != nil {
					return nil
				}
			}
		}
		err := g.Serve(wanted, l)
		if err != nil && wanted.Err() != nil && ctx.Err() == nil { // calls that took too long are no reason to end the node
			a.log.Warn("the API ended with calls in it", "error", err)
			err = nil
		}
		return err
	})
}

// serveDisks keeps the block daemon up while this node has disks, and ends it when there is nothing left for it to do.
func (a *Agent) serveDisks(ctx context.Context) error {
	return a.while(ctx, a.keepsDisks, func(wanted context.Context) error {
		err := a.daemon.run(wanted)
		if err == nil && ctx.Err() == nil { // it outlives the agent, but not its purpose
			a.log.Info("this node keeps no disks any more, ending the block daemon")
			err = a.daemon.stop(ctx)
		}
		return err
	})
}
