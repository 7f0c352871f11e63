// SPDX-License-Identifier: Apache-2.0

package clusterfile

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const sigPrefix = "ed25519:"

var (
	// ErrForm is a file that this package would not have written.
	ErrForm = errors.New("cluster settings are malformed")
	// ErrSignature is a file that the cluster did not sign.
	ErrSignature = errors.New("cluster settings are not signed by this cluster")
)

// File is the content of cluster.json.
type File struct {
	ClusterID  string   `json:"cluster_id"`
	TargetSize int      `json:"target_size"`
	Members    []Member `json:"members"` // by node id
	Services   Services `json:"services"`
	Epoch      uint64   `json:"epoch"`
	Sig        string   `json:"sig"`
}

// Member is one node.
type Member struct {
	NodeID string   `json:"node_id"`
	Addr   string   `json:"addr"`   // cluster port
	Gossip string   `json:"gossip"` // gossip port
	Caps   []string `json:"caps"`
}

// Services is what the cluster as a whole offers, and how safely.
type Services struct {
	EC2  EC2  `json:"ec2"`
	EBS  EBS  `json:"ebs"`
	Raft Raft `json:"raft"`
}

// EC2 is the AWS API.
type EC2 struct {
	Endpoints []string `json:"endpoints"` // host:port of the nodes that answer, in the order of their ids
}

// EBS is how volumes are kept.
type EBS struct {
	Replicas  int `json:"replicas"`
	BlockSize int `json:"block_size"`
}

// Raft is the region's log.
type Raft struct {
	Cluster string   `json:"cluster"`
	Voters  []string `json:"voters"`
	Quorum  int      `json:"quorum"` // voters that have to be up
}

// Sign is the file's bytes with its signature.
func Sign(f File, key ed25519.PrivateKey) ([]byte, error) {
	f.Sig = ""
	plain, err := form(f)
	if err != nil {
		return nil, err
	}
	f.Sig = sigPrefix + base64.StdEncoding.EncodeToString(ed25519.Sign(key, plain))
	return form(f)
}

// Verify reads a file that was signed by key's private half. It accepts only the form that Sign writes.
func Verify(b []byte, key ed25519.PublicKey) (File, error) {
	f, err := Parse(b)
	if err != nil {
		return File{}, err
	}
	text, ok := strings.CutPrefix(f.Sig, sigPrefix)
	sig, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize {
		return File{}, ErrSignature
	}
	bare := f
	bare.Sig = ""
	plain, err := form(bare)
	if err != nil {
		return File{}, err
	}
	if !ed25519.Verify(key, plain, sig) {
		return File{}, ErrSignature
	}
	return f, nil
}

// Parse reads a file without asking who signed it.
func Parse(b []byte) (File, error) {
	var f File
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	again, err := form(f)
	if err != nil {
		return File{}, err
	}
	if !bytes.Equal(again, b) {
		return File{}, fmt.Errorf("%w: it was edited", ErrForm)
	}
	return f, nil
}

func form(f File) ([]byte, error) {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode cluster settings: %w", err)
	}
	return append(b, '\n'), nil
}
