// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/join"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/seal"
)

const (
	maxHosts = 64
	// settingsTime is how long an admission waits for the first settings of a region that has just started.
	settingsTime = 20 * time.Second
)

// admission lets nodes in: the log decides, and this member signs.
type admission struct{ a *Agent }

var _ join.Gate = admission{}

// serveJoins answers joiners until the context ends.
func (a *Agent) serveJoins(ctx context.Context) error {
	l, err := a.truth.mux.Listen(rpc.ProtoJoin)
	if err != nil {
		return err
	}
	return join.NewServer(admission{a}, a.log).Serve(ctx, l)
}

// Admit carries an application out. Nothing is given before the log has spent a use of the token on the node.
func (g admission) Admit(ctx context.Context, app join.Application) (join.Grant, error) {
	node, edge, err := g.check(app)
	if err != nil {
		return join.Grant{}, err
	}
	a := g.a
	pin := pki.FingerprintOfRequest(node)
	err = a.region.Propose(ctx, command.AdmitNode{SecretHash: join.HashSecret(seal.NewSecret(app.Secret)), Member: state.Member{
		NodeID: nodeID(app.Node), Name: app.Node, Zone: app.Zone, KeyPin: pin.String(), TokenID: app.Token, ClusterAddr: app.ClusterAddr, GossipAddr: app.GossipAddr}}, nil)
	if err != nil {
		return join.Grant{}, admissionError(err)
	}
	c, err := a.settled(ctx)
	if err != nil {
		return join.Grant{}, err
	}
	return a.grant(c, app, node, edge)
}

// check refuses what cannot be, before the log is asked.
func (g admission) check(app join.Application) (node, edge *x509.CertificateRequest, err error) {
	id := g.a.id
	if app.Cluster != id.ClusterID {
		return nil, nil, admin.Errorf(admin.KindDenied, "take a token of this cluster: hive admin token create", "the token is of the cluster %s, this is %s", app.Cluster, id.ClusterID)
	}
	if app.Region != id.Region {
		return nil, nil, admin.Errorf(admin.KindConflict, "join with --region "+id.Region+", or leave it out", "the node is configured for the region %s, the cluster is %s", app.Region, id.Region)
	}
	usage := func(format string, args ...any) error {
		return admin.Errorf(admin.KindUsage, "hive admin join --help shows the form", format, args...)
	}
	if err := pki.ValidName(nodeID(app.Node)); err != nil {
		return nil, nil, usage("the node name %q cannot be used: %v", app.Node, err)
	}
	if len(app.Hosts) > maxHosts || len(app.EdgeHosts) > maxHosts {
		return nil, nil, usage("more than %d host names", maxHosts)
	}
	for _, h := range append(append([]string{}, app.Hosts...), app.EdgeHosts...) {
		if len(h) > 253 || h == "" {
			return nil, nil, usage("a host name of %d bytes", len(h))
		}
	}
	for _, address := range []string{app.ClusterAddr, app.GossipAddr} {
		if _, _, err := net.SplitHostPort(address); err != nil || len(address) > 300 {
			return nil, nil, usage("the address %.300q is not host:port", address)
		}
	}
	for _, one := range []struct {
		der []byte
		csr **x509.CertificateRequest
	}{{app.NodeCSR, &node}, {app.EdgeCSR, &edge}} {
		csr, err := x509.ParseCertificateRequest(one.der)
		if err == nil {
			err = csr.CheckSignature()
		}
		if err != nil {
			return nil, nil, usage("the certificate request cannot be used: %v", err)
		}
		*one.csr = csr
	}
	return node, edge, nil
}

// settled is the cluster's row once it has settings, by which the node finds the others.
func (a *Agent) settled(ctx context.Context) (state.Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, settingsTime)
	defer cancel()
	for {
		changed := a.region.Changed()
		if c, ok := a.region.Local().Cluster(); ok && len(c.Settings) > 0 {
			return c, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return state.Cluster{}, admin.Errorf(admin.KindUnavailable, "try again when hive admin status of a member says that it is ready", "the cluster has no settings yet")
		}
	}
}

// grant signs the node's certificates and puts together what it gets.
func (a *Agent) grant(c state.Cluster, app join.Application, node, edge *x509.CertificateRequest) (join.Grant, error) {
	ca, err := a.authority(pki.ClusterCA)
	if err != nil {
		return join.Grant{}, err
	}
	api, err := a.authority(pki.APICA)
	if err != nil {
		return join.Grant{}, err
	}
	nodeCert, err := ca.SignNode(node, a.id.ClusterID, nodeID(app.Node), app.Hosts)
	if err != nil {
		return join.Grant{}, err
	}
	edgeCert, err := api.SignEdge(edge, app.EdgeHosts)
	if err != nil {
		return join.Grant{}, err
	}
	clusterCA, err := a.trusted(state.RotateClusterCA)
	if err != nil {
		return join.Grant{}, err
	}
	apiCA, err := a.trusted(state.RotateAPICA)
	if err != nil {
		return join.Grant{}, err
	}
	key, err := os.ReadFile(a.at.gossipKey())
	if err != nil {
		return join.Grant{}, err
	}
	return join.Grant{NodeID: nodeID(app.Node), Region: a.id.Region, ClusterCA: clusterCA, APICA: apiCA, NodeCert: nodeCert.Raw, EdgeCert: edgeCert.Raw,
		ClusterKey: a.ring.Marshal().Reveal(), GossipKey: key, SettingsKey: c.SettingsKey, Settings: c.Settings}, nil
}

// trusted are the certificates of the authorities that count now, one behind the other.
func (a *Agent) trusted(kind string) ([]byte, error) {
	v := a.region.Local()
	c, _ := v.Cluster()
	roots, err := trustedRoots(v, c, kind)
	var out []byte
	for _, root := range roots {
		out = append(out, root.Raw...)
	}
	return out, err
}

// nodeID is the id of a node of a name.
func nodeID(name string) string { return "n-" + name }

// admissionError says what a joiner can do about a refusal.
func admissionError(err error) error {
	var refusal *command.Error
	if !errors.As(err, &refusal) {
		return operatorError(err)
	}
	switch refusal.Code {
	case "JoinTokenNotFound", "JoinTokenRevoked", "JoinTokenExpired", "JoinTokenUsedUp":
		return admin.Errorf(admin.KindDenied, "make another on a member: hive admin token create", "%s", refusal.Message)
	case "InvalidZone":
		return admin.Errorf(admin.KindUsage, "join with --az and one of the zones that the region lists, or list another first, on a member: hive settings set region.zones ZONE,ZONE,...", "%s", refusal.Message)
	case "NodeAlreadyExists", "NodeRemoved":
		return admin.Errorf(admin.KindConflict, "join with another --node", "%s", refusal.Message)
	}
	return operatorError(err)
}
