// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// runRotation finds the rules of rotations.
func (a *apply) runRotation(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.StartRotation:
		return a.startRotation(c)
	case command.AckRotation:
		return a.ackRotation(c)
	case command.AdvanceRotation:
		return a.advanceRotation(c)
	case command.CancelRotation:
		return a.cancelRotation(c)
	case command.RewrapSecrets:
		return a.rewrapSecrets(c)
	}
	return a.runResource(c)
}

func (a *apply) startRotation(c command.StartRotation) (any, *command.Error) {
	r := c.Rotation
	cluster, ok := a.Cluster()
	if !ok {
		return nil, command.Errorf("ClusterNotInitialized", "The region has no cluster row.")
	}
	if !slices.Contains(state.RotationKinds, r.Kind) || r.Sum == "" {
		return nil, command.Errorf("InvalidRotation", "There is no rotation of %q; there are %s.", r.Kind, strings.Join(state.RotationKinds, ", "))
	}
	last, _ := a.Rotation(r.Kind)
	if last.Active() {
		return nil, command.Errorf("RotationInProgress", "The rotation of the %s is in its phase %q; one at a time.", r.Kind, last.Phase)
	}
	before := last.Version
	if r.Kind == state.RotateClusterKey {
		_, newest := cluster.SealVersions()
		before = max(before, newest)
	}
	if r.Version != before+1 {
		return nil, command.Errorf("RotationConflict", "The next rotation of the %s has the version %d, not %d.", r.Kind, before+1, r.Version)
	}
	if refusal := a.sealable(r.Key.Version, r.Key.Box); refusal != nil {
		return nil, refusal
	}
	r.Phase, r.Started, r.Changed, r.Acks, r.Old = state.RotationSpread, a.now, a.now, nil, nil
	state.Rotations.Put(a.Txn, &r)
	a.event(state.EventRotation, "", "", "The rotation of the %s began.", r.Kind)
	return nil, nil
}

// rotation finds a rotation that a command means.
func (a *apply) rotation(kind string, version int) (state.Rotation, *command.Error) {
	r, ok := a.Rotation(kind)
	if !ok || r.Version != version {
		return r, command.Errorf("RotationNotFound", "There is no rotation %d of the %s.", version, kind)
	}
	if !r.Active() {
		return r, command.Errorf("RotationNotFound", "The rotation %d of the %s is over: %s.", version, kind, r.Phase)
	}
	return r, nil
}

func (a *apply) ackRotation(c command.AckRotation) (any, *command.Error) {
	r, refusal := a.rotation(c.Kind, c.Version)
	if refusal != nil {
		return nil, refusal
	}
	if r.Phase != c.Phase { // said late, or again
		return nil, command.Errorf("RotationConflict", "The rotation of the %s is in its phase %q, not %q.", r.Kind, r.Phase, c.Phase)
	}
	m, ok := state.Members.Get(a.View, state.AnyAccount, c.NodeID)
	if !ok || m.Ejected {
		return nil, command.Errorf("NodeNotAdmitted", "The node %s is no member of the cluster.", c.NodeID)
	}
	r.Acks = slices.DeleteFunc(slices.Clone(r.Acks), func(k state.RotationAck) bool { return k.NodeID == c.NodeID })
	r.Acks = append(r.Acks, state.RotationAck{NodeID: c.NodeID, Phase: c.Phase})
	slices.SortFunc(r.Acks, func(x, y state.RotationAck) int { return strings.Compare(x.NodeID, y.NodeID) })
	state.Rotations.Put(a.Txn, &r)
	return nil, nil
}

// forgetAcks: a node that joins anew has the secrets of the node that let it in, whatever was said under its name before.
func (a *apply) forgetAcks(node string) {
	for _, old := range slices.Collect(state.Rotations.All(a.View)) {
		if slices.ContainsFunc(old.Acks, func(k state.RotationAck) bool { return k.NodeID == node }) {
			r := *old
			r.Acks = slices.DeleteFunc(slices.Clone(old.Acks), func(k state.RotationAck) bool { return k.NodeID == node })
			state.Rotations.Put(a.Txn, &r)
		}
	}
}

func (a *apply) advanceRotation(c command.AdvanceRotation) (any, *command.Error) {
	r, refusal := a.rotation(c.Kind, c.Version)
	if refusal != nil {
		return nil, refusal
	}
	if r.Phase != c.From {
		return nil, command.Errorf("RotationConflict", "The rotation of the %s is in its phase %q, not %q.", r.Kind, r.Phase, c.From)
	}
	if waiting := a.Waiting(r); len(waiting) > 0 {
		return nil, command.Errorf("RotationWaits", "The rotation of the %s waits in its phase %q for %s. A node that does not come back has to be removed.", r.Kind, r.Phase, strings.Join(waiting, ", "))
	}
	switch r.Phase {
	case state.RotationSpread:
		if r.Hold && !c.Force {
			return nil, command.Errorf("RotationWaits", "The rotation of the %s waits for an operator.", r.Kind)
		}
		a.useNew(&r)
	case state.RotationUse:
		if refusal := a.mayRetire(r, c.Force); refusal != nil {
			return nil, refusal
		}
		a.retireOld(&r)
	case state.RotationRetire:
		r.Phase, r.Acks, r.Key = state.RotationDone, nil, state.SealedKey{}
		a.event(state.EventRotation, "", "", "The rotation of the %s is done.", r.Kind)
	}
	r.Changed = a.now
	state.Rotations.Put(a.Txn, &r)
	return nil, nil
}

