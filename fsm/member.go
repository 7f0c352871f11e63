// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

const (
	// admissionLife is how long an admitted node may take to register; then it is dropped and its token may be used again.
	admissionLife = state.Time(15 * 60 * 1e9)
	// tokenMemory is how long a token that is over is kept, so that its late user is told why it is refused.
	tokenMemory = state.Time(24 * 3600 * 1e9)
	// maxTokenLife and maxTokenUses keep a forgotten token from being a standing invitation.
	maxTokenLife = state.Time(7 * 24 * 3600 * 1e9)
	maxTokenUses = 64
)

func (a *apply) initCluster(c command.InitCluster) (any, *command.Error) {
	if _, ok := a.Cluster(); ok {
		return nil, command.Errorf("ClusterAlreadyInitialized", "The cluster %s is already initialised.", a.region.ClusterID)
	}
	row, first := c.Cluster, c.First
	row.Key, row.Epoch, row.Settings, row.SealVersion, row.OldestVersion = state.ClusterKey, 0, nil, 0, 0
	row.Keys = slices.Clone(row.Keys)
	first.Admitted, first.Registered, first.Ejected = a.now, 0, false
	if first.NodeID == "" || row.TargetSize < 1 {
		return nil, command.Errorf("InvalidCluster", "A cluster needs a first node and a target size of at least 1.")
	}
	// The first node is the region's founder, not a guest that has to show up in time.
	first.Registered = a.now
	state.Clusters.Put(a.Txn, &row)
	state.Members.Put(a.Txn, &first)
	return nil, nil
}

func (a *apply) createJoinToken(c command.CreateJoinToken) (any, *command.Error) {
	t := c.Token
	if _, ok := a.Cluster(); !ok {
		return nil, command.Errorf("ClusterNotInitialized", "This region was made by a version whose regions cannot grow.")
	}
	if _, ok := state.JoinTokens.Get(a.View, state.AnyAccount, t.ID); ok || t.ID == "" || t.SecretHash == "" {
		return nil, command.Errorf("InvalidJoinToken", "The token id %q is taken or empty.", t.ID)
	}
	if t.Uses < 1 || t.Uses > maxTokenUses || t.Expires <= a.now || t.Expires > a.now+maxTokenLife {
		return nil, command.Errorf("InvalidJoinToken", "A join token admits 1 to %d nodes and expires within seven days.", maxTokenUses)
	}
	t.Created, t.Used, t.Revoked = a.now, 0, false
	state.JoinTokens.Put(a.Txn, &t)
	return nil, nil
}

func (a *apply) revokeJoinToken(c command.RevokeJoinToken) (any, *command.Error) {
	old, ok := state.JoinTokens.Get(a.View, state.AnyAccount, c.TokenID)
	if !ok {
		return nil, command.Errorf("JoinTokenNotFound", "There is no join token %s.", c.TokenID)
	}
	t := *old
	t.Revoked = true
	state.JoinTokens.Put(a.Txn, &t)
	return nil, nil
}

func (a *apply) admitNode(c command.AdmitNode) (any, *command.Error) {
	m := c.Member
	t, refusal := a.spendable(m.TokenID, c.SecretHash)
	if refusal != nil {
		return nil, refusal
	}
	if !a.region.HasZone(m.Zone) {
		return nil, command.Errorf("InvalidZone", "The node %s names the zone %q; the region %s lists %s.", m.Name, m.Zone, a.region.Name, strings.Join(a.zoneNames(), ", "))
	}
	if a.Denied(m.NodeID) {
		return nil, command.Errorf("NodeRemoved", "The name %s was that of a node that was removed from the region; it is refused for good. Join under another name.", m.Name)
	}
	if refusal := a.nameFree(m); refusal != nil {
		return nil, refusal
	}
	if old, ok := state.Members.Get(a.View, state.AnyAccount, m.NodeID); ok && old.Registered == 0 {
		a.giveBack(old.TokenID)
		t, _ = state.JoinTokens.Get(a.View, state.AnyAccount, m.TokenID)
	}
	if t.Used >= t.Uses {
		return nil, command.Errorf("JoinTokenUsedUp", "The join token %s has admitted all %d nodes that it was made for.", t.ID, t.Uses)
	}
	spent := *t
	spent.Used++
	state.JoinTokens.Put(a.Txn, &spent)
	a.forgetAcks(m.NodeID)
	m.Admitted, m.Registered, m.Ejected = a.now, 0, false
	state.Members.Put(a.Txn, &m)
	return nil, nil
}

// spendable finds a token that may admit a node now, or says why it may not. Who does not know the secret learns no
// more than that.
func (a *apply) spendable(id, secretHash string) (*state.JoinToken, *command.Error) {
	t, ok := state.JoinTokens.Get(a.View, state.AnyAccount, id)
	switch {
	case !ok || t.SecretHash != secretHash:
		return nil, command.Errorf("JoinTokenNotFound", "The join token %s is not one of this cluster, or it was over long ago.", id)
	case t.Revoked:
		return nil, command.Errorf("JoinTokenRevoked", "The join token %s was revoked.", id)
	case t.Expires <= a.now:
		return nil, command.Errorf("JoinTokenExpired", "The join token %s expired at %s.", id, t.Expires.Std().Format("2006-01-02 15:04:05 UTC"))
	}
	return t, nil
}

