// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newRaft(a *app) *cobra.Command {
	snapshot := group("snapshot", "Save, inspect and restore snapshots of the region's state", newRaftSnapshotSave(a), newRaftSnapshotInspect(a), newRaftSnapshotRestore(a))
	log := group("log", "Check the log of a stopped node", newRaftLogVerify(a))
	return group("raft", "Look at the region's log, and recover it", newRaftStatus(a), newRaftListPeers(a), newRaftRecover(a), log, snapshot)
}
