// SPDX-License-Identifier: Apache-2.0

package testcluster

import (
	"context"
	"math/rand/v2"
	"time"
)

// The bounds of what Sabotage does: pauses before a harm, and how long it lasts.
const (
	calmLeast, calmMost = 200 * time.Millisecond, 1200 * time.Millisecond
	harmLeast, harmMost = 200 * time.Millisecond, 2200 * time.Millisecond
	changeTime          = 2 * time.Second // for one change of members
)

// way is one way to harm a cluster. do returns what is needed, beside healing the network, to undo it; nil is nothing.
type way struct {
	name string
	do   func(s *saboteur, victim string) (undo func())
}

var ways = []way{
	{"isolate", func(s *saboteur, v string) func() { s.c.Net.Isolate(v); return nil }},
	{"deafen", func(s *saboteur, v string) func() { s.others(v, func(o string) { s.c.Net.Cut(o, v) }); return nil }},
	{"mute", func(s *saboteur, v string) func() { s.others(v, func(o string) { s.c.Net.Cut(v, o) }); return nil }},
	{"cut one link", func(s *saboteur, v string) func() { s.c.Net.Cut(v, s.other(v)); return nil }},
	{"slow network", (*saboteur).slow},
	{"stall disk", (*saboteur).stall},
	// Nothing goes in or out and nothing is written; afterwards all of it happens at once, as after SIGCONT.
	{"pause", func(s *saboteur, v string) func() { s.c.Net.Isolate(v); return s.stall(v) }},
	{"restart", func(s *saboteur, v string) func() {
		disk := s.c.Stop(v)
		return func() { s.c.Start(v, disk) }
	}},
	{"hand over", func(s *saboteur, v string) func() {
		s.change(s.other(v), func(ctx context.Context, m *Member) error { return m.Node.TransferLeadership(ctx, v) })
		return nil
	}},
	{"demote", func(s *saboteur, v string) func() {
		s.change(s.other(v), func(ctx context.Context, m *Member) error { return m.Node.Demote(ctx, v) })
		return func() { s.vote(v) }
	}},
	{"replace", (*saboteur).replace},
}

// Sabotage harms the members that the cluster began with, in one way at a time and most often the leader, and lets them
// recover for a while in between: cuts in one or both directions, delay, stalled disks, pauses, restarts, changes of
// leader and of members. It returns, with everything mended, when length has passed, and says what it did how often.
func (c *Cluster) Sabotage(ctx context.Context, rng *rand.Rand, length time.Duration) map[string]int {
	s := &saboteur{c: c, ctx: ctx, rng: rng}
	harm := map[string]int{}
	for start := time.Now(); time.Since(start) < length; {
		time.Sleep(s.between(calmLeast, calmMost))
		w, victim := ways[rng.IntN(len(ways))], ID(rng.IntN(c.cfg.Nodes))
		if l := s.leaderNow(); l != "" && rng.IntN(3) > 0 {
			victim = l // the leader is the one that it hurts
		}
		undo := w.do(s, victim)
		harm[w.name]++
		time.Sleep(s.between(harmLeast, harmMost))
		c.Net.HealAll()
		if undo != nil {
			undo()
		}
	}
	return harm
}

type saboteur struct {
	c   *Cluster
	ctx context.Context
	rng *rand.Rand
}

func (s *saboteur) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.rng.Int64N(int64(most-least)))
}

func (s *saboteur) slow(string) func() {
	s.c.Net.SetDelay(time.Millisecond, time.Duration(5+s.rng.IntN(60))*time.Millisecond)
	return func() { s.c.Net.SetDelay(50*time.Microsecond, 500*time.Microsecond) }
}

func (s *saboteur) stall(victim string) func() {
	disk := s.c.Member(victim).Disk
	disk.Stall()
	return disk.Resume
}

// replace takes a member out of the group and puts an empty machine of the same name in its place. The old disk goes
// only when the removal is certain: a member that still counts must not forget its vote.
func (s *saboteur) replace(victim string) func() {
	removed := s.change(s.other(victim), func(ctx context.Context, m *Member) error { return m.Node.Remove(ctx, victim) })
	disk := s.c.Stop(victim)
	if removed {
		disk = NewDisk()
	}
	return func() { s.c.Start(victim, disk); s.vote(victim) }
}

// vote makes a member a voter again, as long as that takes.
func (s *saboteur) vote(id string) {
	for range 20 {
		if s.change(s.other(id), func(ctx context.Context, m *Member) error {
			if err := m.Node.AddLearner(ctx, id); err != nil {
				return err
			}
			return m.Node.AddVoter(ctx, id)
		}) {
			return
		}
		time.Sleep(calmLeast)
	}
	s.c.t.Errorf("member %s cannot be made a voter again", id)
}

// change asks one member for a change of members and tells whether it is certain that it was made.
func (s *saboteur) change(at string, f func(context.Context, *Member) error) bool {
	ctx, cancel := context.WithTimeout(s.ctx, changeTime)
	defer cancel()
	return f(ctx, s.c.Member(at)) == nil
}

func (s *saboteur) leaderNow() string {
	for _, m := range s.c.Members() {
		if m.Node.IsLeader() {
			return m.ID
		}
	}
	return ""
}

func (s *saboteur) others(id string, f func(other string)) {
	for i := range s.c.cfg.Nodes {
		if o := ID(i); o != id {
			f(o)
		}
	}
}

func (s *saboteur) other(id string) string {
	var all []string
	s.others(id, func(o string) { all = append(all, o) })
	return all[s.rng.IntN(len(all))]
}
