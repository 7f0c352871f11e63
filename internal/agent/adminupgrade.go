// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"net/http"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

func (s *adminServer) upgrade(ctx context.Context, _ *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	return upgradeOf(v), nil
}

// upgradeOf reads where the region stands between two versions.
func upgradeOf(v *state.View) admin.Upgrade {
	region, _ := v.Region()
	out := admin.Upgrade{Level: region.FormatLevel, Newest: state.FormatLevel, Nodes: []admin.UpgradeNode{}}
	for n := range state.Nodes.All(v) {
		out.Newest = min(out.Newest, n.FormatLevel)
		out.Nodes = append(out.Nodes, admin.UpgradeNode{ID: n.ID, Name: n.Name, Version: n.Version, FormatLevel: n.FormatLevel, Lost: v.Standing(n.ID).Lost})
	}
	out.Newest = max(out.Newest, out.Level)
	return out
}

func (s *adminServer) upgradeFinalize(ctx context.Context, _ *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	now := upgradeOf(v)
	if now.Newest == now.Level && now.Level < state.FormatLevel {
		var old []string
		for _, n := range now.Nodes {
			if n.FormatLevel < state.FormatLevel {
				old = append(old, n.Name)
			}
		}
		return nil, admin.Errorf(admin.KindConflict, "install this version there and restart its agent, or remove the node: hive admin upgrade status",
			"the region stays at format level %d: not every node runs this version yet (%s)", now.Level, strings.Join(old, ", "))
	}
	if err := s.a.region.Propose(ctx, command.SetFormatLevel{Level: now.Newest}, nil); err != nil {
		return nil, err
	}
	return s.upgrade(ctx, nil)
}
