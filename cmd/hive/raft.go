// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newRaft(a *app) *cobra.Command {
	snapshot := group("snapshot", "Save, inspect and restore snapshots of the region's state", newRaftSnapshotSave(a), newRaftSnapshotInspect(a), newRaftSnapshotRestore(a))
	log := group("log", "Check the log of a stopped node", newRaftLogVerify(a))
	return group("raft", "Look at, change and recover the region's log", newRaftStatus(a), newRaftListPeers(a), newRaftTransferLeadership(a), newRaftRemovePeer(a), newRaftRecover(a), log, snapshot)
}
