// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/backup"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
)

// now is the time as files state it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// RestoreResult says what RestoreBackup did.
type RestoreResult struct {
	BackupInfo
	DataDir string   `json:"dataDir"`
	NodeID  string   `json:"nodeId"`
	Stopped []string `json:"stopped"` // instances that ran when the backup was made
}

// RestoreBackup makes the region of a backup again in the configuration's data directory, with this node as its only
// voter. The whole file is read and checked before anything is written; a directory that holds anything but a
// configuration is refused; what an attempt that failed has written is removed again.
func RestoreBackup(ctx context.Context, c *config.Config, path string, passphrase []byte) (RestoreResult, error) {
	info, b, v, err := readBackup(path)
	if err != nil {
		return RestoreResult{}, err
	}
	secrets, err := b.Secrets(passphrase)
	if err != nil {
		return RestoreResult{}, admin.Errorf(admin.KindDenied, "give the passphrase that hive backup create was given", "%w", err)
	}
	if c.Cluster.Region != info.Region {
		return RestoreResult{}, admin.Errorf(admin.KindUsage, "leave --region out, or set cluster.region to "+info.Region, "the backup is of the region %s, the configuration says %s", info.Region, c.Cluster.Region)
	}
	ring, err := unlock(v, secrets)
	if err != nil {
		return RestoreResult{}, admin.Errorf(admin.KindFailure, "use another backup: this one cannot be restored", "open the backup's secrets: %w", err)
	}
	at := layout{c.Node.DataDir}
	if err := freshDir(at); err != nil {
		return RestoreResult{}, err
	}
	out := RestoreResult{BackupInfo: info, DataDir: at.dir, NodeID: "n-" + c.Node.Name}
	id := identity{Version: identityVersion, ClusterID: info.ClusterID, NodeID: out.NodeID, Node: c.Node.Name, Region: info.Region}
	if out.Stopped, err = restoreInto(ctx, at, id, c, secrets, source{path, info.StateHash, v, ring}); err != nil {
		return out, errors.Join(err, discard(at))
	}
	// node.json comes last: its presence means that everything is there.
	return out, writeIdentity(at.node(), id)
}

// freshDir makes the data directory, or refuses one that is in use.
func freshDir(at layout) error {
	if err := os.MkdirAll(at.dir, 0o711); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	entries, err := os.ReadDir(at.dir)
	if err != nil {
		return fmt.Errorf("look at data directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "hive.hcl" {
			return admin.Errorf(admin.KindConflict, "name an empty directory with --data-dir, or move this one away", "%s is not empty: it holds %s", at.dir, e.Name())
		}
	}
	return nil
}

// discard removes what a restore writes.
func discard(at layout) error {
	var errs []error
	for _, part := range []string{at.pki(), at.raft(), at.clusterKey(), at.gossipKey(), at.node()} {
		errs = append(errs, os.RemoveAll(part))
	}
	return errors.Join(errs...)
}

// source is a backup that was read and checked: its state, the hash of that, and the cluster key that opens it.
type source struct {
	path, hash string
	state      *state.View
	ring       *seal.Ring
}

// restoreInto writes keys and log. It returns the instances that it stopped.
func restoreInto(ctx context.Context, at layout, id identity, c *config.Config, s backup.Secrets, from source) ([]string, error) {
	if err := writeSecrets(at, s); err != nil {
		return nil, err
	}
	if err := from.certify(pki.NewDir(vfs.OS(), at.pki()), id, c); err != nil {
		return nil, err
	}
	// What goes wrong is returned; what raft says of connections that end is for nobody here.
	quiet := hclog.NewNullLogger()
	t, err := openTruth(ctx, truthConfig{at: at, id: id, config: c, bootstrap: true, alone: true, logger: quiet})
	if err != nil {
		return nil, err
	}
	stopped, err := t.restoreFrom(ctx, from)
	return stopped, errors.Join(err, t.close())
}

// certify makes the node's certificates with the authorities of the backup's state.
func (f source) certify(dir pki.Dir, id identity, c *config.Config) error {
	cluster, ok := f.state.Cluster()
	if !ok {
		return errors.New("read authorities: the backup's region holds none")
	}
	made := map[pki.Kind]*pki.Authority{}
	for kind, of := range map[pki.Kind]string{pki.ClusterCA: state.RotateClusterCA, pki.APICA: state.RotateAPICA} {
		roots, err := trustedRoots(f.state, cluster, of)
		if err != nil {
			return err
		}
		key, err := openKey(f.ring, cluster, of)
		if err != nil {
			return err
		}
		if made[kind], err = pki.ParseAuthority(roots[0].Raw, key); err != nil {
			return err
		}
		if err := dir.Trust(kind, roots...); err != nil {
			return err
		}
	}
	return errors.Join(dir.CreateNode(made[pki.ClusterCA], id.ClusterID, id.NodeID, hosts(c)), dir.CreateEdge(made[pki.APICA], edgeHosts(c)))
}

// writeSecrets writes the files of a backup; names that it does not know are refused.
func writeSecrets(at layout, s backup.Secrets) error {
	known := at.secretFiles()
	for name := range s.Files {
		if !slices.Contains(known, filepath.Join(at.dir, name)) && !slices.Contains(olderSecrets, name) {
			return admin.Errorf(admin.KindFailure, "use the version of hive that wrote it", "the backup seals %s, which this version does not know", name)
		}
	}
	for _, path := range known {
		name, err := filepath.Rel(at.dir, path)
		if err != nil {
			return fmt.Errorf("name %s: %w", path, err)
		}
		text, ok := s.Files[name]
		if !ok {
			return admin.Errorf(admin.KindFailure, "use the version of hive that wrote it", "the backup does not seal %s", name)
		}
		if err := vfs.WriteFileAtomic(vfs.OS(), path, text, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

// restoreFrom replaces the state of a log that was just bootstrapped by a backup's, and checks that it is that.
func (t *truth) restoreFrom(ctx context.Context, from source) ([]string, error) {
	f, err := os.Open(from.path)
	if err != nil {
		return nil, fmt.Errorf("open backup: %w", err)
	}
	defer f.Close()
	b, err := backup.Open(f)
	if err != nil {
		return nil, err
	}
	if err := t.restoreState(ctx, b.Snapshot(), from.hash); err != nil {
		return nil, err
	}
	var did command.Restored
	if err := t.region.Propose(ctx, command.RestoreRegion{}, &did); err != nil {
		return nil, fmt.Errorf("stop what ran: %w", err)
	}
	return did.Stopped, nil
}

// restoreState replaces the state by a saved snapshot's and compares the hash.
func (t *truth) restoreState(ctx context.Context, saved io.Reader, hash string) error {
	if _, err := t.node.RestoreSnapshot(ctx, saved); err != nil {
		return err
	}
	now := t.fsm.Hash()
	if got := hex.EncodeToString(now[:]); got != hash {
		return fmt.Errorf("the restored state has the hash %s, the backup's was %s", got, hash)
	}
	return nil
}
