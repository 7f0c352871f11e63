// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
)

// The cluster's private keys in the log. They are sealed under the cluster key, which is on every node and never in
// the log (docs/adr/0010).
const (
	keyOwner     = state.SealOwner
	keyClusterCA = state.RotateClusterCA
	keyAPICA     = state.RotateAPICA
	keySettings  = "settings"
)

func sealKey(ring *seal.Ring, name string, plain []byte) (state.SealedKey, error) {
	box, version, err := ring.Seal(keyOwner, name, seal.NewSecret(string(plain)))
	if err != nil {
		return state.SealedKey{}, fmt.Errorf("seal key %s: %w", name, err)
	}
	return state.SealedKey{Name: name, Box: box, Version: version}, nil
}

func openKey(ring *seal.Ring, c state.Cluster, name string) ([]byte, error) {
	k, ok := c.Sealed(name)
	if !ok {
		return nil, fmt.Errorf("open key %s: the region does not hold it", name)
	}
	return openSealed(ring, k)
}

func openSealed(ring *seal.Ring, k state.SealedKey) ([]byte, error) {
	plain, err := ring.Open(keyOwner, k.Name, k.Version, k.Box)
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", k.Name, err)
	}
	return []byte(plain.Reveal()), nil
}

// foundCluster is the command that makes a new region one that can grow.
func foundCluster(at layout, id identity, c *config.Config, ring *seal.Ring) (command.InitCluster, error) {
	dir := pki.NewDir(vfs.OS(), at.pki())
	who, err := dir.Identity(id.ClusterID)
	if err != nil {
		return command.InitCluster{}, err
	}
	out := command.InitCluster{Cluster: state.Cluster{TargetSize: c.Cluster.Nodes},
		First: state.Member{NodeID: id.NodeID, Name: id.Node, Zone: c.Node.AZ, KeyPin: who.Fingerprint().String(), ClusterAddr: advertise(c, string(c.Listen.Cluster), nil),
			GossipAddr: advertise(c, string(c.Listen.Gossip), nil)}}
	for _, one := range []struct {
		kind pki.Kind
		name string
		cert *[]byte
	}{{pki.ClusterCA, keyClusterCA, &out.Cluster.ClusterCA}, {pki.APICA, keyAPICA, &out.Cluster.APICA}} {
		ca, err := dir.Authority(one.kind)
		if err != nil {
			return out, err
		}
		key, err := ca.KeyDER()
		if err != nil {
			return out, fmt.Errorf("encode key %s: %w", one.name, err)
		}
		sealed, err := sealKey(ring, one.name, key)
		if err != nil {
			return out, err
		}
		*one.cert, out.Cluster.Keys = ca.Certificate().Raw, append(out.Cluster.Keys, sealed)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return out, fmt.Errorf("make key of the settings: %w", err)
	}
	sealed, err := sealKey(ring, keySettings, private.Seed())
	if err != nil {
		return out, err
	}
	out.Cluster.SettingsKey, out.Cluster.Keys = public, append(out.Cluster.Keys, sealed)
	return out, nil
}

// authority is one of the two authorities, with its key from the log: every member may issue.
func (a *Agent) authority(k pki.Kind) (*pki.Authority, error) {
	c, ok := a.region.Local().Cluster()
	if !ok { // a region from before the keys were in the log has them in files, on its only node
		return pki.NewDir(vfs.OS(), a.at.pki()).Authority(k)
	}
	name, cert := keyClusterCA, c.ClusterCA
	if k == pki.APICA {
		name, cert = keyAPICA, c.APICA
	}
	key, err := openKey(a.ring, c, name)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return pki.ParseAuthority(cert, key)
}

// apiAuthority is the API's authority as it is now.
func (a *Agent) apiAuthority() (*pki.Authority, error) { return a.authority(pki.APICA) }

// pkiDir is where the node's certificates are.
func (a *Agent) pkiDir() pki.Dir { return pki.NewDir(vfs.OS(), a.at.pki()) }

// selfIssuer renews this node's certificate with the authority's key as it is in the log at that time.
type selfIssuer struct{ a *Agent }

// IssueNode signs for the key of csr.
func (s selfIssuer) IssueNode(ctx context.Context, old *x509.Certificate, csr *x509.CertificateRequest) (*x509.Certificate, error) {
	ca, err := s.a.authority(pki.ClusterCA)
	if err != nil {
		return nil, err
	}
	return pki.LocalIssuer(ca, s.a.id.ClusterID, s.a.id.NodeID, hosts(s.a.config)).IssueNode(ctx, old, csr)
}

// renewCertificates keeps the node's certificates fresh. It needs no other node: a certificate that expired while the
// site was off is renewed from what the node's own log holds, before anybody is called.
func (a *Agent) renewCertificates(ctx context.Context) error {
	for {
		changed := a.region.Changed()
		_, err := a.apiAuthority()
		if err == nil {
			break
		}
		// A new node has no state yet, and one that starts passes by old ones, from before a rotation.
		if !errors.Is(err, pki.ErrNotHere) && !errors.Is(err, seal.ErrUnknownVersion) {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
	renewals := []*pki.Renewal{a.truth.identity.Renewal(selfIssuer{a})}
	if a.edge != nil {
		renewals = append(renewals, a.edge.Renewal(a.apiAuthority, edgeHosts(a.config)))
	}
	return pki.NewRenewer(a.options.Logger, renewals...).Run(ctx)
}
