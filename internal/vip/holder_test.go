// SPDX-License-Identifier: Apache-2.0

package vip_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivecloud/hive/internal/vip"
)

var address = netip.MustParseAddr("192.0.2.7")

// kernel is a link that forgets addresses as Linux does.
type kernel struct {
	mu        sync.Mutex
	until     time.Time
	announced []time.Time
	broken    bool
}

func (k *kernel) Name() string { return "test0" }

func (k *kernel) Hold(_ netip.Addr, lifetime time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken {
		return errors.New("link is down")
	}
	k.until = time.Now().Add(lifetime)
	return nil
}

func (k *kernel) Drop(netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.until = time.Time{}
	return nil
}

func (k *kernel) Announce(netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.announced = append(k.announced, time.Now())
	return nil
}

func (k *kernel) held() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Now().Before(k.until)
}

func (k *kernel) set(broken bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.broken = broken
}

func (k *kernel) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.announced)
}

func TestHolder_HoldsWhileItRunsAndDropsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kernel{}
		h, err := vip.New(vip.Config{Addr: address, Link: k})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		for range 60 {
			time.Sleep(time.Second)
			synctest.Wait()
			if !k.held() {
				t.Fatal("the address lapsed while it was held")
			}
		}
		if n := k.count(); n < 3 || n > 20 {
			t.Errorf("announced %d times in a minute, want a few times at first and then silence", n)
		}
		cancel()
		if err := <-done; err != nil || k.held() {
			t.Errorf("after the end: held %v, error %v", k.held(), err)
		}
	})
}

func TestHolder_LinkThatComesBackIsAnnouncedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kernel{broken: true}
		h, err := vip.New(vip.Config{Addr: address, Link: k})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(10 * time.Second)
		if k.held() || k.count() != 0 {
			t.Errorf("broken link: held %v, announced %d times", k.held(), k.count())
		}
		k.set(false)
		time.Sleep(2 * time.Second)
		if !k.held() || k.count() == 0 {
			t.Errorf("mended link: held %v, announced %d times", k.held(), k.count())
		}
		cancel()
		<-done
	})
}

func TestNew_RefusesWhatIsNoHostAddress(t *testing.T) {
	for _, addr := range []string{"::1", "0.0.0.0", "224.0.0.1"} {
		if _, err := vip.New(vip.Config{Addr: netip.MustParseAddr(addr), Link: &kernel{}}); err == nil {
			t.Errorf("%s was accepted", addr)
		}
	}
}
