// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/pki"
)

// rotationRetry is when a node tries again that could not follow a rotation.
const rotationRetry = 2 * time.Second

// rotations brings this node's secrets to where the region's rotations are, and says so to the region. What each phase
// means is fsm/rotation.go's; the mutex keeps a rotation that begins here apart from the clean-up of one that is over.
type rotations struct {
	a       *Agent
	mu      sync.Mutex
	unsaved bool // the ring is not what its file says: nothing is acknowledged until it is
	// handled are the rows that were followed to their end, by kind. Rows are never changed in place, so the same row asks
	// for nothing more: the region changes hundreds of times a second, and a pass reads files.
	handled map[string]*state.Rotation
}

func newRotations(a *Agent) *rotations {
	return &rotations{a: a, handled: map[string]*state.Rotation{}}
}

// sealVersion is the version of the cluster key that seals, as this node knows it; zero when there is no state yet.
func (a *Agent) sealVersion() int {
	c, ok := a.region.Local().Cluster()
	if !ok {
		return 0
	}
	_, newest := c.SealVersions()
	return newest
}

// run follows the rotations until the context ends. It begins when the node has caught up: by an old state it would
// forget what the others use by now.
func (r *rotations) run(ctx context.Context) error {
	select {
	case <-r.a.ready:
	case <-ctx.Done():
		return nil
	}
	for ctx.Err() == nil {
		changed := r.a.region.Changed()
		again := make(<-chan time.Time)
		if err := r.follow(ctx); err != nil && ctx.Err() == nil {
			r.a.log.Warn("cannot follow a rotation, trying again", "error", err)
			again = time.After(rotationRetry)
		}
		select {
		case <-changed:
		case <-again:
		case <-ctx.Done():
		}
	}
	return nil
}

// follow makes one pass over all kinds.
func (r *rotations) follow(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.a.region.Local()
	c, ok := v.Cluster()
	if !ok {
		return nil
	}
	steps := map[string]func(context.Context, *state.View, state.Cluster, state.Rotation) error{
		state.RotateClusterKey: r.clusterKey, state.RotateGossipKey: r.gossipKey, state.RotateClusterCA: r.clusterCA, state.RotateAPICA: r.apiCA,
	}
	var faults []error
	for _, kind := range state.RotationKinds {
		at, was := state.Rotations.Get(v, state.AnyAccount, kind)
		if !was || r.handled[kind] == at {
			continue
		}
		row := *at
		err := steps[kind](ctx, v, c, row)
		if err == nil && row.Active() && !row.Acked(r.a.id.NodeID) {
			err = r.a.region.Propose(ctx, command.AckRotation{NodeID: r.a.id.NodeID, Kind: kind, Version: row.Version, Phase: row.Phase}, nil)
		}
		var refusal *command.Error
		if errors.As(err, &refusal) && (refusal.Code == "RotationNotFound" || refusal.Code == "RotationConflict") {
			err = nil // over, or in another phase meanwhile: there is another row then
		}
		if err == nil {
			r.handled[kind] = at
		} else {
			faults = append(faults, fmt.Errorf("rotation %d of the %s, phase %s: %w", row.Version, kind, row.Phase, err))
		}
	}
	return errors.Join(faults...)
}

// clusterKey has the ring hold what may be needed and nothing else.
func (r *rotations) clusterKey(ctx context.Context, v *state.View, c state.Cluster, row state.Rotation) error {
	ring := r.a.ring
	if row.Active() {
		if have, err := ring.Sum(row.Version); err != nil || have != row.Sum {
			if err := r.a.fetchClusterKey(ctx, v, row); err != nil {
				return err
			}
			r.unsaved = true
		}
	}
	oldest, newest := c.SealVersions()
	for _, version := range ring.Versions() {
		if version >= oldest && version <= newest || row.Active() && version == row.Version {
			continue
		}
		if err := ring.Drop(version); err != nil {
			return err
		}
		r.unsaved = true
	}
	if !r.unsaved {
		return nil
	}
	if err := ring.Save(r.a.at.clusterKey()); err != nil {
		return err
	}
	r.unsaved = false
	return nil
}

// clusterCA has this node trust what it should, and prove itself by the authority in force.
func (r *rotations) clusterCA(ctx context.Context, v *state.View, c state.Cluster, row state.Rotation) error {
	roots, err := trustedRoots(v, c, state.RotateClusterCA)
	if err != nil {
		return err
	}
	who := r.a.truth.identity
	if err := who.Trust(roots...); err != nil {
		return err
	}
	if row.Phase == state.RotationSpread || row.Phase == state.RotationCancelled {
		return nil
	}
	if !who.SignedBy(roots[0]) {
		if err := who.Renew(ctx, selfIssuer{r.a}); err != nil {
			return err
		}
		r.a.log.Info("certificate renewed by the new authority", "certificate", "node", "expires", who.NotAfter())
	}
	return r.a.pkiDir().Discard(pki.ClusterCA) // the log has the key in force; this one is not
}

