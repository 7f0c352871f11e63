// SPDX-License-Identifier: Apache-2.0

package admin

import "time"

// Setting is a cluster setting as it takes effect.
type Setting struct {
	Key       string    `json:"key"`
	Value     string    `json:"value"`
	Default   string    `json:"default"` // empty: there is none
	Changed   bool      `json:"changed"` // an operator gave it another value than its default
	ChangedAt time.Time `json:"changedAt,omitzero"`
	Form      string    `json:"form"` // what a value looks like
	Doc       string    `json:"doc"`
}

// SettingSetRequest gives a setting a value, or its default again.
type SettingSetRequest struct {
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
	Reset bool   `json:"reset,omitempty"`
}

// Restored says what a restore of a snapshot into a running region did.
type Restored struct {
	ClusterID   string `json:"clusterId"`
	Index       uint64 `json:"index"` // last entry in the snapshot
	StateHash   string `json:"stateHash"`
	IndexBefore uint64 `json:"indexBefore"` // where the region was; what came after Index is undone
}
