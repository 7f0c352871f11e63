// SPDX-License-Identifier: Apache-2.0

package region_test

import (
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// The histories that are checked.
const (
	tokenHistory = "launches by client token"
	tagHistory   = "tags"
	poolHistory  = "addresses and places"
)

// in and out are an operation of any history.
type in struct {
	write      bool
	key, value string // token and the call's own instance id; resource and tag value; address that is given back
}

type out struct {
	value   string // instance id; tag value; address or "full"
	unknown bool
}

// byKey checks each token and each tag for itself.
func byKey(h []porcupine.Operation) [][]porcupine.Operation {
	keys, parts := map[string]int{}, [][]porcupine.Operation{}
	for _, o := range h {
		key := o.Input.(in).key
		n, ok := keys[key]
		if !ok {
			n, keys[key] = len(parts), len(parts)
			parts = append(parts, nil)
		}
		parts[n] = append(parts[n], o)
	}
	return parts
}

func describeOp(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) }

// once: the first launch of a token makes an instance, every later one answers with it. A call does not know which of its
// own tries took effect, so its answer is an instance that no earlier call answered with, or that of the first.
var once = porcupine.Model{Partition: byKey, Init: func() any { return "" }, DescribeOperation: describeOp,
	Step: func(now, _, output any) (bool, any) {
		made, o := now.(string), output.(out)
		if made == "" {
			return true, o.value // "" while the outcome is unknown
		}
		return o.unknown || o.value == made, made
	}}

// register: a read answers with the newest value.
var register = porcupine.Model{Partition: byKey, Init: func() any { return "" }, DescribeOperation: describeOp,
	Step: func(now, input, output any) (bool, any) {
		i, o := input.(in), output.(out)
		if i.write {
			return true, i.value
		}
		return o.value == now.(string), now
	}}

// places is how many instances fit into zone b, and lowest the first address of its subnet that is given out.
const places = 8

var lowest = netip.MustParseAddr("10.0.16.4")

// pool: an allocation takes the lowest free address, and is refused exactly when all places are taken.
var pool = porcupine.Model{Init: func() any { return uint64(0) }, DescribeOperation: describeOp,
	Step: func(now, input, output any) (bool, any) {
		taken, i, o := now.(uint64), input.(in), output.(out)
		if !i.write {
			bit := uint64(1) << offset(i.value)
			return taken&bit != 0, taken &^ bit
		}
		first := 0
		for taken&(1<<first) != 0 {
			first++
		}
		if bits.OnesCount64(taken) == places {
			return o.unknown || o.value == "full", taken
		}
		return o.unknown || o.value == lowestPlus(first), taken | 1<<first
	}}

func offset(addr string) int { return int(netip.MustParseAddr(addr).As4()[3] - lowest.As4()[3]) }

func lowestPlus(n int) string {
	a := lowest.As4()
	a[3] += byte(n)
	return netip.AddrFrom4(a).String()
}

// until is when an operation returned, for the checker.
func (x *chaos) until(unknown bool) int64 {
	if unknown {
		return never
	}
	return x.now()
}

// sharesTokens launches with client tokens that other clients use at about the same time.
func (x *chaos) sharesTokens(ctx context.Context, n int, rng *rand.Rand) {
	for time.Since(x.start) < x.length {
		time.Sleep(time.Duration(100+rng.IntN(300)) * time.Millisecond)
		token := fmt.Sprint("t", time.Since(x.start)/(2*time.Second))
		op := porcupine.Operation{ClientId: n, Call: x.now(), Input: in{write: true, key: token}}
		var made command.Launched
		_, refusal, unknown := x.call(ctx, rng, &made, func() command.Command {
			c, _ := x.launch("a", token)
			return c
		})
		if refusal != nil {
			x.t.Errorf("launch with token %s: %v", token, refusal)
			return
		}
		o := out{unknown: unknown}
		if !unknown {
			o.value = made.InstanceIDs[0]
		}
		op.Output, op.Return = o, x.until(unknown)
		x.record(tokenHistory, op)
	}
}

// tags writes and reads tags of a few resources, at any member.
func (x *chaos) tags(ctx context.Context, n int, rng *rand.Rand) {
	for time.Since(x.start) < x.length {
		time.Sleep(time.Duration(50+rng.IntN(150)) * time.Millisecond)
		resource := []string{"vpc-1", "subnet-a", "subnet-b", "sg-1"}[rng.IntN(4)]
		op := porcupine.Operation{ClientId: n, Call: x.now()}
		if rng.IntN(2) == 0 {
			value, ok := x.readTag(ctx, rng, resource)
			if !ok {
				continue
			}
			op.Input, op.Output, op.Return = in{key: resource}, out{value: value}, x.now()
			x.record(tagHistory, op)
			continue
		}
		value := fmt.Sprint(x.id())
		op.Input = in{write: true, key: resource, value: value}
		// Setting a tag twice is the same as once only while nobody else sets it between: a try whose outcome is unknown is
		// a write of its own, which may or may not come, at any time.
		lost := func(began int64) {
			x.record(tagHistory, porcupine.Operation{ClientId: n, Input: op.Input, Call: began, Output: out{unknown: true}, Return: never})
		}
		_, refusal, unknown := x.callTries(ctx, rng, nil, func() command.Command {
			return command.CreateTags{AccountID: chaosAccount, Resources: []string{resource}, Tags: []state.Tag{{Key: "k", Value: value}}}
		}, lost)
		if refusal != nil {
			x.t.Errorf("tag %s: %v", resource, refusal)
			return
		}
		if !unknown {
			op.Output, op.Return = out{}, x.now()
			x.record(tagHistory, op)
		}
	}
}

