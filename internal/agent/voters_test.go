// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// bench makes seats of words: "A1L" is node A in domain 1; L leads, V votes, a learner has neither; "x" is dead (long),
// "?" dead a moment ago, "!" gone, "-" not fit.
func seatsOf(words string) []seat {
	var out []seat
	for _, w := range strings.Fields(words) {
		s := seat{ID: w[:1], Domain: w[1:2], Fit: true, Alive: true}
		for _, c := range w[2:] {
			switch c {
			case 'L':
				s.Voter, s.Leader = true, true
			case 'V':
				s.Voter = true
			case 'x':
				s.Alive, s.Dead = false, time.Hour
			case '?':
				s.Alive, s.Dead = false, time.Second
			case '!':
				s.Gone, s.Fit = true, false
			case '-':
				s.Fit = false
			}
		}
		out = append(out, s)
	}
	return out
}

func TestNextSeat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, seats, want string }{
		{"a lone node", "A1L", ""},
		{"a second node waits for a third", "A1L B2", ""},
		{"the third makes voters of both", "A1L B2 C3", "promote B"},
		{"and so to the end", "A1L B2V C3", "promote C"},
		{"two that are left stay two", "A1L B2V", ""},
		{"until a third comes", "A1L B2V C3", "promote C"},
		{"three are enough for three", "A1L B2V C3V", ""},
		{"a fourth stays a learner", "A1L B2V C3V D4", ""},
		{"a fifth makes five", "A1L B2V C3V D4 E5", "promote D"},
		{"a sixth stays a learner", "A1L B2V C3V D4V E5V F6", ""},
		{"a dead learner does not count", "A1L B2 C3x", ""},
		{"a node without raft does not vote", "A1L B2 C3-", ""},
		{"a node that never registered does not vote", "A1L B2V C3V D4- E5", ""},
		{"a dead voter of three is kept", "A1L B2V C3Vx", ""},
		{"a dead voter is replaced", "A1L B2V C3Vx D4", "promote D"},
		{"a voter that just died is not", "A1L B2V C3V? D4", ""},
		{"the dead one goes after its replacement came", "A1L B2V C3Vx D4V", "demote C"},
		{"a majority of dead is not replaced", "A1L B2Vx C3Vx D4 E5", ""},
		{"two of five are replaced one by one", "A1L B2V C3V D4Vx E5Vx F6 G7", "promote F"},
		{"voters spread over domains", "A1L B1V C2V D3", "promote D"},
		{"and the crowd gets smaller", "A1L B1V C2V D3V", "demote B"},
		{"spread as far as can be", "A1L B1V C2V D2", ""},
		{"promotion prefers the empty domain", "A1L B1 C2 D1", "promote C"},
		{"who is gone is removed", "A1L B2V C3V D4!", "remove D"},
		{"a gone voter too", "A1L B2V C3V!", "remove C"},
		{"but not the majority with it", "A1L B2V? C3V!", ""},
		{"a leader that does not want to vote hands over", "A1L- B2V C3V", "yield A"},
		{"and is the first to go", "A1V- B2L C3V", "demote A"},
		{"a voter that does not want to is replaced first", "A1V- B2L C3V D4", "promote D"},
		{"and goes then", "A1V- B2L C3V D4V", "demote A"},
		{"also when it is alone", "A1L- B2", "promote B"},
		{"and hands over", "A1L- B2V", "yield A"},
		{"to one that votes alone", "A1V- B2L", "demote A"},
		{"nobody else wants to", "A1L- B2V-", ""},
		{"an ejected leader hands over", "A1L! B2V C3V", "yield A"},
		{"an ejected leader without another voter is replaced first", "A1L! B2", "promote B"},
		{"an ejected leader that nobody can replace stays", "A1L! B2-", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			change, ok := nextSeat(seatsOf(c.seats), time.Minute)
			got := ""
			if ok {
				got = change.op + " " + change.node
			}
			if got != c.want {
				t.Fatalf("%s: %q, want %q", c.seats, got, c.want)
			}
		})
	}
}

// Whatever the start: changes come to an end, and never leave fewer living voters than a majority.
func TestNextSeat_SettlesAndKeepsQuorum(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var seats []seat
		for i := range 1 + r.IntN(8) {
			s := seat{ID: string(rune('A' + i)), Domain: string(rune('1' + r.IntN(4))), Voter: i == 0 || r.IntN(2) == 0, Leader: i == 0,
				Fit: r.IntN(5) > 0, Alive: i == 0 || r.IntN(4) > 0, Dead: time.Duration(r.IntN(2)) * time.Hour}
			s.Gone = !s.Fit && r.IntN(2) == 0
			seats = append(seats, s)
		}
		before := newBench(seats)
		if !before.safe(0, before.living) {
			continue // there is no leader in such a group
		}
		for step := 0; ; step++ {
			change, ok := nextSeat(seats, time.Minute)
			if !ok {
				break
			}
			if step > 30 {
				t.Fatalf("no end: %+v", seats)
			}
			seats = apply(seats, change)
			if b := newBench(seats); !b.safe(0, b.living) {
				t.Fatalf("%+v left %d living of %d voters: %+v", change, b.living, b.voters, seats)
			}
		}
	}
}

func apply(seats []seat, c seatChange) []seat {
	var out []seat
	for _, s := range seats {
		if s.ID == c.node {
			if c.op == seatRemove {
				continue
			}
			if c.op == seatYield {
				s.Leader = false
			}
			s.Voter = c.op == seatPromote || c.op == seatYield
		}
		out = append(out, s)
	}
	for i := range out {
		out[i].Leader = out[i].Leader || c.op == seatYield && out[i].ID == c.to
	}
	return out
}
