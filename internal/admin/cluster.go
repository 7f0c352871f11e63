// SPDX-License-Identifier: Apache-2.0

package admin

import "time"

// JoinTokenRequest asks for a join token.
type JoinTokenRequest struct {
	Uses       int    `json:"uses"`       // how many nodes it admits; 0: one
	TTLSeconds int    `json:"ttlSeconds"` // 0: an hour
	Note       string `json:"note"`
}

// JoinToken is a join token without its secret.
type JoinToken struct {
	ID        string    `json:"id"`
	Uses      int       `json:"uses"`
	Used      int       `json:"used"`
	State     string    `json:"state"` // valid, used up, expired, revoked
	ExpiresAt time.Time `json:"expiresAt"`
	Note      string    `json:"note"`
}

// NewJoinToken is a token with the only sight of its text.
type NewJoinToken struct {
	JoinToken JoinToken `json:"joinToken"`
	Token     string    `json:"token"`
}

// TransferRequest asks for another leader.
type TransferRequest struct {
	Node string `json:"node"` // name or id of a voter; empty: the one that is furthest
}

// Leader is who leads the region's log.
type Leader struct {
	Node   string `json:"node"`
	NodeID string `json:"nodeId"`
}
