// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/snapshot"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/backup"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/raftnode"
)

// BackupInfo says what is in a backup.
type BackupInfo struct {
	backup.Manifest
	File      string `json:"file"`
	Bytes     int64  `json:"bytes"` // of the file
	Accounts  int    `json:"accounts"`
	Instances int    `json:"instances"`
	Volumes   int    `json:"volumes"`
	Nodes     int    `json:"nodes"`
}

// secretFiles are the files that a region cannot be made again without, below the data directory. Every node has them.
func (l layout) secretFiles() []string { return []string{l.clusterKey(), l.gossipKey()} }

// olderSecrets are in backups of v0.1.0 too; the region's state holds them, sealed under the cluster key.
var olderSecrets = []string{"pki/ca.pem", "pki/ca.key", "pki/api-ca.pem", "pki/api-ca.key"}

const secretLimit = 64 << 10 // bytes of one such file

// readSecrets reads them.
func readSecrets(at layout) (backup.Secrets, error) {
	out := backup.Secrets{Files: map[string][]byte{}}
	for _, path := range at.secretFiles() {
		text, err := vfs.ReadFile(vfs.OS(), path, secretLimit)
		if errors.Is(err, fs.ErrNotExist) {
			return out, admin.Errorf(admin.KindConflict, "run it on a node of the region", "this node does not hold what a backup needs: %s does not exist", path)
		}
		if err != nil {
			return out, fmt.Errorf("read %s: %w", path, err)
		}
		name, err := filepath.Rel(at.dir, path)
		if err != nil {
			return out, fmt.Errorf("name %s: %w", path, err)
		}
		out.Files[name] = text
	}
	return out, nil
}

