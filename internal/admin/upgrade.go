// SPDX-License-Identifier: Apache-2.0

package admin

import "context"

// Routes of upgrades.
const (
	RouteUpgrade         = "GET /v1/upgrade"  // -> Upgrade
	RouteUpgradeFinalize = "POST /v1/upgrade" // -> Upgrade
)

// Upgrade says where the region stands between two versions of Hive.
type Upgrade struct {
	Level  int           `json:"level"`  // the region format level
	Newest int           `json:"newest"` // what every node knows: the level that finalize would raise the region to
	Nodes  []UpgradeNode `json:"nodes"`
}

// UpgradeNode is what a node's binary knows.
type UpgradeNode struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	FormatLevel int    `json:"formatLevel"` // the newest level that it can apply
	Lost        bool   `json:"lost,omitempty"`
}

// Upgrade asks where the region stands between two versions.
func (c *Client) Upgrade(ctx context.Context) (Upgrade, error) {
	return call[Upgrade](ctx, c, RouteUpgrade, nil, nil)
}

// UpgradeFinalize raises the region format level to the newest that every node knows. There is no way back.
func (c *Client) UpgradeFinalize(ctx context.Context) (Upgrade, error) {
	return call[Upgrade](ctx, c, RouteUpgradeFinalize, nil, nil)
}