// useNew makes the new secret the one in force.
func (a *apply) useNew(r *state.Rotation) {
	r.Phase = state.RotationUse
	cluster, _ := a.Cluster()
	switch r.Kind {
	case state.RotateClusterKey:
		cluster.SealVersion = r.Version
	case state.RotateClusterCA:
		r.Old, cluster.ClusterCA = cluster.ClusterCA, r.Cert
		cluster.Keys = replaced(cluster.Keys, r.Key)
	case state.RotateAPICA:
		r.Old, cluster.APICA = cluster.APICA, r.Cert
		cluster.Keys = replaced(cluster.Keys, r.Key)
	}
	state.Clusters.Put(a.Txn, &cluster)
}

func replaced(keys []state.SealedKey, k state.SealedKey) []state.SealedKey {
	out := slices.Clone(keys)
	for i := range out {
		if out[i].Name == k.Name {
			out[i] = k
		}
	}
	return out
}

// mayRetire: what is still sealed under the old cluster key would be lost with it.
func (a *apply) mayRetire(r state.Rotation, force bool) *command.Error {
	if r.Kind != state.RotateClusterKey {
		return nil
	}
	if n := a.StaleSeals(r.Version); n > 0 {
		return command.Errorf("RotationWaits", "%d secrets are still sealed under the old cluster key.", n)
	}
	if end := r.Retires(); a.now < end && !force {
		return command.Errorf("RotationWaits", "Sessions made with the old cluster key may last until %s.", end.Std().Format("2006-01-02 15:04:05 UTC"))
	}
	return nil
}

func (a *apply) retireOld(r *state.Rotation) {
	r.Phase, r.Old = state.RotationRetire, nil
	if r.Kind == state.RotateClusterKey {
		cluster, _ := a.Cluster()
		cluster.OldestVersion = r.Version
		state.Clusters.Put(a.Txn, &cluster)
	}
}

func (a *apply) cancelRotation(c command.CancelRotation) (any, *command.Error) {
	r, refusal := a.rotation(c.Kind, c.Version)
	if refusal != nil {
		return nil, refusal
	}
	if r.Phase != state.RotationSpread {
		return nil, command.Errorf("RotationConflict", "The rotation of the %s is in its phase %q: the new secret is in use and there is no way back.", r.Kind, r.Phase)
	}
	r.Phase, r.Changed, r.Acks, r.Cert, r.Key = state.RotationCancelled, a.now, nil, nil, state.SealedKey{}
	state.Rotations.Put(a.Txn, &r)
	a.event(state.EventRotation, "", "", "The rotation of the %s was given up.", r.Kind)
	return nil, nil
}

// sealable refuses a box under a version of the cluster key that is forgotten: nobody could open it. A node that has not
// heard of the rotation's end may still make one.
func (a *apply) sealable(version int, box []byte) *command.Error {
	cluster, ok := a.Cluster()
	if oldest, _ := cluster.SealVersions(); ok && len(box) > 0 && version < oldest && oldest > 1 {
		return command.Errorf(command.SealRetired, "The secret is sealed under version %d of the cluster key, which was retired meanwhile. Try again.", version)
	}
	return nil
}

func (a *apply) rewrapSecrets(c command.RewrapSecrets) (any, *command.Error) {
	cluster, _ := a.Cluster()
	if _, newest := cluster.SealVersions(); c.Version != newest {
		return nil, command.Errorf("RotationConflict", "The version %d of the cluster key seals, not %d.", newest, c.Version)
	}
	for _, row := range c.Rows {
		switch row.Table {
		case state.AccessKeys.Name():
			a.rewrapAccessKey(row, c.Version)
		case state.KMSKeys.Name():
			a.rewrapKMSKey(row, c.Version)
		case state.Clusters.Name():
			a.rewrapCluster(row, c.Version)
		case state.Rotations.Name():
			a.rewrapRotation(row, c.Version)
		default:
			return nil, command.Errorf("InvalidRotation", "No secrets stand in rows of %q.", row.Table)
		}
	}
	return nil, nil
}

func (a *apply) rewrapAccessKey(row command.Rewrapped, version int) {
	if old, ok := state.AccessKeys.Get(a.View, state.AnyAccount, row.Key); ok && old.KeyVersion == row.Was {
		k := *old
		k.Secret, k.KeyVersion = row.Box, version
		state.AccessKeys.Put(a.Txn, &k)
	}
}

func (a *apply) rewrapKMSKey(row command.Rewrapped, version int) {
	old, ok := state.KMSKeys.Get(a.View, state.AnyAccount, row.Key)
	if !ok || row.Part < 0 || row.Part >= len(old.Materials) || old.Materials[row.Part].KeyVersion != row.Was {
		return
	}
	k := *old
	k.Materials = slices.Clone(old.Materials)
	k.Materials[row.Part].Box, k.Materials[row.Part].KeyVersion = row.Box, version
	state.KMSKeys.Put(a.Txn, &k)
}

func (a *apply) rewrapCluster(row command.Rewrapped, version int) {
	c, ok := a.Cluster()
	if !ok || row.Part < 0 || row.Part >= len(c.Keys) || c.Keys[row.Part].Version != row.Was {
		return
	}
	c.Keys = slices.Clone(c.Keys)
	c.Keys[row.Part].Box, c.Keys[row.Part].Version = row.Box, version
	state.Clusters.Put(a.Txn, &c)
}

func (a *apply) rewrapRotation(row command.Rewrapped, version int) {
	if r, ok := a.Rotation(row.Key); ok && r.Key.Version == row.Was && len(r.Key.Box) > 0 {
		r.Key.Box, r.Key.Version = row.Box, version
		state.Rotations.Put(a.Txn, &r)
	}
}
