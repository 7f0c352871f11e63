// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// Quality is how a link treats the frames of one direction. The zero value delivers all of them at once.
type Quality struct {
	Cut   bool
	Delay time.Duration
	Loss  float64 // 0 to 1, the share of frames that vanish
}

type mac [6]byte

// learned frames larger than any MTU in use.
const largestFrame = 65536

type direction struct{ from, to string }

// ethernet is a learning switch between TAP devices. Its goroutines, one a port, end when the ports are closed.
type ethernet struct {
	mu    sync.Mutex
	ports map[string]*os.File
	where map[mac]string
	rules map[direction]Quality
	wg    sync.WaitGroup
}

func newEthernet() *ethernet {
	return &ethernet{ports: map[string]*os.File{}, where: map[mac]string{}, rules: map[direction]Quality{}}
}

// plug connects a TAP device.
func (e *ethernet) plug(name string, tap *os.File) {
	e.mu.Lock()
	e.ports[name] = tap
	e.mu.Unlock()
	e.wg.Go(func() {
		buf := make([]byte, largestFrame)
		for {
			n, err := tap.Read(buf)
			if err != nil {
				return
			}
			if n >= 14 {
				e.forward(name, buf[:n])
			}
		}
	})
}

func (e *ethernet) close() {
	e.mu.Lock()
	for _, tap := range e.ports {
		_ = tap.Close()
	}
	e.mu.Unlock()
	e.wg.Wait()
}

// set makes the rule of one direction.
func (e *ethernet) set(from, to string, q Quality) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rules[direction{from, to}] = q
}

// forward sends a frame to the port that its receiver was seen at, or to all others.
func (e *ethernet) forward(from string, frame []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	to, source := mac(frame[:6]), mac(frame[6:12])
	e.where[source] = from
	if port, known := e.where[to]; known && to[0]&1 == 0 {
		if port != from {
			e.deliver(from, port, frame)
		}
		return
	}
	for port := range e.ports {
		if port != from {
			e.deliver(from, port, frame)
		}
	}
}

// deliver applies the rule. The caller holds mu.
func (e *ethernet) deliver(from, to string, frame []byte) {
	q, tap := e.rules[direction{from, to}], e.ports[to]
	switch {
	case q.Cut, q.Loss > 0 && rand.Float64() < q.Loss:
	case q.Delay > 0:
		late := append([]byte(nil), frame...)
		time.AfterFunc(q.Delay, func() { _, _ = tap.Write(late) })
	default:
		_, _ = tap.Write(frame) // a card that is down loses frames, as cards do
	}
}
