// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/clusterfile"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/tenant"
	"github.com/hivecloud/hive/internal/vfs"
)

// Defaults of a new region.
const (
	defaultMaxVCPUs    = 1024
	defaultAccountName = "default"
	systemAccountName  = "amazon"
	gossipKeyLen       = 32
	initTokenLife      = 24 * time.Hour
)

// InitOptions says what region to make.
type InitOptions struct {
	Config *config.Config
	// AccountName is the first account's name. Default "default".
	AccountName string
	Logger      hclog.Logger
}

// InitResult is what Init made. The secret is nowhere else to be seen again, but to whoever may open the admin socket.
type InitResult struct {
	ClusterID   string
	NodeID      string
	Region      string
	AccountID   string
	AccountName string
	AccessKeyID string
	Secret      string
	CABundle    string
	// JoinToken lets the other nodes of the target size in; empty when the region is to have one node.
	JoinToken string
}

// Init makes a region of one node in the configuration's data directory: authorities and certificates, the cluster key,
// the log with the region, its system account and a first account with an administrator. A directory that is
// initialised already is refused; one in which an earlier Init was interrupted is made anew.
func Init(ctx context.Context, o InitOptions) (InitResult, error) {
	if o.AccountName == "" {
		o.AccountName = defaultAccountName
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	at := layout{o.Config.Node.DataDir}
	if err := claim(at); err != nil {
		return InitResult{}, err
	}
	id := identity{Version: identityVersion, ClusterID: randomName("c-", 4), NodeID: "n-" + o.Config.Node.Name, Node: o.Config.Node.Name, Region: o.Config.Cluster.Region}
	ring, err := makeKeys(at, id, o.Config)
	if err != nil {
		return InitResult{}, err
	}
	first, token, err := o.firstEntries(ctx, at, id, ring)
	if err != nil {
		return InitResult{}, err
	}
	// node.json comes last: its presence means that everything is there.
	if err := writeIdentity(at.node(), id); err != nil {
		return InitResult{}, err
	}
	return InitResult{ClusterID: id.ClusterID, NodeID: id.NodeID, Region: id.Region, AccountID: first.Command.Account.ID, AccountName: o.AccountName,
		JoinToken: token, AccessKeyID: first.AdminKey.ID, Secret: first.AdminKey.Secret.Reveal(), CABundle: pki.NewDir(vfs.OS(), at.pki()).CertificateFile(pki.APICA)}, nil
}

// claim makes the data directory and clears what an interrupted Init left there. It never touches an initialised one.
func claim(at layout) error {
	if _, err := os.Stat(at.node()); err == nil {
		return admin.Errorf(admin.KindConflict, "hive agent starts it; another region needs another --data-dir", "%s is initialised already", at.dir)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at data directory: %w", err)
	}
	if err := os.MkdirAll(at.dir, 0o711); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	return clearParts(at)
}

// clearParts removes everything that Init and Join make but node.json.
func clearParts(at layout) error {
	for _, part := range []string{at.pki(), at.raft(), at.clusterKey(), at.gossipKey(), at.clusterFile()} {
		if err := os.RemoveAll(part); err != nil {
			return fmt.Errorf("clear what an interrupted init or join left: %w", err)
		}
	}
	return nil
}

// certify makes the node's certificates, inside and at the API, with the authorities that dir holds.
func certify(dir pki.Dir, id identity, c *config.Config) error {
	ca, err := dir.Authority(pki.ClusterCA)
	if err != nil {
		return err
	}
	if err := dir.CreateNode(ca, id.ClusterID, id.NodeID, hosts(c)); err != nil {
		return err
	}
	api, err := dir.Authority(pki.APICA)
	if err != nil {
		return err
	}
	return dir.CreateEdge(api, edgeHosts(c))
}

// makeKeys makes everything secret: authorities, certificates, cluster key, gossip key.
func makeKeys(at layout, id identity, c *config.Config) (*seal.Ring, error) {
	dir := pki.NewDir(vfs.OS(), at.pki())
	if err := dir.CreateAuthorities(id.ClusterID); err != nil {
		return nil, err
	}
	if err := certify(dir, id, c); err != nil {
		return nil, err
	}
	ring := seal.Generate()
	if err := ring.Save(at.clusterKey()); err != nil {
		return nil, err
	}
	var key [gossipKeyLen]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	return ring, vfs.WriteFileAtomic(vfs.OS(), at.gossipKey(), []byte(hex.EncodeToString(key[:])+"\n"), 0o600)
}

// firstEntries starts the log alone, proposes what makes a region, and closes it again.
func (o InitOptions) firstEntries(ctx context.Context, at layout, id identity, ring *seal.Ring) (first *tenant.Tenant, token string, err error) {
	t, err := openTruth(ctx, truthConfig{at: at, id: id, config: o.Config, bootstrap: true, alone: true, logger: o.Logger})
	if err != nil {
		return nil, "", err
	}
	if first, err = o.propose(ctx, t, id, ring); err == nil {
		token, err = o.found(ctx, t, at, id, ring)
	}
	return first, token, errors.Join(err, t.close())
}

// found makes the cluster's row and, when other nodes are to come, the token for them.
func (o InitOptions) found(ctx context.Context, t *truth, at layout, id identity, ring *seal.Ring) (string, error) {
	c, err := foundCluster(at, id, o.Config, ring)
	if err != nil {
		return "", err
	}
	if err := t.region.Propose(ctx, c, nil); err != nil {
		return "", fmt.Errorf("make cluster: %w", err)
	}
	if o.Config.Cluster.Nodes < 2 {
		return "", nil
	}
	spec := tokenSpec{uses: o.Config.Cluster.Nodes - 1, life: initTokenLife, note: "made by hive admin init"}
	if o.Config.Listen.Cluster.Port() != 0 {
		spec.addresses = []string{c.First.ClusterAddr}
	}
	made, err := makeToken(ctx, t.region, id, spec)
	return made.Token, err
}

func (o InitOptions) propose(ctx context.Context, t *truth, id identity, ring *seal.Ring) (*tenant.Tenant, error) {
	zones := []state.Zone{{Name: o.Config.Node.AZ, ID: state.ZoneID(o.Config.Cluster.Region, o.Config.Node.AZ), State: "available"}}
	now := state.At(time.Now())
	if err := t.region.Propose(ctx, command.InitRegion{ClusterID: id.ClusterID, Name: id.Region, Zones: zones, FormatLevel: state.FormatLevel,
		PublicPool: o.Config.Network.PublicPool.String(), MaxVCPUs: defaultMaxVCPUs}, nil); err != nil {
		return nil, fmt.Errorf("initialise region: %w", err)
	}
	system, err := tenant.New(tenant.Spec{Name: systemAccountName, System: true, Zones: zones, Now: now}, ring)
	if err != nil {
		return nil, err
	}
	first, err := tenant.New(tenant.Spec{Name: o.AccountName, Admin: adminUser, AdminKey: true, Zones: zones, Now: now}, ring)
	if err != nil {
		return nil, admin.Errorf(admin.KindUsage, "choose another name for the first account", "%w", err)
	}
	for _, one := range []*tenant.Tenant{system, first} {
		if err := t.region.Propose(ctx, one.Command, nil); err != nil {
			return nil, fmt.Errorf("make account %s: %w", one.Command.Account.Name, err)
		}
	}
	return first, nil
}

// hosts are the names and addresses under which other nodes reach this one.
func hosts(c *config.Config) []string {
	out := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil {
		out = append(out, name)
	}
	if h := c.Listen.Cluster.Host(); h != "" && h != "0.0.0.0" && h != "::" {
		out = append(out, h)
	}
	return unique(out)
}

// edgeHosts are the names and addresses under which clients reach the API.
func edgeHosts(c *config.Config) []string {
	out := append(hosts(c), c.TLS.Names...)
	if c.Cluster.HostsFile != "" {
		out = append(out, clusterfile.APIName(c.Cluster.Region))
	}
	if v := c.Network.VirtualIP; v.IsValid() {
		out = append(out, v.String())
	}
	switch h := c.Listen.API.Host(); h {
	case "", "0.0.0.0", "::":
		addrs, err := net.InterfaceAddrs()
		if err != nil {
			return unique(out)
		}
		for _, a := range addrs {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
				out = append(out, ip.IP.String())
			}
		}
	default:
		out = append(out, h)
	}
	return unique(out)
}

func unique(in []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range in {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}

func randomName(prefix string, bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return prefix + hex.EncodeToString(b)
}

func writeIdentity(path string, id identity) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("encode node identity: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	return vfs.WriteFileAtomic(vfs.OS(), path, append(b, '\n'), 0o600)
}
