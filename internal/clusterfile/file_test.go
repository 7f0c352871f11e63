// SPDX-License-Identifier: Apache-2.0

package clusterfile

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var example = File{ClusterID: "c-1", TargetSize: 3, Epoch: 7,
	Members:  []Member{{NodeID: "n-1", Addr: "10.0.0.1:8443", Gossip: "10.0.0.1:8444", Caps: []string{"ec2", "raft"}}},
	Services: Services{EC2: EC2{Endpoints: []string{"10.0.0.1:9443"}}, EBS: EBS{Replicas: 1, BlockSize: 4096}, Raft: Raft{Cluster: "c-1", Voters: []string{"n-1"}, Quorum: 1}}}

func TestSign_SameBytesEveryTimeAndVerified(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Sign(example, private)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Sign(example, private)
	if err != nil || !bytes.Equal(a, b) {
		t.Fatalf("two signings differ (%v):\n%s\n%s", err, a, b)
	}
	back, err := Verify(a, public)
	if err != nil {
		t.Fatal(err)
	}
	back.Sig = ""
	if diff := cmp.Diff(example, back); diff != "" {
		t.Fatalf("round trip (-want +got):\n%s", diff)
	}
}

func TestVerify_ChangedFileIsRefused(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	good, err := Sign(example, private)
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(good, stranger); !errors.Is(err, ErrSignature) {
		t.Fatalf("another cluster's key: %v", err)
	}
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		if _, err := Verify(bad, public); err == nil {
			t.Fatalf("a flipped bit at byte %d (%q) was not noticed", at, good[at])
		}
	}
}
