// SPDX-License-Identifier: Apache-2.0

package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Drain shuts this node's guests down for the host's sake: each is asked, forced after the grace, and its volumes are
// flushed and released. What the instances are meant to be does not change: they start again with the node. Nothing is
// launched any more after Drain was called. progress may be nil; it is called from one goroutine at a time.
func (x *Executor) Drain(ctx context.Context, grace time.Duration, progress func(instance, step string)) error {
	x.mu.Lock()
	x.draining = true
	keepers := slices.Collect(maps.Values(x.keepers))
	x.mu.Unlock()
	for _, k := range keepers {
		k.pause()
	}
	var mu sync.Mutex
	say := func(instance, step string) {
		mu.Lock()
		defer mu.Unlock()
		if progress != nil {
			progress(instance, step)
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, len(keepers))
	for n, k := range keepers {
		wg.Go(func() { errs[n] = k.shutDown(ctx, grace, say) })
	}
	wg.Wait()
	err := errors.Join(errs...)
	if err == nil {
		return nil
	}
	// The node is not drained after all: its keepers go on, and a second attempt finds them as the first did.
	x.mu.Lock()
	x.draining = false
	x.mu.Unlock()
	for _, k := range keepers {
		k.resume()
	}
	return err
}

// shutDown brings one guest down while its keeper is paused.
func (k *keeper) shutDown(ctx context.Context, grace time.Duration, say func(instance, step string)) error {
	g, st, ok := k.seen()
	if !ok {
		return nil
	}
	if st.Phase == Up || st.Phase == Starting {
		say(k.id, "asking the guest to power off")
		if err := g.Powerdown(ctx); err != nil {
			k.log.Warn("cannot ask guest to power off", "error", err)
		}
		askCtx, cancel := context.WithTimeout(ctx, grace)
		for askCtx.Err() == nil && (st.Phase == Up || st.Phase == Starting) {
			next, err := g.Status(askCtx, st.Version)
			if err != nil {
				break
			}
			st = next
		}
		cancel()
		if st.Phase == Up || st.Phase == Starting {
			say(k.id, "the guest did not power off in time, forcing it")
		}
	}
	k.end(ctx, g, st)
	if k.current() != nil {
		return fmt.Errorf("shut down instance %s: its guard did not end", k.id)
	}
	say(k.id, "down")
	return nil
}
