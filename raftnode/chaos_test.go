// SPDX-License-Identifier: Apache-2.0

package raftnode_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/hivecloud/hive/internal/testcluster"
	"github.com/hivecloud/hive/raftnode"
)

// soak says that the long forms were asked for (make soak).
func soak() bool { return os.Getenv("HIVE_SOAK") != "" }

// The history that is checked: registers that are read, written, and written if they have a value.
type opKind int

const (
	opRead opKind = iota
	opWrite
	opCAS
)

type opIn struct {
	kind            opKind
	key, value, old string
}

type opOut struct {
	value   string // of a read; "ok" or "no" of the others
	unknown bool   // nobody knows whether and when it took effect
}

var registers = porcupine.Model{
	Partition: func(h []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range h {
			key := o.Input.(opIn).key
			byKey[key] = append(byKey[key], o)
		}
		parts := [][]porcupine.Operation{}
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		now, in, out := state.(string), input.(opIn), output.(opOut)
		switch in.kind {
		case opRead:
			return out.value == now, now
		case opWrite:
			return out.unknown || out.value == "ok", in.value
		}
		if now == in.old {
			return out.unknown || out.value == "ok", in.value
		}
		return out.unknown || out.value == "no", now
	},
	Equal: func(a, b any) bool { return a == b },
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%+v -> %+v", input, output)
	},
}

// chaos is clients and a saboteur at work on one cluster.
type chaos struct {
	c       *testcluster.Cluster
	clients int
	length  time.Duration
	stale   bool // reads skip ReadIndex
	start   time.Time

	mu      sync.Mutex
	history []porcupine.Operation
	harm    map[string]int
}

const never = int64(1) << 60

// runChaos returns the history of one seed and what was done to the cluster meanwhile.
func runChaos(t *testing.T, seed uint64, length time.Duration, stale bool) *chaos {
	t.Helper()
	x := &chaos{clients: 8, length: length, stale: stale}
	synctest.Test(t, func(t *testing.T) {
		x.c = newCluster(t, 3, seed, func(_ string, c *raftnode.Config) {
			c.RetryFor = 2 * time.Second
			c.SnapshotEvery, c.SnapshotCheck, c.Trailing = 200, 2*time.Second, 50
		})
		defer x.c.Close()
		x.start = time.Now()
		var wg sync.WaitGroup
		for id := range x.clients {
			wg.Go(func() { x.client(t.Context(), id, rand.New(rand.NewPCG(seed, uint64(id)+100))) })
		}
		x.harm = x.c.Sabotage(t.Context(), rand.New(rand.NewPCG(seed, 99)), length)
		wg.Wait()
	})
	return x
}

func (x *chaos) now() int64 { return int64(time.Since(x.start)) }

// client works through any member that runs, so through deposed leaders and lonely followers too.
func (x *chaos) client(ctx context.Context, id int, r *rand.Rand) {
	for n := 0; time.Since(x.start) < x.length; n++ {
		time.Sleep(time.Duration(20+r.IntN(100)) * time.Millisecond)
		m := x.c.Member(testcluster.ID(r.IntN(3)))
		if m == nil {
			continue
		}
		in := opIn{kind: opKind(r.IntN(3)), key: fmt.Sprint("k", r.IntN(4)), value: fmt.Sprint(id, "-", n)}
		op := porcupine.Operation{ClientId: id, Call: x.now()}
		out, keep := x.do(ctx, m, &in)
		op.Input, op.Output, op.Return = in, out, x.now()
		if out.unknown {
			op.Return = never
		}
		if keep {
			x.mu.Lock()
			x.history = append(x.history, op)
			x.mu.Unlock()
		}
	}
}

func (x *chaos) do(ctx context.Context, m *testcluster.Member, in *opIn) (out opOut, keep bool) {
	if in.kind == opRead {
		if !x.stale && m.Node.ReadIndex(ctx) != nil {
			return opOut{}, false
		}
		return opOut{value: kvOf(m).get(in.key)}, true
	}
	cmd := kvCommand{ID: in.value, Key: in.key, Value: in.value}
	if in.kind == opCAS {
		in.old = kvOf(m).get(in.key) // a guess, and often a right one
		cmd.If = &in.old
	}
	answer, _, err := m.Node.Propose(ctx, cmd.encode())
	return opOut{value: string(answer), unknown: err != nil}, true
}

func (x *chaos) check(t *testing.T) porcupine.CheckResult {
	t.Helper()
	unknown := 0
	for _, o := range x.history {
		if o.Output.(opOut).unknown {
			unknown++
		}
	}
	verdict := porcupine.CheckOperationsTimeout(registers, x.history, 5*time.Minute)
	t.Logf("%d operations, %d with unknown outcome, harm %v: %s", len(x.history), unknown, x.harm, verdict)
	return verdict
}

func TestChaos_Linearizable(t *testing.T) {
	t.Parallel()
	seeds, length := uint64(20), time.Minute
	switch {
	case soak():
		seeds = 200
	case underRace:
		seeds, length = 2, 20*time.Second
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			x := runChaos(t, seed, length, false)
			if x.check(t) != porcupine.Ok {
				t.Error("the history is not linearizable")
			}
			if len(x.history) < 500 {
				t.Errorf("only %d operations: the check proves little", len(x.history))
			}
		})
	}
}

// The checker must be able to find something: reads of the local state without ReadIndex are stale now and then.
func TestChaosTeeth_ReadsWithoutReadIndexAreRejected(t *testing.T) {
	t.Parallel()
	x := runChaos(t, 1, 20*time.Second, true)
	if got := x.check(t); got != porcupine.Illegal {
		t.Errorf("stale reads were judged %s", got)
	}
}
