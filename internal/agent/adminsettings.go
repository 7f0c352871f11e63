// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"net/http"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

func (s *adminServer) settings(ctx context.Context, _ *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	out := []admin.Setting{}
	for _, d := range state.SettingDefs() {
		out = append(out, settingRow(v, d))
	}
	return out, nil
}

func (s *adminServer) settingSet(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.SettingSetRequest](r)
	if err != nil {
		return nil, err
	}
	if err := s.a.region.Propose(ctx, command.SetSetting{Key: in.Key, Value: in.Value, Reset: in.Reset}, nil); err != nil {
		return nil, err
	}
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	d, _ := state.FindSetting(in.Key) // the region knows it
	return settingRow(v, d), nil
}

// settingRow is a setting as an operator sees it.
func settingRow(v *state.View, d state.SettingDef) admin.Setting {
	out := admin.Setting{Key: d.Key, Value: v.SettingValue(d.Key), Default: v.SettingDefault(d), Form: d.Form, Doc: d.Doc}
	if d.Key == state.SettingZones {
		out.Default = "" // what the region lists is all there is
	}
	if changed, ok := state.Settings.Get(v, state.AnyAccount, d.Key); ok {
		out.Changed, out.ChangedAt = true, changed.Changed.Std()
	}
	return out
}
