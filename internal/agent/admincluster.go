// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/join"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/raftnode"
	"github.com/hivecloud/hive/raftnode/region"
)

const defaultTokenLife = time.Hour

// tokenSpec says what a join token may do.
type tokenSpec struct {
	uses      int
	life      time.Duration
	note      string
	addresses []string
}

// makeToken makes a join token. Its secret is in the answer and nowhere else.
func makeToken(ctx context.Context, r *region.Region, id identity, s tokenSpec) (admin.NewJoinToken, error) {
	c, ok := r.Local().Cluster()
	if !ok {
		return admin.NewJoinToken{}, admin.Errorf(admin.KindConflict, "make a new region with hive admin init", "this region was made by a version whose regions cannot grow")
	}
	ca, err := x509.ParseCertificate(c.ClusterCA)
	if err != nil {
		return admin.NewJoinToken{}, fmt.Errorf("parse cluster CA: %w", err)
	}
	name, secret := join.NewSecret()
	row := state.JoinToken{ID: name, SecretHash: join.HashSecret(secret), Uses: s.uses, Expires: state.At(time.Now().Add(s.life)), Note: s.note}
	if err := r.Propose(ctx, command.CreateJoinToken{Token: row}, nil); err != nil {
		return admin.NewJoinToken{}, err
	}
	text, err := join.Token{Cluster: id.ClusterID, Region: id.Region, ID: name, Secret: secret, Pin: pki.PinOf(ca), Addresses: s.addresses}.Encode()
	return admin.NewJoinToken{JoinToken: tokenRow(&row, time.Now()), Token: text}, err
}

// tokenRow is a token as an operator sees it.
func tokenRow(t *state.JoinToken, now time.Time) admin.JoinToken {
	out := admin.JoinToken{ID: t.ID, Uses: t.Uses, Used: t.Used, ExpiresAt: t.Expires.Std(), Note: t.Note, State: "valid"}
	switch {
	case t.Revoked:
		out.State = "revoked"
	case t.Expires.Std().Before(now):
		out.State = "expired"
	case t.Used >= t.Uses:
		out.State = "used up"
	}
	return out
}

func (s *adminServer) tokenCreate(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.JoinTokenRequest](r)
	if err != nil {
		return nil, err
	}
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	spec := tokenSpec{uses: in.Uses, life: time.Duration(in.TTLSeconds) * time.Second, note: in.Note}
	if spec.uses == 0 {
		spec.uses = 1
	}
	if spec.life == 0 {
		spec.life = defaultTokenLife
	}
	for m := range state.Members.All(v) {
		if m.Registered != 0 && !m.Ejected {
			spec.addresses = append(spec.addresses, m.ClusterAddr)
		}
	}
	return makeToken(ctx, s.a.region, s.a.id, spec)
}

func (s *adminServer) tokens(ctx context.Context, _ *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	out := []admin.JoinToken{}
	for t := range state.JoinTokens.All(v) {
		out = append(out, tokenRow(t, time.Now()))
	}
	return out, nil
}

func (s *adminServer) tokenRevoke(ctx context.Context, r *http.Request) (any, error) {
	return struct{}{}, s.a.region.Propose(ctx, command.RevokeJoinToken{TokenID: r.PathValue("id")}, nil)
}

// raftTransfer makes another voter lead.
func (s *adminServer) raftTransfer(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[admin.TransferRequest](r)
	if err != nil {
		return nil, err
	}
	id := ""
	if in.Node != "" {
		if id, err = s.peer(in.Node); err != nil {
			return nil, err
		}
	}
	before := s.a.truth.leader()
	if err := s.a.truth.node.TransferLeadership(ctx, id); err != nil {
		return nil, membershipError(err)
	}
	for { // the new leader's first heartbeat tells
		now, changed := s.a.truth.node.Leadership()
		if now.Leader != "" && (now.Leader != before || now.Leader == id) {
			return admin.Leader{NodeID: now.Leader, Node: nodeName(s.a.region.Local(), now.Leader)}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// raftRemove takes a node out of the log for good: it comes back only by another join.
func (s *adminServer) raftRemove(ctx context.Context, r *http.Request) (any, error) {
	id, err := s.peer(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	peers := s.a.truth.node.Peers()
	if voters := slices.DeleteFunc(peers, func(p raftnode.Peer) bool { return !p.Voter }); len(voters) == 1 && voters[0].ID == id {
		return nil, admin.Errorf(admin.KindConflict, "make another node a voter first", "%s is the last voter of the region", id)
	}
	// First the mark, so that the node's agent cannot come back between the two.
	if err := s.a.region.Propose(ctx, command.EjectNode{NodeID: id}, nil); err != nil {
		return nil, err
	}
	if err := s.a.truth.node.Remove(ctx, id); err != nil {
		return nil, membershipError(err)
	}
	return struct{}{}, nil
}

// peer finds a server of the log's configuration by node name or id.
func (s *adminServer) peer(name string) (string, error) {
	for _, p := range s.a.truth.node.Peers() {
		if p.ID == name || nodeName(s.a.region.Local(), p.ID) == name {
			return p.ID, nil
		}
	}
	return "", admin.Errorf(admin.KindNotFound, "hive raft list-peers shows the servers", "no server of the log has the name or id %s", name)
}

func membershipError(err error) error {
	if errors.Is(err, raftnode.ErrMembership) {
		return admin.Errorf(admin.KindConflict, "hive raft list-peers shows who votes", "%w", err)
	}
	return mark(err)
}
