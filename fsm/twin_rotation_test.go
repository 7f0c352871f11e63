// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"pgregory.net/rapid"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// rotation draws a step of a rotation.
func (w *twins) rotation(t *rapid.T) {
	v := w.a.View()
	kind := rapid.SampledFrom(state.RotationKinds).Draw(t, "kind")
	now, _ := v.Rotation(kind)
	version := now.Version + rapid.IntRange(0, 1).Draw(t, "next")
	cluster, _ := v.Cluster()
	_, seal := cluster.SealVersions()
	switch rapid.IntRange(0, 6).Draw(t, "rotation step") {
	case 0, 1:
		r := state.Rotation{Kind: kind, Version: now.Version + 1, Sum: "s", Hold: kind == state.RotateAPICA, Cert: []byte(kind)}
		if kind == state.RotateClusterKey {
			r.Version = max(now.Version, seal) + 1
		} else {
			r.Key = state.SealedKey{Name: kind, Box: []byte{1}, Version: seal}
		}
		w.apply(t, command.StartRotation{Rotation: r})
	case 2, 3:
		for m := range state.Members.All(v) {
			w.apply(t, command.AckRotation{NodeID: m.NodeID, Kind: kind, Version: version, Phase: now.Phase})
		}
	case 4:
		w.apply(t, command.AdvanceRotation{Kind: kind, Version: now.Version, From: now.Phase, Force: rapid.Bool().Draw(t, "force")})
	case 5:
		w.apply(t, command.CancelRotation{Kind: kind, Version: version})
	case 6:
		c := command.RewrapSecrets{Version: seal}
		v.Sealed(func(r state.SealedRow) bool {
			c.Rows = append(c.Rows, command.Rewrapped{Table: r.Table, Key: r.Key, Part: r.Part, Was: r.Version, Box: []byte{byte(seal)}})
			return len(c.Rows) < 9
		}, seal)
		w.apply(t, c)
	}
}

// seals checks that nothing is sealed under a key that is forgotten.
func seals(t *rapid.T, v *state.View) {
	cluster, ok := v.Cluster()
	if !ok {
		return
	}
	oldest, newest := cluster.SealVersions()
	if oldest > newest {
		t.Fatalf("the cluster key's oldest version %d is above its newest %d", oldest, newest)
	}
	if n := v.StaleSeals(oldest); oldest > 1 && n > 0 {
		t.Fatalf("%d secrets are sealed under a version below %d", n, oldest)
	}
}
