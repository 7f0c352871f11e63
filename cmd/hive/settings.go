// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newSettings(a *app) *cobra.Command {
	return group("settings", "Look at and change the settings of the whole region", newSettingsList(a), newSettingsGet(a), newSettingsSet(a))
}

// settingColumns are the columns of a list; settingLines those of one setting.
var settingColumns = []column[admin.Setting]{
	{"KEY", false, func(s admin.Setting) string { return s.Key }},
	{"VALUE", false, func(s admin.Setting) string { return s.Value }},
	{"DEFAULT", false, func(s admin.Setting) string { return s.Default }},
	{"TAKES", true, func(s admin.Setting) string { return s.Form }},
	{"MEANING", true, func(s admin.Setting) string { return s.Doc }},
}

var settingLines = []column[admin.Setting]{
	{"Key", false, func(s admin.Setting) string { return s.Key }},
	{"Value", false, func(s admin.Setting) string { return s.Value }},
	{"Default", false, func(s admin.Setting) string { return s.Default }},
	{"Takes", false, func(s admin.Setting) string { return s.Form }},
	{"Meaning", false, func(s admin.Setting) string { return s.Doc }},
	{"Changed", true, func(s admin.Setting) string {
		if s.ChangedAt.IsZero() {
			return ""
		}
		return s.ChangedAt.UTC().Format(time.RFC3339)
	}},
}

// findSetting picks one of the settings by key.
func findSetting(all []admin.Setting, key string) (admin.Setting, error) {
	var keys []string
	for _, s := range all {
		if s.Key == key {
			return s, nil
		}
		keys = append(keys, s.Key)
	}
	return admin.Setting{}, admin.Errorf(admin.KindNotFound, "hive settings list shows the settings", "there is no setting %q; there are %s", key, strings.Join(keys, ", "))
}
