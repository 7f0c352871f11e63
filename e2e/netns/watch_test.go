// SPDX-License-Identifier: Apache-2.0

//go:build e2e || soak

package netns

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hivecloud/hive/internal/e2e/lab"
)

type copyOf struct{ instance, node string }

// grown says when a copy of a guest was seen to write to its serial line.
type grown struct {
	count       int
	first, last time.Time
	size        int64
}

// watch sees on which nodes instances run, by what their guests themselves write: a guest that is paused writes nothing,
// whatever anybody says of its state.
type watch struct {
	mu   sync.Mutex
	seen map[copyOf]*grown
}

func newWatch(r *region, instances []lab.Instance) *watch {
	w := &watch{seen: map[copyOf]*grown{}}
	ended := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
			}
			for _, i := range instances {
				for _, n := range r.Nodes {
					w.look(i.ID, n)
				}
			}
		}
	})
	r.T.Cleanup(func() { close(ended); wg.Wait() })
	return w
}

func (w *watch) look(id string, n *lab.Node) {
	st, err := os.Stat(filepath.Join(n.Dir, "guests", id, "vm", "console.log"))
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.seen[copyOf{id, n.Name}]
	if g == nil {
		g = &grown{}
		w.seen[copyOf{id, n.Name}] = g
	}
	if st.Size() == g.size {
		return
	}
	g.size = st.Size()
	g.count++
	g.last = time.Now()
	if g.first.IsZero() {
		g.first = g.last
	}
}

// forget starts the count of a copy anew.
func (w *watch) forget(id, node string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.seen[copyOf{id, node}]; g != nil {
		*g = grown{size: g.size}
	}
}

// ticks is how often a copy was seen to write.
func (w *watch) ticks(id, node string) int { return w.of(id, node).count }

func (w *watch) of(id, node string) grown {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.seen[copyOf{id, node}]; g != nil {
		return *g
	}
	return grown{}
}
