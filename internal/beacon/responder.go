// SPDX-License-Identifier: Apache-2.0

package beacon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"
)

const (
	// answerRate and answerBurst bound a member's answers: a joiner asks three times, and nobody joins by the dozen.
	answerRate  = rate.Limit(10)
	answerBurst = 20
	// lookEvery is how often a member looks for interfaces that came or went.
	lookEvery = 15 * time.Second
)

// Config says for whom a member answers.
type Config struct {
	Cluster string // id
	// Bind is the address that the cluster port is bound at: it says on which links the member answers.
	Bind netip.Addr
	// Address is what it answers: its cluster port as other nodes reach it.
	Address netip.AddrPort
	Logger  hclog.Logger
}

// Responder answers joiners of a cluster on the local links.
type Responder struct {
	cfg   Config
	log   hclog.Logger
	limit *rate.Limiter
}

// New checks the configuration. It does no I/O.
func New(cfg Config) (*Responder, error) {
	if _, err := (Question{Cluster: cfg.Cluster}).Encode(); err != nil {
		return nil, err
	}
	if _, err := (Answer{Address: cfg.Address}).Encode(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	return &Responder{cfg: cfg, log: cfg.Logger.Named("beacon"), limit: rate.NewLimiter(answerRate, answerBurst)}, nil
}

// Run answers until the context ends, which is no error, or the sockets fail.
func (r *Responder) Run(ctx context.Context) error {
	all, err := listen(Port)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { closeAll(all) })
	defer func() { stop(); closeAll(all) }()
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before the wait
	ended := make(chan error, len(all))
	for _, f := range all {
		wg.Go(func() { ended <- r.answer(f) })
	}
	wg.Go(func() { r.follow(ctx, all) })
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		closeAll(all)
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("read searches: %w", err)
	}
}

// answer reads questions until the socket is closed.
func (r *Responder) answer(f *family) error {
	buf := make([]byte, largest)
	for {
		got, err := f.receive(buf)
		if err != nil {
			return err
		}
		q, err := DecodeQuestion(got.body)
		// A question to this machine alone may come from anywhere; joiners ask the group.
		if err != nil || q.Cluster != r.cfg.Cluster || !got.group || !r.limit.Allow() {
			continue
		}
		b, err := Answer{Nonce: q.Nonce, Address: r.cfg.Address}.Encode()
		if err == nil {
			err = f.write(b, got.index, net.UDPAddrFromAddrPort(got.from))
		}
		if err != nil {
			r.log.Debug("cannot answer a search", "from", got.from, "error", err)
			continue
		}
		r.log.Debug("answered a search", "from", got.from)
	}
}

// follow keeps the sockets in the group on the links there are.
func (r *Responder) follow(ctx context.Context, all []*family) {
	members := make([]membership, len(all))
	for i, f := range all {
		members[i] = membership{family: f}
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		now, err := reaching(r.cfg.Bind)
		if err != nil {
			r.log.Debug("cannot look for links", "error", err)
		}
		for i := range members {
			joined, faults := members[i].update(now)
			for _, name := range joined {
				r.log.Debug("answering searches", "interface", name, "family", members[i].family.network)
			}
			for _, err := range faults {
				r.log.Debug("cannot answer searches on a link", "family", members[i].family.network, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// membership is a socket's place in the group on a number of links.
type membership struct {
	family *family
	in     []net.Interface
	failed []int // indexes of links that refused: told once
}

// update joins on links that are new and forgets those that went, whose memberships went with them.
func (m *membership) update(now []net.Interface) (joined []string, faults []error) {
	same := func(index int) func(net.Interface) bool {
		return func(i net.Interface) bool { return i.Index == index }
	}
	m.in = slices.DeleteFunc(m.in, func(i net.Interface) bool {
		if slices.ContainsFunc(now, same(i.Index)) {
			return false
		}
		_ = m.family.leave(&i) // it may be down and not gone, or have lost the address of the cluster port
		return true
	})
	for _, i := range now {
		if slices.ContainsFunc(m.in, same(i.Index)) {
			continue
		}
		err := m.family.join(&i)
		switch known := slices.Index(m.failed, i.Index); {
		case err == nil:
			m.in = append(m.in, i)
			joined = append(joined, i.Name)
			if known >= 0 {
				m.failed = slices.Delete(m.failed, known, known+1)
			}
		case known < 0:
			m.failed = append(m.failed, i.Index)
			faults = append(faults, fmt.Errorf("join group on %s: %w", i.Name, err))
		}
	}
	return joined, faults
}

// Probe tells on which links a member whose cluster port is bound at an address could answer. It answers nobody.
func Probe(bind netip.Addr) ([]string, error) {
	all, err := listen(Port)
	if err != nil {
		return nil, err
	}
	defer closeAll(all)
	now, err := reaching(bind)
	if err != nil {
		return nil, err
	}
	var names []string
	var faults []error
	for _, f := range all {
		joined, failed := (&membership{family: f}).update(now)
		faults = append(faults, failed...)
		for _, name := range joined {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 && len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return names, nil
}
