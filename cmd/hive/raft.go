// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newRaft(a *app) *cobra.Command {
	snapshot := group("snapshot", "Save and inspect snapshots of the region's state", newRaftSnapshotSave(a), newRaftSnapshotInspect(a))
	return group("raft", "Look at and change the region's log", newRaftStatus(a), newRaftListPeers(a), newRaftTransferLeadership(a), newRaftRemovePeer(a), snapshot)
}
