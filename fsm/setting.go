// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

func (a *apply) setSetting(c command.SetSetting) (any, *command.Error) {
	d, ok := state.FindSetting(c.Key)
	if !ok || d.Since > a.level() {
		return nil, command.Errorf("UnknownSetting", "There is no setting %q; there are %s.", c.Key, strings.Join(settingKeys(a.level()), ", "))
	}
	if c.Reset {
		return nil, a.resetSetting(d, c.Value)
	}
	value, ok := d.Canonical(c.Value)
	if !ok {
		return nil, command.Errorf("InvalidSettingValue", "The value %q of the setting %s is not %s.", c.Value, c.Key, d.Form)
	}
	if c.Key == state.SettingZones {
		// The zones stand in the region's row, where everybody reads them; the setting is a way to write them.
		return nil, a.setZones(strings.Split(value, ","))
	}
	if value == a.SettingDefault(d) {
		state.Settings.Delete(a.Txn, c.Key)
		return nil, nil
	}
	state.Settings.Put(a.Txn, &state.Setting{Key: c.Key, Value: value, Changed: a.now})
	return nil, nil
}

func (a *apply) resetSetting(d state.SettingDef, value string) *command.Error {
	switch {
	case value != "":
		return command.Errorf("InvalidSettingValue", "Resetting %s takes no value.", d.Key)
	case d.Key == state.SettingZones:
		return command.Errorf("InvalidSettingValue", "The setting %s has no default; set it to the zones that the region is to list.", d.Key)
	}
	state.Settings.Delete(a.Txn, d.Key)
	return nil
}

// settingKeys are the settings that a region of a format level has.
func settingKeys(level int) []string {
	var keys []string
	for _, d := range state.SettingDefs() {
		if d.Since <= level {
			keys = append(keys, d.Key)
		}
	}
	return keys
}
