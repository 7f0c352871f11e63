// SPDX-License-Identifier: Apache-2.0

package state

import "time"

// Time is nanoseconds since 1970 UTC; zero means never. It is the time that commands carry, never a local clock.
type Time int64

// At turns a wall time into a Time.
func At(t time.Time) Time { return Time(t.UnixNano()) }

// Std is the time as Go's standard type, in UTC.
func (t Time) Std() time.Time { return time.Unix(0, int64(t)).UTC() }

// IsZero tells whether the time was never set.
func (t Time) IsZero() bool { return t == 0 }

// RegionKey is the key of the one Region row.
const RegionKey = "region"

// FormatLevel is the newest region format level this binary can apply (design: one level covers commands, snapshots and RPC).
//
//	1  v0.1.0
//	2  identity (IAM, STS, KMS, accounts), rotation of the cluster's keys
const FormatLevel = 2

// Region is the one row about the region itself.
type Region struct {
	Key         string // always RegionKey
	ClusterID   string // c- and 8 hex digits
	Name        string // e.g. ap-southeast-2
	Partition   string // aws
	Zones       []Zone
	FormatLevel int
	Created     Time
	PublicPool  string // CIDR that public addresses come from (user mode: inside 127.0.0.0/8)
	MaxVCPUs    int    // quota per account: running on-demand vCPUs
	DNSSuffix   string // e.g. ap-southeast-2.compute.internal
}

// Zone is an availability zone.
type Zone struct {
	Name  string // e.g. ap-southeast-2a
	ID    string // e.g. apse2-az1
	State string // available
}

// Regions holds the one Region row.
var Regions = &Table[Region]{name: "regions", id: 1, key: func(r *Region) string { return r.Key }}

// Region is the region's row; ok is false before the region was initialised.
func (v *View) Region() (Region, bool) {
	r, ok := Regions.Get(v, AnyAccount, RegionKey)
	if !ok {
		return Region{}, false
	}
	return *r, true
}

// HasZone tells whether the region lists a zone of that name.
func (r Region) HasZone(name string) bool {
	for _, z := range r.Zones {
		if z.Name == name {
			return true
		}
	}
	return false
}

// Tag is a key and a value, as AWS tags are.
type Tag struct{ Key, Value string }
