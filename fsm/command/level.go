// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// UnsupportedFormatLevel is the code of refusals of what the region's format level does not have yet.
const UnsupportedFormatLevel = "UnsupportedFormatLevel"

// SealRetired is the code of refusals of a secret that is sealed under a forgotten version of the cluster key.
const SealRetired = "ClusterKeyRetired"

// leveled is a command that needs a newer region format level than the first, always or because of what it holds.
type leveled interface{ Since() int }

// Since is the region format level that a command needs. Commands of the first release need level 1; a later one, and
// one of the first release with a field set that came later, says so by a method of this name.
func Since(c Command) int {
	if l, ok := c.(leveled); ok {
		return max(l.Since(), 1)
	}
	return 1
}

// TooNew refuses a command that needs a newer format level than the region's.
func TooNew(c Command, level int) *Error {
	need := Since(c)
	if need <= level {
		return nil
	}
	return Errorf(UnsupportedFormatLevel, "This needs region format level %d and the region is at level %d. "+
		"When every node runs this version of Hive, an operator finishes the upgrade: hive admin upgrade finalize.", need, level)
}

// Since is the level that brought the setting: an older binary would refuse what a newer one carries out.
func (c SetSetting) Since() int {
	d, _ := state.FindSetting(c.Key)
	return d.Since
}

// SetFormatLevel raises the region format level, for good. Every registered node must have said that it knows the level.
type SetFormatLevel struct{ Level int }

// Type is the command's number.
func (SetFormatLevel) Type() Type { return 102 }
