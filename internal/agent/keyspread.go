// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/seal"
)

const (
	methodClusterKey = "member.ClusterKey"
	// fetchTime bounds one member's answer.
	fetchTime = 10 * time.Second
	// rewrapBatch is how many secrets one entry of the log carries under their new key.
	rewrapBatch = 200
)

// clusterKeyRequest asks for the key that a rotation spreads.
type clusterKeyRequest struct {
	Version int    `codec:"version"`
	Sum     string `codec:"sum"`
}

type clusterKeyResponse struct {
	Key string `codec:"key"` // content of a key file with this one version; empty when the member does not hold it
}

// handleClusterKey hands a new cluster key to members that do not have it yet. The key never enters the log: who steals
// an old disk and an old key shall not open it. The cluster port has proved that the peer is a member.
func (a *Agent) handleClusterKey() {
	rpc.Handle(a.truth.server, methodClusterKey, func(_ context.Context, peer rpc.NodeID, q clusterKeyRequest) (clusterKeyResponse, error) {
		v := a.region.Local()
		row, ok := v.Rotation(state.RotateClusterKey)
		m, member := state.Members.Get(v, state.AnyAccount, peer)
		if !ok || !row.Active() || row.Version != q.Version || row.Sum != q.Sum || !member || m.Ejected {
			return clusterKeyResponse{}, rpc.Errorf(codeRefused, "no rotation spreads version %d of the cluster key to %s", q.Version, peer)
		}
		if sum, err := a.ring.Sum(q.Version); err != nil || sum != q.Sum {
			return clusterKeyResponse{}, nil
		}
		only, err := a.ring.Only(q.Version)
		if err != nil {
			return clusterKeyResponse{}, err
		}
		return clusterKeyResponse{Key: only.Marshal().Reveal()}, nil
	})
}

// fetchClusterKey takes the key of a rotation from a member that has it: those that said so are asked first.
func (a *Agent) fetchClusterKey(ctx context.Context, v *state.View, row state.Rotation) error {
	asked, faults := map[string]bool{a.id.NodeID: true}, []error{}
	ask := func(node string) bool {
		if asked[node] {
			return false
		}
		asked[node] = true
		err := a.askClusterKey(ctx, node, row)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", node, err))
		}
		return err == nil
	}
	for _, k := range row.Acks {
		if ask(k.NodeID) {
			return nil
		}
	}
	for m := range state.Members.All(v) {
		if !m.Ejected && ask(m.NodeID) {
			return nil
		}
	}
	return fmt.Errorf("fetch version %d of the cluster key: no member has it: %w", row.Version, errors.Join(faults...))
}

func (a *Agent) askClusterKey(ctx context.Context, node string, row state.Rotation) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	got, err := rpc.Call[clusterKeyRequest, clusterKeyResponse](ctx, a.truth.client, node, methodClusterKey, clusterKeyRequest{Version: row.Version, Sum: row.Sum})
	if err != nil {
		return err
	}
	if got.Key == "" {
		return errors.New("it does not have it yet")
	}
	from, err := seal.Parse(seal.NewSecret(got.Key))
	if err != nil {
		return err
	}
	if sum, err := from.Sum(row.Version); err != nil || sum != row.Sum {
		return fmt.Errorf("it sent another key: %w", err)
	}
	return a.ring.Take(from, row.Version)
}

// advanceRotations is the leader's part: it ends phases that every member has come to, and seals anew what is sealed
// under an old key.
func (a *Agent) advanceRotations(ctx context.Context) error {
	v := a.region.Local()
	var faults []error
	for _, kind := range state.RotationKinds {
		row, ok := v.Rotation(kind)
		if !ok || !row.Active() {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, changeTime)
		if err := a.advanceRotation(ctx, v, row); err != nil {
			faults = append(faults, fmt.Errorf("rotation of the %s: %w", kind, err))
		}
		cancel()
	}
	return errors.Join(faults...)
}

func (a *Agent) advanceRotation(ctx context.Context, v *state.View, row state.Rotation) error {
	if row.Kind == state.RotateClusterKey && row.Phase == state.RotationUse {
		left, err := a.rewrap(ctx, v, row.Version)
		if err != nil || left || time.Now().Before(row.Retires().Std()) {
			return err
		}
	}
	if len(v.Waiting(row)) > 0 || row.Hold && row.Phase == state.RotationSpread {
		return nil
	}
	a.log.Info("a phase of a rotation is over", "of", row.Kind, "version", row.Version, "phase", row.Phase)
	return a.region.Propose(ctx, command.AdvanceRotation{Kind: row.Kind, Version: row.Version, From: row.Phase}, nil)
}

// rewrap seals a batch of secrets under the present version of the cluster key, and says whether there was any.
func (a *Agent) rewrap(ctx context.Context, v *state.View, version int) (bool, error) {
	c := command.RewrapSecrets{Version: version}
	var fault error
	v.Sealed(func(s state.SealedRow) bool {
		box, now, err := a.ring.Rewrap(s.Account, s.Name, s.Version, s.Box)
		if err == nil && now != version {
			err = fmt.Errorf("version %d seals", now)
		}
		if err != nil {
			fault = fmt.Errorf("seal %s of %s anew: %w", s.Name, s.Table, err)
			return false
		}
		c.Rows = append(c.Rows, command.Rewrapped{Table: s.Table, Key: s.Key, Part: s.Part, Was: s.Version, Box: box})
		return len(c.Rows) < rewrapBatch
	}, version)
	if fault != nil || len(c.Rows) == 0 {
		return false, fault
	}
	return true, a.region.Propose(ctx, c, nil)
}
