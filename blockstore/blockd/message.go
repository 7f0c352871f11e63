// SPDX-License-Identifier: Apache-2.0

package blockd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/nbd"
)

// request is the body of a request frame.
type request struct {
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args"`
}

// answer is the body of an answer frame: exactly one of the two is set.
type answer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  *answerError    `json:"error,omitempty"`
}

type answerError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// The operations.
const (
	opCreateVolume   = "create_volume"
	opDeleteVolume   = "delete_volume"
	opStatVolume     = "stat_volume"
	opServe          = "serve"
	opRelease        = "release"
	opGrow           = "grow"
	opImportSnapshot = "import_snapshot"
	opDeleteSnapshot = "delete_snapshot"
	opStatSnapshot   = "stat_snapshot"
	opList           = "list"
	opStats          = "stats"
	opSpace          = "space"
)

// CreateVolume are the arguments of create_volume.
type CreateVolume struct {
	// ID names the volume: 1 to 64 bytes of A-Z a-z 0-9 - _ . and no dot in front.
	ID string `json:"id"`
	// SizeBytes is a multiple of 4096, not smaller than the snapshot.
	SizeBytes int64 `json:"size_bytes"`
	// Snapshot is what the volume starts as; empty means all zeros.
	Snapshot string `json:"snapshot,omitempty"`
}

// Serve are the arguments of serve; the listener comes as a descriptor.
type Serve struct {
	Volume string `json:"volume"`
	// Epoch is what the owner was granted, at least 1.
	Epoch uint64 `json:"epoch"`
}

type growArgs struct {
	Volume    string `json:"volume"`
	SizeBytes int64  `json:"size_bytes"`
}

type importArgs struct {
	ID   string `json:"id"`
	Path string `json:"path"`
}

type idArgs struct {
	ID string `json:"id"`
}

// nothing is the arguments or the result of what has none.
type nothing struct{}

// Volume describes a volume.
type Volume struct {
	ID             string `json:"id"`
	SizeBytes      int64  `json:"size_bytes"`
	AllocatedBytes int64  `json:"allocated_bytes"` // what it takes on the device
	Epoch          uint64 `json:"epoch"`           // the highest under which it was opened; 0: never
	Snapshot       string `json:"snapshot,omitempty"`
	Served         bool   `json:"served"`      // it is open in this daemon, under Epoch
	Connections    int    `json:"connections"` // of NBD clients, now
	Failed         bool   `json:"failed"`      // a flush was lost in Epoch: only a higher one may open it
	// Problem is set, and everything but ID is not, when the metadata cannot be read.
	Problem string `json:"problem,omitempty"`
}

// Snapshot describes a snapshot.
type Snapshot struct {
	ID             string `json:"id"`
	SizeBytes      int64  `json:"size_bytes"`
	AllocatedBytes int64  `json:"allocated_bytes"`
	SHA256         string `json:"sha256"` // of all SizeBytes, in hex
	// Problem is set, and everything but ID is not, when the metadata cannot be read.
	Problem string `json:"problem,omitempty"`
}

// Listing is everything the daemon has, in the order of the ids.
type Listing struct {
	Volumes   []Volume   `json:"volumes"`
	Snapshots []Snapshot `json:"snapshots"`
}

// VolumeStats are the requests of one volume since the daemon started, over all its connections and epochs.
type VolumeStats struct {
	Volume string `json:"volume"`
	nbd.Stats
}

// Stats are the requests of all volumes that were served since the daemon started, in the order of their ids.
type Stats struct {
	// Started tells one daemon's life from the next: counters begin at zero with it.
	Started time.Time     `json:"started"`
	Volumes []VolumeStats `json:"volumes"`
}

// Space is the room of the file system that holds the volumes.
type Space struct {
	FreeBytes    int64 `json:"free_bytes"`
	TotalBytes   int64 `json:"total_bytes"`
	ReserveBytes int64 `json:"reserve_bytes"` // what creations and imports must leave free
}

// decodeStrict refuses fields it does not know and bytes behind the value.
func decodeStrict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", err, blockstore.ErrInvalid)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("bytes behind the value: %w", blockstore.ErrInvalid)
	}
	return nil
}
