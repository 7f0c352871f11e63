// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"go.etcd.io/bbolt"

	"github.com/hivecloud/hive/internal/vfs"
)

// LogKind names a log store.
type LogKind string

// The log stores. WAL is faster, most of all for single proposers; Bolt is the older and better known one.
const (
	Bolt LogKind = "bolt"
	WAL  LogKind = "wal"
)

// ErrLocked says that another process has the directory open.
var ErrLocked = errors.New("directory is in use by another process")

const (
	lockFile = "lock"
	boltFile = "raft.db"
	walDir   = "wal"
	// retained snapshots: the newest, and one to fall back on.
	retained = 2
	// logCache is how many entries stay in memory, for members that follow closely.
	logCache = 512
)

// Storage is where a node keeps its log, its vote and its snapshots.
type Storage struct {
	Logs      raft.LogStore
	Stable    raft.StableStore
	Snapshots raft.SnapshotStore
	// Close is called after the node stopped; nil when there is nothing to do.
	Close func() error
}

// MemStorage keeps everything in memory: for tests.
func MemStorage() *Storage {
	s := raft.NewInmemStore()
	return &Storage{Logs: s, Stable: s, Snapshots: raft.NewInmemSnapshotStore()}
}

// diskLog is what both log stores are.
type diskLog interface {
	raft.LogStore
	raft.StableStore
	Close() error
}

// openDir locks dir and opens the store of the given kind in it.
func openDir(dir string, kind LogKind, logger hclog.Logger) (_ *Storage, err error) {
	lock, err := lockDir(dir, true)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	if found, err := kindOf(dir); err != nil {
		return nil, err
	} else if found != "" && found != kind {
		return nil, fmt.Errorf("open log %s: it is of kind %s, asked for %s", dir, found, kind)
	}
	log, err := openLog(dir, kind, logger)
	if err != nil {
		return nil, err
	}
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir, retained, logger.Named("snapshot"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open snapshots in %s: %w", dir, err), log.Close())
	}
	cached, err := raft.NewLogCache(logCache, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open log %s: %w", dir, err), log.Close())
	}
	closer := func() error { return errors.Join(log.Close(), lock.Close()) }
	return &Storage{Logs: cached, Stable: log, Snapshots: snapshots, Close: closer}, nil
}

// lockDir takes the lock of dir, which is made when create is set. The lock ends with its process, however it ends.
func lockDir(dir string, create bool) (vfs.File, error) {
	fsys, flag := vfs.OS(), os.O_RDWR
	if create {
		flag |= os.O_CREATE
		if err := vfs.MkdirAllDurable(fsys, dir, 0o700); err != nil {
			return nil, fmt.Errorf("make directory %s: %w", dir, err)
		}
	}
	f, err := fsys.OpenFile(filepath.Join(dir, lockFile), flag, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock directory %s: %w", dir, err)
	}
	if err := f.Lock(); err != nil {
		f.Close()
		if errors.Is(err, vfs.ErrLocked) {
			return nil, fmt.Errorf("lock directory %s: %w", dir, ErrLocked)
		}
		return nil, fmt.Errorf("lock directory %s: %w", dir, err)
	}
	return f, nil
}

// kindOf says which store a directory holds; none when it is new.
func kindOf(dir string) (LogKind, error) {
	for kind, name := range map[LogKind]string{Bolt: boltFile, WAL: walDir} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return kind, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}

func openLog(dir string, kind LogKind, logger hclog.Logger) (diskLog, error) {
	if kind == WAL {
		path := filepath.Join(dir, walDir)
		if err := vfs.MkdirAllDurable(vfs.OS(), path, 0o700); err != nil {
			return nil, fmt.Errorf("make directory %s: %w", path, err)
		}
		meta := &metadb.BoltMetaDB{}
		log, err := wal.Open(path, wal.WithLogger(logger.Named("wal")), wal.WithMetaStore(meta))
		if err != nil {
			return nil, fmt.Errorf("open log %s: %w", path, errors.Join(err, meta.Close()))
		}
		return &walLog{WAL: log, meta: meta}, nil
	}
	path := filepath.Join(dir, boltFile)
	log, err := raftboltdb.New(raftboltdb.Options{
		Path:                    path,
		BoltOptions:             &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType},
		MsgpackUseNewTimeFormat: true,
	})
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", path, err)
	}
	return log, nil
}

// walLog closes what wal.WAL (v0.4.0) leaves open: its meta database, whose lock would keep the directory from being
// opened again by this process.
type walLog struct {
	*wal.WAL
	meta *metadb.BoltMetaDB
}

// Close closes the log.
func (l *walLog) Close() error { return errors.Join(l.WAL.Close(), l.meta.Close()) }
