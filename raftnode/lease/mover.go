// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// moveAgain is how long an instance that found no room waits before it is tried again.
const moveAgain = 30 * time.Second

// mover makes instances anew elsewhere that have left a node which is being drained, where their owner wants that.
type mover struct {
	l     *Lessor
	busy  atomic.Bool          // a pass is under way
	tried map[string]time.Time // by instance id; of the pass under way
}

// pass moves what is ready. Most passes find no node that is being drained, and cost a look at a few rows.
func (m *mover) pass(ctx context.Context) {
	v := m.l.cfg.Region.Local()
	var c command.MoveInstances
	for s := range state.Standings.All(v) {
		if !s.Draining || s.Lost {
			continue
		}
		for i := range state.Instances.List(v, state.ByNode, s.NodeID) {
			if i.State != state.Stopped || i.Reason.Code != state.ReasonDrain || time.Since(m.tried[i.ID]) < moveAgain || !v.Remakes(i) {
				continue
			}
			m.tried[i.ID] = time.Now()
			c.Moves = append(c.Moves, m.l.move(i))
		}
	}
	if len(c.Moves) == 0 {
		return
	}
	var out command.Moved
	if err := m.l.cfg.Region.Propose(ctx, c, &out); err != nil {
		m.l.log.Warn("cannot move instances off a node that is being drained", "error", err)
		return
	}
	m.l.log.Info("moved instances off a node that is being drained", "wanted", len(c.Moves), "moved", len(out.InstanceIDs))
}
