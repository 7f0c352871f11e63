// SPDX-License-Identifier: Apache-2.0

package admin

import "context"

// RouteLeave has this node leave its region.
const RouteLeave = "POST /v1/leave" // LeaveRequest -> ShutdownEvent lines

// LeaveRequest asks a node to leave its region.
type LeaveRequest struct {
	// Force leaves although instances, volumes or the only copy of a snapshot are on the node: they are lost to the region.
	Force bool `json:"force"`
}

// Leave has this node leave its region for good and calls progress for every step. The agent ends after it.
func (c *Client) Leave(ctx context.Context, req LeaveRequest, progress func(ShutdownEvent)) error {
	return c.steps(ctx, RouteLeave, req, progress)
}
