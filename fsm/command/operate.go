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

// RestoreRegion says that the region was just made again from a backup on a machine that has none of its guests: what
// ran is stopped, so that nothing starts on volumes whose bytes may not be there.
type RestoreRegion struct{}

// Type is the command's number.
func (RestoreRegion) Type() Type { return 101 }

// Restored is what RestoreRegion did.
type Restored struct{ Stopped []string } // instance ids
