// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"time"
)

// Routes of rotations and certificates.
const (
	RouteRotations        = "GET /v1/rotations"                // -> []Rotation
	RouteRotationStart    = "POST /v1/rotations/{id}"          // of a kind -> Rotation
	RouteRotationContinue = "POST /v1/rotations/{id}/continue" // of a kind -> Rotation
	RouteRotationCancel   = "DELETE /v1/rotations/{id}"        // of a kind -> Rotation
	RouteCertificates     = "GET /v1/certificates"             // -> []Certificate
	RouteCertificateRenew = "POST /v1/certificates/renew"      // -> []Certificate
)

// Rotation replaces one of the cluster's secrets.
type Rotation struct {
	Kind    string    `json:"kind"` // cluster-key, gossip-key, cluster-ca, api-ca
	Version int       `json:"version"`
	Phase   string    `json:"phase"`             // spread, use, retire, done, cancelled
	Waiting []string  `json:"waiting,omitempty"` // names of nodes that are not in the phase yet
	Hold    bool      `json:"hold,omitempty"`    // spread everywhere, and waits for an operator
	Sealed  int       `json:"sealed,omitempty"`  // secrets that are still sealed under the old cluster key
	Started time.Time `json:"started"`
	Changed time.Time `json:"changed"` // when the phase began
	// Retires is when the old cluster key may go: until then it opens the sessions that were made with it.
	Retires *time.Time `json:"retires,omitempty"`
	Bundle  string     `json:"bundle,omitempty"` // of api-ca: the file that clients need
}

// Active tells whether the rotation is under way.
func (r Rotation) Active() bool {
	return r.Phase == "spread" || r.Phase == "use" || r.Phase == "retire"
}

// Certificate is a certificate that this node uses or trusts.
type Certificate struct {
	Name     string    `json:"name"` // cluster-ca, api-ca, node, api
	Subject  string    `json:"subject"`
	Hosts    []string  `json:"hosts,omitempty"`
	Serial   string    `json:"serial"`
	SHA256   string    `json:"sha256"` // of the certificate, hex
	Issued   time.Time `json:"issued"`
	Expires  time.Time `json:"expires"`
	File     string    `json:"file"`
	InForce  bool      `json:"inForce"`            // of an authority: it signs; otherwise it is only still, or already, trusted
	SignedBy string    `json:"signedBy,omitempty"` // SHA-256 of the authority's certificate
}

// Rotations lists the newest rotation of each kind that there was one of.
func (c *Client) Rotations(ctx context.Context) ([]Rotation, error) {
	return call[[]Rotation](ctx, c, RouteRotations, nil, nil)
}

// RotationStart begins to replace a secret.
func (c *Client) RotationStart(ctx context.Context, kind string) (Rotation, error) {
	return call[Rotation](ctx, c, withID(RouteRotationStart, kind), nil, nil)
}

// RotationContinue is the operator's word for a rotation that waits for one: clients have the new API authority, or
// sessions made with the old cluster key may end now.
func (c *Client) RotationContinue(ctx context.Context, kind string) (Rotation, error) {
	return call[Rotation](ctx, c, withID(RouteRotationContinue, kind), nil, nil)
}

// RotationCancel gives up a rotation whose secret is still being spread.
func (c *Client) RotationCancel(ctx context.Context, kind string) (Rotation, error) {
	return call[Rotation](ctx, c, withID(RouteRotationCancel, kind), nil, nil)
}

// Certificates lists what the node uses and trusts.
func (c *Client) Certificates(ctx context.Context) ([]Certificate, error) {
	return call[[]Certificate](ctx, c, RouteCertificates, nil, nil)
}

// CertificateRenew replaces the node's own certificates before their time.
func (c *Client) CertificateRenew(ctx context.Context) ([]Certificate, error) {
	return call[[]Certificate](ctx, c, RouteCertificateRenew, nil, nil)
}