// apiCA is clusterCA for the AWS endpoint. An operator's own certificate stays as it is.
func (r *rotations) apiCA(_ context.Context, v *state.View, c state.Cluster, row state.Rotation) error {
	roots, err := trustedRoots(v, c, state.RotateAPICA)
	if err != nil {
		return err
	}
	have, err := r.a.pkiDir().Roots(pki.APICA)
	if err != nil || !slices.EqualFunc(have, roots, (*x509.Certificate).Equal) {
		if err := r.a.pkiDir().Trust(pki.APICA, roots...); err != nil {
			return err
		}
	}
	if row.Phase == state.RotationSpread || row.Phase == state.RotationCancelled {
		return nil
	}
	if e := r.a.edge; e != nil && !e.SignedBy(roots[0]) {
		if err := e.Renew(r.a.apiAuthority, edgeHosts(r.a.config)); err != nil {
			return err
		}
		r.a.log.Info("certificate renewed by the new authority", "certificate", "api", "expires", e.NotAfter())
	}
	return r.a.pkiDir().Discard(pki.APICA)
}

// gossipKey has the keyring and the file hold what the phase asks for, the key in use first.
func (r *rotations) gossipKey(_ context.Context, _ *state.View, c state.Cluster, row state.Rotation) error {
	keys, err := readGossipKeys(r.a.at.gossipKey())
	if err != nil {
		return err
	}
	want := keys[:1]
	if row.Active() {
		fresh, err := openSealed(r.a.ring, row.Key)
		if err != nil {
			return err
		}
		rest := slices.DeleteFunc(slices.Clone(keys), func(k []byte) bool { return slices.Equal(k, fresh) })
		switch row.Phase {
		case state.RotationSpread:
			want = append(rest, fresh)
		case state.RotationUse:
			want = append([][]byte{fresh}, rest...)
		case state.RotationRetire:
			want = [][]byte{fresh}
		}
	} else if row.Phase == state.RotationDone {
		want = keys
	}
	if err := r.a.useGossipKeys(want); err != nil {
		return err
	}
	if slices.EqualFunc(keys, want, slices.Equal) {
		return nil
	}
	return writeGossipKeys(r.a.at.gossipKey(), want)
}

// start begins a rotation. The new secret is here, and safe, before anybody hears of it.
func (r *rotations) start(ctx context.Context, kind string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, err := r.a.region.View(ctx)
	if err != nil {
		return err
	}
	row, _ := v.Rotation(kind)
	next := state.Rotation{Kind: kind, Version: row.Version + 1, Hold: kind == state.RotateAPICA}
	switch kind {
	case state.RotateClusterKey:
		return r.startClusterKey(ctx, v, next)
	case state.RotateGossipKey:
		var key [gossipKeyLen]byte
		_, _ = rand.Read(key[:]) // never fails (crypto/rand)
		next.Sum = sumOf(key[:])
		next.Key, err = sealKey(r.a.ring, kind, key[:])
	case state.RotateClusterCA, state.RotateAPICA:
		err = r.newAuthority(&next)
	default:
		return admin.Errorf(admin.KindUsage, "rotate cluster-key, gossip-key, cluster-ca or api-ca", "there is nothing called %q to rotate", kind)
	}
	if err != nil {
		return err
	}
	return r.a.region.Propose(ctx, command.StartRotation{Rotation: next}, nil)
}

// startClusterKey makes the key and proposes it. When the region refuses, the key goes again.
func (r *rotations) startClusterKey(ctx context.Context, v *state.View, next state.Rotation) (err error) {
	c, _ := v.Cluster()
	_, newest := c.SealVersions()
	if next.Version = max(next.Version, newest+1); slices.Contains(r.a.ring.Versions(), next.Version) {
		return admin.Errorf(admin.KindConflict, "hive admin rotations shows it", "a rotation of the cluster key is under way")
	}
	r.a.ring.Add(next.Version)
	if err := r.a.ring.Save(r.a.at.clusterKey()); err != nil {
		return errors.Join(err, r.a.ring.Drop(next.Version))
	}
	if next.Sum, err = r.a.ring.Sum(next.Version); err != nil {
		return err
	}
	err = r.a.region.Propose(ctx, command.StartRotation{Rotation: next}, nil)
	var refusal *command.Error
	if errors.As(err, &refusal) {
		return errors.Join(err, r.a.ring.Drop(next.Version), r.a.ring.Save(r.a.at.clusterKey()))
	}
	return err // without an answer the key stays until the region says what became of it
}

// newAuthority makes the authority that a rotation leads to.
func (r *rotations) newAuthority(next *state.Rotation) error {
	name := map[string]string{state.RotateClusterCA: "Hive cluster CA ", state.RotateAPICA: "Hive API CA "}[next.Kind]
	ca, err := pki.NewAuthority(fmt.Sprintf("%s%s %d", name, r.a.id.ClusterID, next.Version+1))
	if err != nil {
		return err
	}
	key, err := ca.KeyDER()
	if err != nil {
		return fmt.Errorf("encode key of the %s: %w", next.Kind, err)
	}
	defer clear(key)
	next.Cert, next.Sum = ca.Certificate().Raw, sumOf(ca.Certificate().Raw)
	next.Key, err = sealKey(r.a.ring, next.Kind, key)
	return err
}

// sumOf names a secret or a certificate without telling it.
func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// trustedRoots are the authorities that count now, the one in force first.
func trustedRoots(v *state.View, c state.Cluster, kind string) ([]*x509.Certificate, error) {
	ders := [][]byte{c.ClusterCA}
	if kind == state.RotateAPICA {
		ders[0] = c.APICA
	}
	if row, ok := v.Rotation(kind); ok && row.Phase == state.RotationSpread {
		ders = append(ders, row.Cert)
	} else if ok && row.Phase == state.RotationUse {
		ders = append(ders, row.Old)
	}
	var out []*x509.Certificate
	for _, der := range ders {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", kind, err)
		}
		out = append(out, cert)
	}
	return out, nil
}