func (x *chaos) readTag(ctx context.Context, rng *rand.Rand, resource string) (value string, ok bool) {
	at := x.door(rng.IntN(members))
	if at == nil {
		return "", false
	}
	v := at.Local()
	if x.fault != readsOldState {
		var err error
		if v, err = at.View(ctx); err != nil {
			return "", false
		}
	}
	for _, t := range v.TagsOf(chaosAccount, resource) {
		value = t.Value
	}
	return value, true
}

// allocates launches into a zone that is nearly full, and terminates what it launched.
func (x *chaos) allocates(ctx context.Context, n int, rng *rand.Rand) {
	var mine []string
	for time.Since(x.start) < x.length {
		time.Sleep(time.Duration(100+rng.IntN(200)) * time.Millisecond)
		if len(mine) > 0 && rng.IntN(2) == 0 {
			if !x.giveBack(ctx, n, rng, mine[0]) {
				return
			}
			mine = mine[1:]
			continue
		}
		id, ok := x.allocate(ctx, n, rng)
		if !ok {
			return // what it took, if anything, is taken for good
		}
		if id != "" {
			mine = append(mine, id)
		}
	}
}

func (x *chaos) allocate(ctx context.Context, n int, rng *rand.Rand) (id string, ok bool) {
	token := fmt.Sprint("own", x.id())
	op := porcupine.Operation{ClientId: n, Call: x.now(), Input: in{write: true}}
	var made command.Launched
	at, refusal, unknown := x.call(ctx, rng, &made, func() command.Command {
		c, _ := x.launch("b", token)
		return c
	})
	o := out{unknown: unknown}
	switch {
	case refusal != nil && refusal.Code == "InsufficientInstanceCapacity":
		o.value = "full"
	case refusal != nil:
		x.t.Errorf("launch into zone b: %v", refusal)
		return "", false
	case !unknown:
		id = made.InstanceIDs[0]
		i, _ := state.Instances.Get(at.Local(), chaosAccount, id) // its own write, so it is there
		o.value = i.PrivateIP
	}
	op.Output, op.Return = o, x.until(unknown)
	x.record(poolHistory, op)
	return id, !unknown
}

// giveBack terminates an instance and reports, as its node would, that it is gone.
func (x *chaos) giveBack(ctx context.Context, n int, rng *rand.Rand, id string) bool {
	at, refusal, unknown := x.call(ctx, rng, nil, func() command.Command {
		return command.TerminateInstances{AccountID: chaosAccount, InstanceIDs: []string{id}}
	})
	if refusal != nil || unknown {
		return refusal == nil
	}
	i, _ := state.Instances.Get(at.Local(), chaosAccount, id)
	op := porcupine.Operation{ClientId: n, Call: x.now(), Input: in{value: i.PrivateIP}}
	_, refusal, unknown = x.call(ctx, rng, nil, func() command.Command {
		return command.ReportInstances{NodeID: i.NodeID, Reports: []command.InstanceReport{{InstanceID: id, Epoch: i.Epoch, Generation: i.Generation, Saw: command.SawTerminated}}}
	})
	if refusal != nil {
		x.t.Errorf("report %s: %v", id, refusal)
	}
	op.Output, op.Return = out{unknown: unknown}, x.until(unknown)
	x.record(poolHistory, op)
	return !unknown
}

// verdicts checks all histories.
func (x *chaos) verdicts(t *testing.T) map[string]porcupine.CheckResult {
	t.Helper()
	all := map[string]porcupine.CheckResult{}
	for name, model := range map[string]porcupine.Model{tokenHistory: once, tagHistory: register, poolHistory: pool} {
		h := x.history[name]
		unknown := 0
		for _, o := range h {
			if o.Output.(out).unknown {
				unknown++
			}
		}
		all[name] = porcupine.CheckOperationsTimeout(model, h, 5*time.Minute)
		t.Logf("%s: %d operations, %d with unknown outcome: %s", name, len(h), unknown, all[name])
	}
	t.Logf("harm %v", x.harm)
	return all
}

func TestChaos_LaunchesTagsAndPlacesAreLinearizable(t *testing.T) {
	t.Parallel()
	seeds, length := uint64(20), time.Minute
	switch {
	case os.Getenv("HIVE_SOAK") != "":
		seeds = 200
	case underRace:
		seeds, length = 2, 20*time.Second
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			x := runChaos(t, seed, length, noFault)
			for name, got := range x.verdicts(t) {
				if got != porcupine.Ok {
					t.Errorf("the history of %s is judged %s", name, got)
				}
				if len(x.history[name]) < 50 {
					t.Errorf("only %d operations of %s: the check proves little", len(x.history[name]), name)
				}
			}
		})
	}
}

// Each check must be able to find the fault that it is for. A run has its chance to: goroutines of one virtual moment run in any
// order, so that a seed which shows the fault today may not tomorrow.
func TestChaosTeeth(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{tokenHistory: dropsTokens, tagHistory: readsOldState, poolHistory: plansOldState} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const chances = 10
			for seed := uint64(1); seed <= chances; seed++ {
				if runChaos(t, seed, 20*time.Second, f).verdicts(t)[name] == porcupine.Illegal {
					return
				}
			}
			t.Errorf("the fault in %s was not found in %d runs", name, chances)
		})
	}
}
