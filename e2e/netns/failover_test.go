// SPDX-License-Identifier: Apache-2.0

//go:build e2e || soak

package netns

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// failovers kills the leader again and again under clients of the one URL.
func failovers(t *testing.T, kills int) {
	t.Helper()
	r := newRegion(t, "")
	first, second := r.write(r.Virtual(), "first"), r.write(r.Virtual(), "second")
	cli := r.commandLine()
	eager := r.eager()
	var next, led []time.Duration
	for range kills {
		r.more(first, 3)
		r.more(second, 3)
		leader, others := r.Leader(r.Nodes[0])
		died := time.Now()
		leader.Kill()
		next = append(next, eager.after(r, died).Sub(died))
		r.Leader(others[0])
		for _, n := range others {
			r.counted(n, "eager", eager.count())
		}
		led = append(led, time.Since(died))
		r.Start(leader)
		r.Peers(3, 0, r.Nodes...)
	}
	cli.end(r)
	calls := r.end(first) + r.end(second) + eager.end()
	for _, n := range r.Nodes {
		r.counted(n, "eager", eager.acked)
	}
	r.Same(r.Nodes...)
	slices.Sort(next)
	slices.Sort(led)
	t.Logf("%d kills, %d calls; from the kill to the next write: median %v, p99 %v; to a leader that members shows: median %v",
		kills, calls, at(next, 0.5), at(next, 0.99), at(led, 0.5))
}

func at(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(10 * time.Millisecond)
}

// eager writes at the one URL and tries again at once: it measures how long nobody answered.
type eager struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	acked int       // the newest acknowledged count
	sent  time.Time // when the newest acknowledged write was first sent
	came  time.Time
}

func (r *region) eager() *eager {
	ctx, cancel := context.WithCancel(r.T.Context())
	e := &eager{cancel: cancel}
	e.wg.Go(func() {
		for count := 1; ctx.Err() == nil; count++ {
			e.once(ctx, r, count)
		}
	})
	r.T.Cleanup(func() { cancel(); e.wg.Wait() })
	return e
}

// once makes a write, and has it answered within a second or gives it up: what became of it nobody knows then.
func (e *eager) once(ctx context.Context, r *region, count int) {
	sent := time.Now()
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	got, err := r.Call(short, r.Virtual(), "CreateTags", r.counter("eager", count))
	if err == nil && got.Status == http.StatusOK {
		e.mu.Lock()
		e.acked, e.sent, e.came = count, sent, time.Now()
		e.mu.Unlock()
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Millisecond):
	}
}

// after is when the first write that was sent after a moment was acknowledged.
func (e *eager) after(r *region, moment time.Time) (came time.Time) {
	r.T.Helper()
	r.Eventually("a write after the death of the leader", func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		if !e.sent.After(moment) {
			return fmt.Errorf("%d so far", e.acked)
		}
		came = e.came
		return nil
	})
	return came
}

func (e *eager) end() (calls int) {
	e.cancel()
	e.wg.Wait()
	return e.acked
}

// count is the newest acknowledged count.
func (e *eager) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.acked
}

// commandLine is the AWS CLI, run again and again at the one URL with its defaults.
type commandLine struct {
	stop  atomic.Bool
	done  chan struct{}
	runs  int
	fault []string
}

func (r *region) commandLine() *commandLine {
	c := &commandLine{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for !c.stop.Load() {
			c.runs++
			cmd := exec.Command("aws", "ec2", "create-tags", "--resources", r.board, "--tags", fmt.Sprintf("Key=cli,Value=%d", c.runs))
			cmd.Env = r.AWS(r.Virtual())
			if out, err := cmd.CombinedOutput(); err != nil {
				c.fault = append(c.fault, fmt.Sprintf("%v: %s", err, strings.TrimSpace(string(out))))
			}
		}
	}()
	r.T.Cleanup(func() { c.stop.Store(true); <-c.done })
	return c
}

func (c *commandLine) end(r *region) {
	r.T.Helper()
	c.stop.Store(true)
	<-c.done
	for _, fault := range c.fault {
		r.T.Errorf("the AWS CLI saw an error: %s", fault)
	}
	if len(c.fault) == 0 {
		r.counted(r.Nodes[0], "cli", c.runs)
	}
	r.T.Logf("%d runs of the AWS CLI", c.runs)
}
