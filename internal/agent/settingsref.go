// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"strings"

	"github.com/hivecloud/hive/fsm/state"
)

// SettingsReference is the reference page of the cluster settings.
func SettingsReference() string {
	var b strings.Builder
	b.WriteString("# Settings of the region\n\n<!-- Generated from fsm/state by \"make generate\"; do not edit. -->\n\n" +
		"Settings are the same on every node and change while the region runs: `hive settings list`, `hive settings set KEY VALUE`, `hive settings set KEY --reset`.\n" +
		"They are entries of the log, which refuses a key or a value that it does not know. What belongs to one node is [configuration](config.md).\n\n" +
		"| setting | default | takes | meaning |\n|---|---|---|---|\n")
	for _, d := range state.SettingDefs() {
		value := d.Default
		switch d.Key {
		case state.SettingVCPUs:
			value = fmt.Sprint(defaultMaxVCPUs)
		case state.SettingZones:
			value = "the first node's zone"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Key, value, d.Form, d.Doc)
	}
	return b.String()
}
