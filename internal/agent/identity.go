// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hivecloud/hive/internal/admin"
)

// identityVersion is the version of node.json.
const identityVersion = 1

// identity is what Init or Join decided about a node; it never changes.
type identity struct {
	Version   int    `json:"version"`
	ClusterID string `json:"clusterId"`
	NodeID    string `json:"nodeId"`
	Node      string `json:"node"`
	Region    string `json:"region"`
}

// readIdentity reads node.json, strictly.
func readIdentity(path string) (identity, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return identity{}, admin.Errorf(admin.KindConflict, "hive admin init makes a new region here, hive admin join makes this machine a node of another", "this node was not initialised: %s does not exist", path)
	}
	if err != nil {
		return identity{}, fmt.Errorf("read node identity: %w", err)
	}
	var id identity
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&id); err != nil {
		return identity{}, fmt.Errorf("read node identity %s: %w", path, err)
	}
	if id.Version != identityVersion {
		return identity{}, fmt.Errorf("read node identity %s: version %d is not %d", path, id.Version, identityVersion)
	}
	return id, nil
}

// newID is an id as AWS makes them: a prefix and 17 hex digits.
func newID(prefix string) string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return prefix + hex.EncodeToString(b[:])[:17]
}
