// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newNode(a *app) *cobra.Command {
	return group("node", "Look at the nodes of the region, and take them out of service", newNodeList(a), newNodeShow(a),
		newNodeCordon(a), newNodeUncordon(a), newNodeDrain(a), newNodeUndrain(a), newNodeRemove(a), newNodeSetCapabilities(a))
}
