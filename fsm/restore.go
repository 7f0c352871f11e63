// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// restoreRegion stops every instance that the backup says is up: its guest is not. Instances that were on their way to
// their end stay so; the executor finds no guest of them and finishes.
func (a *apply) restoreRegion() (any, *command.Error) {
	out := command.Restored{}
	for _, old := range slices.Collect(state.Instances.All(a.View)) {
		if !old.Live() || old.State == state.Stopped {
			continue
		}
		i := *old
		i.Desired, i.Force = state.Stopped, true
		i.Generation++
		i.Reason = state.Reason{Code: reasonInternal, Message: reasonInternal + ": The region was restored from a backup"}
		a.stopped(&i)
		state.Instances.Put(a.Txn, &i)
		out.Stopped = append(out.Stopped, i.ID)
	}
	return out, nil
}
