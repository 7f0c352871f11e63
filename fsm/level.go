// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// level is the region's format level; 1 before there is a region.
func (a *apply) level() int { return max(a.region.FormatLevel, 1) }

// setFormatLevel ends an upgrade. Lost nodes count: one that came back with an older binary could not follow the log.
func (a *apply) setFormatLevel(c command.SetFormatLevel) (any, *command.Error) {
	switch {
	case c.Level == a.region.FormatLevel:
		return nil, nil
	case c.Level < a.region.FormatLevel:
		return nil, command.Errorf("InvalidFormatLevel", "The region is at format level %d; there is no way back to %d.", a.region.FormatLevel, c.Level)
	case c.Level > state.FormatLevel:
		return nil, command.Errorf("InvalidFormatLevel", "The region format level %d is not one this version knows.", c.Level)
	}
	var old []string
	for n := range state.Nodes.All(a.View) {
		if n.FormatLevel < c.Level {
			old = append(old, n.Name)
		}
	}
	if len(old) > 0 {
		return nil, command.Errorf("NodeTooOld", "Nodes that do not know region format level %d: %s. Upgrade or remove them first.", c.Level, strings.Join(old, ", "))
	}
	region := a.region
	region.FormatLevel = c.Level
	state.Regions.Put(a.Txn, &region)
	a.event(state.EventFormatLevel, "", "", "The region's format level is %d.", c.Level)
	return nil, nil
}
