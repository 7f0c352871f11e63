// SPDX-License-Identifier: Apache-2.0

package beacon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// searchTime is how long a search waits for its first answer, and gatherTime for more after that.
	searchTime = 3 * time.Second
	gatherTime = 300 * time.Millisecond
	// most bounds the answers that are taken: the rest may be anybody's.
	most = 16
)

// again is when the question is asked again: datagrams get lost, and a link that has just come up is deaf at first.
var again = []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond}

// Found is a member, so it says.
type Found struct {
	Address   netip.AddrPort // what it said of its cluster port
	From      netip.Addr     // where the answer came from
	Interface string         // and by which link
	Loopback  bool           // whether that is this machine's own
}

// Result is what a search found, and where it looked.
type Result struct {
	Found []Found
	Asked []string // names of the links on which the question went out
}

// Candidates are the addresses to dial: first what the members say, then the same ports where the answers came from. A
// member that is bound everywhere may be known to the others by an address of another link.
func (r Result) Candidates() []string {
	var said, near []string
	add := func(to *[]string, a netip.AddrPort) {
		if text := a.String(); !slices.Contains(said, text) && !slices.Contains(near, text) {
			*to = append(*to, text)
		}
	}
	for _, f := range r.Found {
		if f.Loopback || !f.Address.Addr().IsLoopback() { // another machine's loopback is not this one's
			add(&said, f.Address)
		}
	}
	for _, f := range r.Found {
		if !f.Loopback { // on one machine the word is enough
			add(&near, netip.AddrPortFrom(f.From, f.Address.Port()))
		}
	}
	return append(said, near...)
}

// Search asks for members of a cluster on every local link. It returns shortly after the first answer, or after three
// seconds, or when the context ends. That nobody answers is no error; that nobody could be asked is one.
func Search(ctx context.Context, cluster string) (Result, error) {
	on, err := links()
	if err != nil {
		return Result{}, err
	}
	return search(ctx, cluster, on)
}

func search(ctx context.Context, cluster string, on []net.Interface) (Result, error) {
	q := Question{Cluster: cluster}
	_, _ = rand.Read(q.Nonce[:]) // never fails (crypto/rand)
	question, err := q.Encode()
	if err != nil {
		return Result{}, err
	}
	all, err := listen(0)
	if err != nil {
		return Result{}, err
	}
	heard := make(chan Found)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, f := range all {
		wg.Go(func() { hear(f, q.Nonce, on, heard, done) })
	}
	defer wg.Wait()
	defer close(done)
	defer closeAll(all)
	var out Result
	if out.Asked, err = askAll(all, question, on); err != nil {
		return out, err
	}
	out.Found = gather(ctx, heard, func() { _, _ = askAll(all, question, on) })
	return out, nil
}

// gather takes answers until there is time for no more.
func gather(ctx context.Context, heard <-chan Found, ask func()) []Found {
	var out []Found
	end := time.NewTimer(searchTime)
	defer end.Stop()
	for started, left := time.Now(), again; ; {
		var more <-chan time.Time
		if len(left) > 0 && len(out) == 0 {
			more = time.After(time.Until(started.Add(left[0])))
		}
		select {
		case f := <-heard:
			if slices.ContainsFunc(out, func(o Found) bool { return o.Address == f.Address && o.From == f.From }) {
				continue // asked twice
			}
			if out = append(out, f); len(out) == 1 {
				end.Reset(gatherTime)
			}
			if len(out) == most {
				return out
			}
		case <-more:
			ask()
			left = left[1:]
		case <-end.C:
			return out
		case <-ctx.Done():
			return out
		}
	}
}

// askAll sends the question by every link and family, and names the links on which one of them worked.
func askAll(all []*family, question []byte, on []net.Interface) ([]string, error) {
	var asked []string
	var faults []error
	for _, i := range on {
		var failed []error
		for _, f := range all {
			if err := f.ask(question, &i); err != nil {
				failed = append(failed, fmt.Errorf("ask on %s by %s: %w", i.Name, f.network, err))
			}
		}
		if len(failed) == len(all) {
			faults = append(faults, failed...)
			continue
		}
		asked = append(asked, i.Name)
	}
	if len(asked) == 0 {
		return nil, errors.Join(append(faults, errors.New("no network interface is up and takes multicast"))...)
	}
	return asked, nil
}

// hear passes answers on until the socket is closed.
func hear(f *family, nonce Nonce, on []net.Interface, heard chan<- Found, done <-chan struct{}) {
	buf := make([]byte, largest)
	for {
		got, err := f.receive(buf)
		if err != nil {
			return
		}
		a, err := DecodeAnswer(got.body)
		if err != nil || a.Nonce != nonce {
			continue
		}
		found := Found{Address: a.Address, From: got.from.Addr()}
		if at := slices.IndexFunc(on, func(i net.Interface) bool { return i.Index == got.index }); at >= 0 {
			found.Interface, found.Loopback = on[at].Name, on[at].Flags&net.FlagLoopback != 0
		}
		select {
		case heard <- found:
		case <-done:
			return
		}
	}
}
