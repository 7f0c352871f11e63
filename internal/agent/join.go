// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/beacon"
	"github.com/hivecloud/hive/internal/clusterfile"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/join"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
)

// JoinOptions says what node to make of this machine, and of which cluster.
type JoinOptions struct {
	Config *config.Config
	Token  join.Token
	// Hosts are host:ports of members' cluster ports; empty: those in the token, and then whoever answers a search on the
	// local links.
	Hosts []string
	// Note tells the operator what is being tried; nil: nobody.
	Note   func(format string, args ...any)
	Logger hclog.Logger

	search func(ctx context.Context, cluster string) (beacon.Result, error) // beacon.Search but in tests
}

// JoinResult is what Join made.
type JoinResult struct {
	ClusterID string
	NodeID    string
	Region    string
	Members   int // nodes that were members before
	CABundle  string
}

// Join makes the data directory one of a new node of an existing cluster. The node's keys are made here and stay here;
// a member signs for them. Nothing is written before the cluster has admitted the node, and node.json last: an
// interrupted Join leaves a directory in which another may be tried, and an admission that the cluster forgets.
func Join(ctx context.Context, o JoinOptions) (JoinResult, error) {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.search == nil {
		o.search = beacon.Search
	}
	at := layout{o.Config.Node.DataDir}
	if err := claim(at); err != nil {
		return JoinResult{}, err
	}
	applicant, err := pki.NewApplicant()
	if err != nil {
		return JoinResult{}, err
	}
	grant, err := o.admitted(ctx, func(local net.IP) (join.Application, error) { return o.application(applicant, local) })
	if err != nil {
		return JoinResult{}, err
	}
	id := identity{Version: identityVersion, ClusterID: o.Token.Cluster, NodeID: grant.NodeID, Node: o.Config.Node.Name, Region: grant.Region}
	settings, err := o.install(at, id, applicant, grant)
	if err == nil {
		err = writeIdentity(at.node(), id)
	}
	if err != nil {
		return JoinResult{}, errors.Join(fmt.Errorf("write what the cluster granted: %w", err), clearParts(at))
	}
	return JoinResult{ClusterID: id.ClusterID, NodeID: id.NodeID, Region: id.Region, Members: len(settings.Members),
		CABundle: pki.NewDir(vfs.OS(), at.pki()).CertificateFile(pki.APICA)}, nil
}

// application is what this machine says of itself.
func (o JoinOptions) application(applicant *pki.Applicant, local net.IP) (join.Application, error) {
	c := o.Config
	node, edge, err := applicant.Requests()
	if err != nil {
		return join.Application{}, err
	}
	out := join.Application{Region: c.Cluster.Region, Node: c.Node.Name, Zone: c.Node.AZ, NodeCSR: node, EdgeCSR: edge, Hosts: hosts(c), EdgeHosts: edgeHosts(c),
		ClusterAddr: advertise(c, string(c.Listen.Cluster), local), GossipAddr: advertise(c, string(c.Listen.Gossip), local)}
	return out, nil
}

// install checks what was granted and writes it, but for node.json.
func (o JoinOptions) install(at layout, id identity, applicant *pki.Applicant, g join.Grant) (clusterfile.File, error) {
	if g.NodeID != nodeID(o.Config.Node.Name) {
		return clusterfile.File{}, fmt.Errorf("the member calls this node %q", g.NodeID)
	}
	settings, err := clusterfile.Verify(g.Settings, ed25519.PublicKey(g.SettingsKey))
	if err != nil {
		return settings, err
	}
	var certs [4][]*x509.Certificate
	for i, der := range [][]byte{g.ClusterCA, g.APICA, g.NodeCert, g.EdgeCert} {
		if certs[i], err = x509.ParseCertificates(der); err != nil || len(certs[i]) == 0 {
			return settings, fmt.Errorf("parse granted certificate: %d of them: %w", len(certs[i]), err)
		}
	}
	if !slices.ContainsFunc(certs[0], func(c *x509.Certificate) bool { return pki.PinOf(c) == o.Token.Pin }) {
		return settings, pki.ErrWrongPin
	}
	ring, err := seal.Parse(seal.NewSecret(g.ClusterKey))
	if err != nil {
		return settings, err
	}
	if err := pki.NewDir(vfs.OS(), at.pki()).Install(applicant, pki.Granted{ClusterCA: certs[0], APICA: certs[1], Node: certs[2][0], Edge: certs[3][0]}, id.ClusterID, id.NodeID); err != nil {
		return settings, err
	}
	if err := ring.Save(at.clusterKey()); err != nil {
		return settings, err
	}
	if err := vfs.WriteFileAtomic(vfs.OS(), at.gossipKey(), g.GossipKey, 0o600); err != nil {
		return settings, err
	}
	if _, err := readGossipKeys(at.gossipKey()); err != nil {
		return settings, err
	}
	return settings, vfs.WriteFileAtomic(vfs.OS(), at.clusterFile(), g.Settings, 0o644)
}

// ParseJoinToken reads a token as an operator typed it.
func ParseJoinToken(text string) (join.Token, error) {
	t, err := join.ParseToken(text)
	if err != nil {
		return t, admin.Errorf(admin.KindUsage, "copy the whole word that hive admin init or hive admin token create printed", "%w", err)
	}
	return t, nil
}