// nameFree refuses a name that another node has. A node that was admitted and never came, or that was ejected, has
// given its name up.
func (a *apply) nameFree(m state.Member) *command.Error {
	taken := func(id string) *command.Error {
		return command.Errorf("NodeAlreadyExists", "A node of the name %s is a member already (%s).", m.Name, id)
	}
	if m.NodeID == "" || m.Name == "" || m.KeyPin == "" {
		return command.Errorf("InvalidNode", "A node needs an id, a name and a key.")
	}
	old, isMember := state.Members.Get(a.View, state.AnyAccount, m.NodeID)
	if isMember && old.Registered != 0 && !old.Ejected {
		return taken(old.NodeID)
	}
	if n, ok := state.Nodes.First(a.View, state.ByName, m.Name); ok && (n.ID != m.NodeID || !isMember) {
		return taken(n.ID)
	}
	for other := range state.Members.All(a.View) {
		if other.Name == m.Name && other.NodeID != m.NodeID {
			return taken(other.NodeID)
		}
	}
	return nil
}

func (a *apply) zoneNames() []string {
	var out []string
	for _, z := range a.region.Zones {
		out = append(out, z.Name)
	}
	return out
}

// giveBack returns the use that an interrupted join spent.
func (a *apply) giveBack(tokenID string) {
	if old, ok := state.JoinTokens.Get(a.View, state.AnyAccount, tokenID); ok {
		t := *old
		t.Used = max(0, t.Used-1)
		state.JoinTokens.Put(a.Txn, &t)
	}
}

// expireMembership forgets tokens that are long over and admitted nodes that never came.
func (a *apply) expireMembership() {
	for _, m := range slices.Collect(state.Members.All(a.View)) {
		if m.Registered == 0 && m.Admitted+admissionLife < a.now {
			a.giveBack(m.TokenID)
			state.Members.Delete(a.Txn, m.NodeID)
		}
	}
	for _, t := range slices.Collect(state.JoinTokens.All(a.View)) {
		if t.Expires+tokenMemory < a.now {
			state.JoinTokens.Delete(a.Txn, t.ID)
		}
	}
}

// enrol refuses a registration by a node that is none, and records that a member has come.
func (a *apply) enrol(c command.RegisterNode) *command.Error {
	if _, ok := a.Cluster(); !ok {
		return nil // a region of one node from before there were members
	}
	old, ok := state.Members.Get(a.View, state.AnyAccount, c.Node.ID)
	switch {
	case !ok:
		return command.Errorf("NodeNotAdmitted", "The node %s is no member of the cluster: its admission was dropped because it did not register in time.", c.Node.ID)
	case old.Ejected:
		return command.Errorf("NodeEjected", "The node %s was removed from the cluster by an operator.", c.Node.ID)
	case old.KeyPin != c.KeyPin:
		return command.Errorf("NodeKeyMismatch", "The node %s was admitted with another key: a later join took its name.", c.Node.ID)
	}
	m := *old
	if m.Registered == 0 {
		m.Registered = a.now
	}
	m.Name, m.Zone, m.ClusterAddr, m.GossipAddr = c.Node.Name, c.Node.Zone, c.Node.ClusterAddr, c.GossipAddr
	state.Members.Put(a.Txn, &m)
	return nil
}

func (a *apply) advertiseNode(c command.AdvertiseNode) (any, *command.Error) {
	old, ok := state.Members.Get(a.View, state.AnyAccount, c.NodeID)
	if !ok || old.Ejected {
		return nil, command.Errorf("NodeNotAdmitted", "The node %s is no member of the cluster.", c.NodeID)
	}
	m := *old
	m.ClusterAddr, m.GossipAddr = c.ClusterAddr, c.GossipAddr
	state.Members.Put(a.Txn, &m)
	return nil, nil
}

func (a *apply) ejectNode(c command.EjectNode) (any, *command.Error) {
	old, ok := state.Members.Get(a.View, state.AnyAccount, c.NodeID)
	if !ok {
		return nil, command.Errorf("NodeNotFound", "The node %s is no member of the cluster.", c.NodeID)
	}
	m := *old
	m.Ejected = true
	state.Members.Put(a.Txn, &m)
	return nil, nil
}

func (a *apply) publishSettings(c command.PublishSettings) (any, *command.Error) {
	row, ok := a.Cluster()
	if !ok {
		return nil, command.Errorf("ClusterNotInitialized", "The region has no cluster row.")
	}
	if c.Epoch != row.Epoch+1 {
		return nil, command.Errorf("SettingsConflict", "The settings are of epoch %d, not %d.", row.Epoch, c.Epoch-1)
	}
	row.Epoch, row.Settings = c.Epoch, bytes.Clone(c.Settings)
	state.Clusters.Put(a.Txn, &row)
	return nil, nil
}