// CreateBackup writes a backup of the region of a running agent. The file takes its name only when it is complete,
// read back and checked.
func CreateBackup(ctx context.Context, c *config.Config, client *admin.Client, version, path string, passphrase []byte) (BackupInfo, error) {
	if len(passphrase) < backup.MinPassphrase {
		return BackupInfo{}, admin.Errorf(admin.KindUsage, "choose a longer one; without it the backup opens for nobody", "%w", backup.ErrWeak)
	}
	status, err := client.Status(ctx)
	if err != nil {
		return BackupInfo{}, err
	}
	spool, size, err := spoolSnapshot(ctx, client, filepath.Dir(path))
	if err != nil {
		return BackupInfo{}, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	head, v, err := readState(spool)
	if err != nil {
		return BackupInfo{}, fmt.Errorf("check snapshot: %w", err)
	}
	secrets, err := readSecrets(layout{c.Node.DataDir})
	if err != nil {
		return BackupInfo{}, err
	}
	if _, err := unlock(v, secrets); err != nil {
		return BackupInfo{}, admin.Errorf(admin.KindUnavailable, "try again when hive admin rotations shows that none is under way", "the cluster key was rotated while the backup was made: %w", err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return BackupInfo{}, fmt.Errorf("rewind snapshot: %w", err)
	}
	m := backup.Manifest{Created: now(), Hive: version, ClusterID: head.ClusterID, Region: status.Region, AZ: status.AZ, Node: status.Node,
		FormatLevel: head.FormatLevel, Index: head.Index, StateHash: hex.EncodeToString(head.StateHash[:])}
	return writeBackup(path, m, secrets, passphrase, spool, size)
}

// spoolSnapshot takes the running region's snapshot into a nameless file beside the backup.
func spoolSnapshot(ctx context.Context, client *admin.Client, dir string) (f *os.File, size int64, err error) {
	stream, err := client.SnapshotSave(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer stream.Close()
	if f, err = os.CreateTemp(dir, ".hive-backup-*"); err != nil {
		return nil, 0, fmt.Errorf("create backup file: %w", err)
	}
	if size, err = io.Copy(f, stream); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("take snapshot: %w", err), f.Close(), os.Remove(f.Name()))
		return nil, 0, err
	}
	return f, size, nil
}

// readState reads a saved snapshot to its end into a state machine of its own, which checks every checksum and the hash.
func readState(r io.Reader) (snapshot.Header, *state.View, error) {
	f := fsm.New()
	var head snapshot.Header
	_, err := raftnode.ReadSnapshot(r, func(_ raftnode.SnapshotInfo, stream io.Reader) error {
		if err := f.Restore(stream); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return head, nil, err
	}
	v := f.View()
	region, _ := v.Region()
	head = snapshot.Header{FormatLevel: region.FormatLevel, Index: f.Applied(), ClusterID: region.ClusterID, StateHash: f.Hash()}
	return head, v, nil
}

// writeBackup writes beside the target, reads it back and only then renames.
func writeBackup(path string, m backup.Manifest, s backup.Secrets, passphrase []byte, snapshot io.Reader, size int64) (BackupInfo, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return BackupInfo{}, fmt.Errorf("create backup file: %w", err)
	}
	defer os.Remove(f.Name()) // gone already when all went well
	defer f.Close()
	if err := backup.Write(f, m, s, passphrase, snapshot, size, backup.Options{}); err != nil {
		return BackupInfo{}, err
	}
	if err := f.Sync(); err != nil {
		return BackupInfo{}, fmt.Errorf("sync backup %s: %w", path, err)
	}
	info, opened, _, err := readBackup(f.Name())
	if err != nil {
		return BackupInfo{}, fmt.Errorf("read backup back: %w", err)
	}
	if _, err := opened.Secrets(passphrase); err != nil {
		return BackupInfo{}, fmt.Errorf("read backup back: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return BackupInfo{}, fmt.Errorf("name backup: %w", err)
	}
	info.File = path
	return info, vfs.OS().SyncDir(filepath.Dir(path))
}

// InspectBackup reads a backup to its end, checks everything that needs no passphrase, and says what it holds.
func InspectBackup(path string) (BackupInfo, error) {
	info, _, _, err := readBackup(path)
	return info, err
}

func readBackup(path string) (BackupInfo, *backup.Backup, *state.View, error) {
	f, err := os.Open(path)
	if err != nil {
		return BackupInfo{}, nil, nil, admin.Errorf(admin.KindNotFound, "hive backup create FILE makes one", "open backup: %w", err)
	}
	defer f.Close()
	const other = "use another backup: this one cannot be restored"
	b, err := backup.Open(f)
	if err != nil {
		return BackupInfo{}, nil, nil, admin.Errorf(admin.KindFailure, other, "read %s: %w", path, err)
	}
	head, v, err := readState(b.Snapshot())
	if err == nil {
		_, err = io.Copy(io.Discard, b.Snapshot()) // the snapshot knows its own end; the file's checksum comes after it
	}
	if err != nil {
		return BackupInfo{}, nil, nil, admin.Errorf(admin.KindFailure, other, "read %s: %w", path, err)
	}
	// The manifest is bound to the sealed part; with it the state is too.
	if hash := hex.EncodeToString(head.StateHash[:]); hash != b.Manifest.StateHash || head.ClusterID != b.Manifest.ClusterID {
		return BackupInfo{}, nil, nil, admin.Errorf(admin.KindFailure, other, "read %s: the state is of cluster %s with hash %s, its manifest says %s with %s",
			path, head.ClusterID, hash, b.Manifest.ClusterID, b.Manifest.StateHash)
	}
	st, err := f.Stat()
	if err != nil {
		return BackupInfo{}, nil, nil, fmt.Errorf("read %s: %w", path, err)
	}
	return BackupInfo{Manifest: b.Manifest, File: path, Bytes: st.Size(), Accounts: state.Accounts.Count(v), Instances: state.Instances.Count(v),
		Volumes: state.Volumes.Count(v), Nodes: state.Nodes.Count(v)}, b, v, nil
}

// unlock reads the cluster key of a backup and checks that it opens every secret of a state.
func unlock(v *state.View, s backup.Secrets) (*seal.Ring, error) {
	ring, err := seal.Parse(seal.NewSecret(string(s.Files[clusterKeyFile])))
	if err != nil {
		return nil, err
	}
	held := ring.Versions()
	v.Sealed(func(row state.SealedRow) bool {
		if !slices.Contains(held, row.Version) {
			err = fmt.Errorf("%s of %s is sealed under version %d of the cluster key, which is not there", row.Name, row.Table, row.Version)
		}
		return err == nil
	}, math.MaxInt)
	return ring, err
}
