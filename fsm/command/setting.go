// SPDX-License-Identifier: Apache-2.0

package command

// SetSetting gives a cluster setting a value. Reset gives it its default again; Value is then empty.
type SetSetting struct {
	Key   string
	Value string
	Reset bool
}

// Type is the command's number.
func (SetSetting) Type() Type { return 100 }
