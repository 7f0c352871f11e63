// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// maxVoters is how many nodes vote. More would make every write wait for more disks and survive nothing that matters:
// five voters survive the loss of any two.
const maxVoters = 5

// seat is a member of the log as the leader judges it.
type seat struct {
	ID     string
	Domain string // failure domain
	Voter  bool
	Leader bool
	// Fit: is a registered member that wants to vote. A node registers when it has caught up with the log.
	Fit bool
	// Gone: is in the log's configuration and no member of the cluster: never came, or was ejected.
	Gone  bool
	Alive bool          // by gossip
	Dead  time.Duration // for how long it has not been alive
}

// The changes of the log's configuration that the leader makes by itself.
const (
	seatPromote = "promote"
	seatDemote  = "demote"
	seatRemove  = "remove"
	seatYield   = "yield" // the leader hands over: another has to remove it
)

// seatChange is one such change.
type seatChange struct {
	op, node, reason string
	to               string // of a yield: who is to lead
}

// nextSeat says what to change next, if anything. The rules, in their order:
//
//   - who is gone is removed; a leader that is gone, or does not want to vote any more, hands over first;
//   - voters are an odd number, at most five: an even one waits for more disks and survives no more;
//   - a voter that does not want to vote any more is replaced;
//   - a voter that has been dead for replaceAfter is replaced when another node can take its seat, and never only
//     removed: a region of three that lost one must not become a region of two that cannot lose another;
//   - voters are spread over failure domains.
//
// A replacement votes before the replaced one stops to. Nothing is changed that would leave fewer living voters than
// a majority of the voters after the change.
func nextSeat(seats []seat, replaceAfter time.Duration) (seatChange, bool) {
	b := newBench(seats)
	for _, s := range seats {
		if heir, ok := b.heir(); s.Gone && s.Leader && ok {
			return seatChange{op: seatYield, node: s.ID, reason: "it is no member of the cluster", to: heir}, true
		}
		if s.Gone && !s.Leader && (!s.Voter || b.safe(-1, b.living-one(s.Alive))) {
			return seatChange{op: seatRemove, node: s.ID, reason: "it is no member of the cluster"}, true
		}
	}
	if change, ok := b.unwilling(); ok {
		return change, true
	}
	if change, ok := b.surplus(replaceAfter); ok {
		return change, true
	}
	best, ok := b.candidate()
	if !ok || !b.safe(+1, b.living+1) {
		return seatChange{}, false
	}
	if goal := odd(b.voters + b.candidates); b.voters < min(goal, b.target) {
		return seatChange{op: seatPromote, node: best.ID, reason: fmt.Sprintf("the region is to have %d voters", min(goal, b.target))}, true
	}
	if b.voters != b.target {
		return seatChange{}, false
	}
	for _, s := range seats {
		if s.Voter && !s.Alive && s.Dead >= replaceAfter {
			return seatChange{op: seatPromote, node: best.ID, reason: "voter " + s.ID + " is dead"}, true
		}
		if s.Voter && !s.Fit && (s.Alive || s.Dead >= replaceAfter) { // the others stay until surplus would take them
			return seatChange{op: seatPromote, node: best.ID, reason: "voter " + s.ID + " is not to vote any more"}, true
		}
	}
	if b.domains[best.Domain] == 0 && b.crowded(replaceAfter) {
		return seatChange{op: seatPromote, node: best.ID, reason: "voters are to be spread over failure domains"}, true
	}
	return seatChange{}, false
}

// bench is the seats, counted.
type bench struct {
	seats                              []seat
	voters, living, candidates, target int
	domains                            map[string]int // voters in each
}

func newBench(seats []seat) bench {
	b := bench{seats: seats, domains: map[string]int{}}
	fit := 0
	for _, s := range seats {
		fit += one(s.Fit)
		if s.Voter {
			b.voters++
			b.living += one(s.Alive)
			b.domains[s.Domain]++
			continue
		}
		b.candidates += one(s.Fit && s.Alive)
	}
	b.target = odd(fit)
	return b
}

// heir is a living voter that could lead instead and wants to vote.
func (b bench) heir() (string, bool) {
	at := slices.IndexFunc(b.seats, func(s seat) bool { return s.Voter && s.Alive && !s.Leader && s.Fit })
	if at < 0 {
		return "", false
	}
	return b.seats[at].ID, true
}

// unwilling has a leader hand over that does not want to vote, when another voter does.
func (b bench) unwilling() (seatChange, bool) {
	leader := slices.IndexFunc(b.seats, func(s seat) bool { return s.Leader && !s.Fit && !s.Gone })
	heir, ok := b.heir()
	if leader < 0 || !ok {
		return seatChange{}, false
	}
	return seatChange{op: seatYield, node: b.seats[leader].ID, reason: "it is not to vote any more", to: heir}, true
}

// safe tells whether living voters are a majority after the number of voters has changed.
func (b bench) safe(by, living int) bool { return living >= (b.voters+by)/2+1 }

// candidate is the learner that is best promoted: from the domain with the fewest voters.
func (b bench) candidate() (seat, bool) {
	var best seat
	found := false
	for _, s := range b.seats {
		if s.Voter || !s.Fit || !s.Alive {
			continue
		}
		if !found || cmp.Or(cmp.Compare(b.domains[s.Domain], b.domains[best.Domain]), cmp.Compare(s.ID, best.ID)) < 0 {
			best, found = s, true
		}
	}
	return best, found
}

// surplus demotes a voter too many: one that is dead, then one that does not want to vote, then one of the fullest
// domain. The leader stays.
func (b bench) surplus(replaceAfter time.Duration) (seatChange, bool) {
	if b.voters <= b.target || b.target == 0 {
		return seatChange{}, false
	}
	var victims []seat
	for _, s := range b.seats {
		if s.Voter && !s.Leader && b.safe(-1, b.living-one(s.Alive)) && (s.Alive || s.Dead >= replaceAfter) {
			victims = append(victims, s)
		}
	}
	if len(victims) == 0 {
		return seatChange{}, false
	}
	worst := slices.MinFunc(victims, func(x, y seat) int {
		return cmp.Or(cmp.Compare(one(x.Alive), one(y.Alive)), cmp.Compare(one(x.Fit), one(y.Fit)),
			cmp.Compare(b.domains[y.Domain], b.domains[x.Domain]), cmp.Compare(y.ID, x.ID))
	})
	if b.voters == 2 && worst.Alive && worst.Fit {
		return seatChange{}, false // what two have acknowledged is not left to one
	}
	return seatChange{op: seatDemote, node: worst.ID, reason: fmt.Sprintf("the region is to have %d voters", b.target)}, true
}

// crowded tells whether a domain has a voter that another domain could have, and that surplus would take.
func (b bench) crowded(replaceAfter time.Duration) bool {
	for _, s := range b.seats {
		if s.Voter && !s.Leader && b.domains[s.Domain] > 1 && (s.Alive || s.Dead >= replaceAfter) {
			return true
		}
	}
	return false
}

// odd is the number of voters for n nodes: odd, at most maxVoters.
func odd(n int) int {
	if n = min(n, maxVoters); n > 0 && n%2 == 0 {
		n--
	}
	return n
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
