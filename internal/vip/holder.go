// SPDX-License-Identifier: Apache-2.0

package vip

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	// Lifetime is how long the kernel keeps an address that is not renewed. Linux counts whole seconds.
	Lifetime = 4 * time.Second
	// renewEvery leaves room for three renewals that come late.
	renewEvery = time.Second
	// announcements are made after each of the first renewals: an old holder's kernel may answer until its lifetime ends.
	announcements = 10
	// Parting is how long clients may take to get the answers that they wait for. The kernel keeps the address meanwhile.
	Parting = 2 * time.Second
)

// Link is a network interface.
type Link interface {
	// Hold puts the address on the interface, or renews it, for lifetime.
	Hold(addr netip.Addr, lifetime time.Duration) error
	// Drop takes it off; an address that is not there is no error.
	Drop(addr netip.Addr) error
	// Announce tells the neighbours that the address is here.
	Announce(addr netip.Addr) error
	// Name is the interface's name, for logs.
	Name() string
}

// Config says which address to hold.
type Config struct {
	Addr netip.Addr // IPv4
	Link Link
	// Leaving, when set, is called before the address is taken off; it may take Parting.
	Leaving func()
	Logger  hclog.Logger
}

// Holder keeps an address while Run runs.
type Holder struct {
	cfg Config
	log hclog.Logger
}

// New checks the configuration. It does no I/O.
func New(cfg Config) (*Holder, error) {
	if !cfg.Addr.Is4() || cfg.Addr.IsUnspecified() || cfg.Addr.IsMulticast() {
		return nil, fmt.Errorf("virtual address %s: want an IPv4 unicast address", cfg.Addr)
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	return &Holder{cfg: cfg, log: cfg.Logger.Named("vip").With("address", cfg.Addr.String(), "interface", cfg.Link.Name())}, nil
}

// Run holds the address until ctx ends, and takes it off then. A link that refuses is asked again: the region works
// without its virtual address, so this is no reason to give up leading.
func (h *Holder) Run(ctx context.Context) error {
	h.log.Info("taking the virtual address")
	defer func() {
		if h.cfg.Leaving != nil {
			h.cfg.Leaving()
		}
		if err := h.cfg.Link.Drop(h.cfg.Addr); err != nil {
			h.log.Warn("virtual address stays until its lifetime ends", "error", err, "lifetime", Lifetime)
			return
		}
		h.log.Info("gave the virtual address up")
	}()
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	for left, failing := announcements, false; ; {
		err := h.cfg.Link.Hold(h.cfg.Addr, Lifetime)
		if err == nil && left > 0 {
			left--
			err = h.cfg.Link.Announce(h.cfg.Addr)
		}
		switch {
		case err != nil && !failing:
			h.log.Error("cannot hold the virtual address, trying on", "error", err)
		case err == nil && failing:
			h.log.Info("holding the virtual address again")
		}
		if failing = err != nil; failing {
			left = announcements // the neighbours have to hear of it when it is back
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
