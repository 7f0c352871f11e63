// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
)

// TestRotation_DiskThatCannotBeWritten: a key file that was not written is written at the next pass, although the ring needs
// no change by then; until then the node says nothing.
func TestRotation_DiskThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	a, _ := founder(t)
	a.ring.Follow(a.sealVersion)
	r := newRotations(a)
	if err := r.start(t.Context(), state.RotateClusterKey); err != nil {
		t.Fatal(err)
	}
	if got := a.ring.Versions(); !slices.Equal(got, []int{1, 2}) || a.ring.Version() != 1 {
		t.Fatalf("versions %v, %d seals", got, a.ring.Version())
	}
	if err := a.region.Propose(t.Context(), command.CancelRotation{Kind: state.RotateClusterKey, Version: 2}, nil); err != nil {
		t.Fatal(err)
	}
	file := a.at.clusterKey()
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.follow(t.Context()); err == nil {
			t.Fatal("a key file that cannot be written is no fault")
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := r.follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if on, err := seal.Load(file); err != nil || !slices.Equal(on.Versions(), []int{1}) {
		t.Errorf("on disk: %v, %v", on.Versions(), err)
	}
}

// TestRotation_AuthorityOfTheMoment: whoever signs takes the authority in force, and trusts both while it changes.
func TestRotation_AuthorityOfTheMoment(t *testing.T) {
	t.Parallel()
	a, _ := founder(t)
	a.ring.Follow(a.sealVersion)
	r := newRotations(a)
	was, err := a.authority(pki.ClusterCA)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.start(t.Context(), state.RotateClusterCA); err != nil {
		t.Fatal(err)
	}
	trusted := func() []*x509.Certificate {
		t.Helper()
		if err := r.follow(t.Context()); err != nil {
			t.Fatal(err)
		}
		roots, err := pki.NewDir(vfs.OS(), a.at.pki()).Roots(pki.ClusterCA)
		if err != nil {
			t.Fatal(err)
		}
		return roots
	}
	if got := trusted(); len(got) != 2 || !got[0].Equal(was.Certificate()) || !a.truth.identity.SignedBy(got[0]) {
		t.Fatalf("spread: %d authorities are trusted", len(got))
	}
	next := func(from string) {
		t.Helper()
		if err := a.region.Propose(t.Context(), command.AdvanceRotation{Kind: state.RotateClusterCA, Version: 1, From: from}, nil); err != nil {
			t.Fatal(err)
		}
	}
	next(state.RotationSpread)
	now, err := a.authority(pki.ClusterCA)
	if err != nil || now.Certificate().Equal(was.Certificate()) {
		t.Fatalf("in use: the old authority signs, %v", err)
	}
	if got := trusted(); len(got) != 2 || !got[0].Equal(now.Certificate()) || !a.truth.identity.SignedBy(got[0]) {
		t.Fatalf("in use: %d authorities are trusted", len(got))
	}
	if _, err := pki.NewDir(vfs.OS(), a.at.pki()).Authority(pki.ClusterCA); !errors.Is(err, pki.ErrNotHere) {
		t.Errorf("the old authority's key is still here: %v", err)
	}
	next(state.RotationUse)
	if got := trusted(); len(got) != 1 || !got[0].Equal(now.Certificate()) {
		t.Fatalf("retired: %d authorities are trusted", len(got))
	}
}

// TestRotation_FollowedOnce: what was followed to its end costs nothing at the region's later changes, of which there are
// hundreds a second: no file is looked at again.
func TestRotation_FollowedOnce(t *testing.T) {
	t.Parallel()
	a, _ := founder(t)
	a.ring.Follow(a.sealVersion)
	r := newRotations(a)
	if err := r.start(t.Context(), state.RotateAPICA); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the acknowledgement is a change of its own
		if err := r.follow(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	file := pki.NewDir(vfs.OS(), a.at.pki()).CertificateFile(pki.APICA)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := r.follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a rotation that was followed is followed again")
	}
}
