// SPDX-License-Identifier: Apache-2.0

package state

// Volume states.
const (
	VolumeCreating  = "creating"
	VolumeAvailable = "available"
	VolumeInUse     = "in-use"
	VolumeDeleting  = "deleting"
	VolumeError     = "error"
)

// Attachment ties a volume to an instance.
type Attachment struct {
	InstanceID          string
	Device              string
	State               string // attaching | attached | detaching
	DeleteOnTermination bool
	Attached            Time
}

// Volume is an EBS volume. Its bytes are on NodeID, in the block store.
type Volume struct {
	ID         string
	AccountID  string
	Zone       string
	SizeGiB    int64
	Type       string // gp3, gp2, io1, io2, st1, sc1, standard
	IOPS       int64  // 0 where the type has none
	Throughput int64  // MiB/s, 0 where the type has none
	SnapshotID string
	State      string
	Created    Time
	NodeID     string
	Epoch      uint64
	Made       bool // a guest has run on it: bytes that are missing now are lost, and are not made anew
	Attachment *Attachment
}

// Volumes by id, account, node and instance.
var Volumes = &Table[Volume]{name: "volumes", id: 7, key: func(v *Volume) string { return v.ID },
	account: func(v *Volume) string { return v.AccountID },
	indexes: map[Index]func(*Volume) []string{
		ByAccount: func(v *Volume) []string { return one(v.AccountID) },
		ByNode:    func(v *Volume) []string { return one(v.NodeID) },
		ByInstance: func(v *Volume) []string {
			if v.Attachment == nil {
				return nil
			}
			return one(v.Attachment.InstanceID)
		},
	}}

// Snapshot states.
const (
	SnapshotPending   = "pending"
	SnapshotCompleted = "completed"
	SnapshotError     = "error"
)

// Snapshot is a point-in-time copy of a volume, or an imported image's bytes.
type Snapshot struct {
	ID          string
	AccountID   string
	VolumeID    string // vol-ffffffff for an import, as AWS writes it
	SizeGiB     int64  // the least size of a volume made from it
	Bytes       int64  // length of the content
	SHA256      string // of the content, hex
	State       string
	Description string
	Started     Time
	Completed   Time
	Nodes       []string // who has the bytes, sorted
	Public      bool     // anyone may make volumes from it
}

// Snapshots by id and account.
var Snapshots = &Table[Snapshot]{name: "snapshots", id: 8, key: func(s *Snapshot) string { return s.ID },
	account: func(s *Snapshot) string { return s.AccountID },
	indexes: map[Index]func(*Snapshot) []string{ByAccount: func(s *Snapshot) []string { return one(s.AccountID) }}}
