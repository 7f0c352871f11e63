// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/hashicorp/raft"
)

// A saved snapshot is a file that stands by itself:
//
//	offset 0    8 bytes  "HIVEBKP1"
//	       8    4 bytes  length n of the description, big endian, at most 1 MiB
//	      12    n bytes  SnapshotInfo as JSON
//	      12+n  Size     the snapshot stream (see applier.go: head, then the state machine's bytes)
//	      then  32 bytes SHA-256 of everything before
const (
	saveMagic   = "HIVEBKP1"
	maxSaveInfo = 1 << 20
)

// ErrBadSnapshot says that a saved snapshot is no such thing, cut short or changed.
var ErrBadSnapshot = errors.New("snapshot file is damaged or no snapshot")

// SnapshotInfo describes a snapshot.
type SnapshotInfo struct {
	Group string    `json:"group"`
	Node  string    `json:"node"`  // that saved it
	Index uint64    `json:"index"` // last entry in it
	Term  uint64    `json:"term"`  // of that entry
	Size  int64     `json:"size"`  // of the stream in bytes
	Peers []Peer    `json:"peers"` // members at that point
	Saved time.Time `json:"saved"`
}

// SnapshotNow takes a snapshot of this member's state and cuts its log. It returns the last index in the snapshot.
func (n *Node) SnapshotNow(ctx context.Context) (index uint64, err error) {
	end, err := n.begin()
	if err != nil {
		return 0, err
	}
	defer end()
	meta, rc, err := n.takeSnapshot(ctx)
	if err != nil {
		return 0, err
	}
	return meta.Index, rc.Close()
}

// takeSnapshot takes a snapshot and opens it.
func (n *Node) takeSnapshot(ctx context.Context) (meta *raft.SnapshotMeta, rc io.ReadCloser, err error) {
	err = n.await(ctx, func() error {
		f := n.raft.Snapshot()
		if err := f.Error(); err != nil {
			return err
		}
		m, r, err := f.Open()
		if err == nil && ctx.Err() != nil {
			return r.Close() // nobody waits any more
		}
		meta, rc = m, r
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("take snapshot: %w", err)
	}
	return meta, rc, nil
}

// SaveSnapshot writes a snapshot to w that holds everything acknowledged before the call.
func (n *Node) SaveSnapshot(ctx context.Context, w io.Writer) (SnapshotInfo, error) {
	if err := n.ReadIndex(ctx); err != nil {
		return SnapshotInfo{}, fmt.Errorf("save snapshot: %w", err)
	}
	end, err := n.begin()
	if err != nil {
		return SnapshotInfo{}, err
	}
	defer end()
	meta, rc, err := n.takeSnapshot(ctx)
	if err != nil {
		return SnapshotInfo{}, fmt.Errorf("save snapshot: %w", err)
	}
	defer rc.Close()
	info := SnapshotInfo{
		Group: n.cfg.Group, Node: n.id, Index: meta.Index, Term: meta.Term, Size: meta.Size,
		Peers: peersOf(meta.Configuration), Saved: time.Now().UTC().Truncate(time.Second),
	}
	if err := writeSaved(w, info, rc); err != nil {
		return SnapshotInfo{}, fmt.Errorf("save snapshot: %w", err)
	}
	return info, nil
}

func writeSaved(w io.Writer, info SnapshotInfo, stream io.Reader) error {
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	head := binary.BigEndian.AppendUint32([]byte(saveMagic), uint32(len(text)))
	if _, err := out.Write(append(head, text...)); err != nil {
		return err
	}
	if copied, err := io.Copy(out, stream); err != nil {
		return err
	} else if copied != info.Size {
		return fmt.Errorf("snapshot has %d bytes, its description says %d", copied, info.Size)
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// ReadSnapshot reads a saved snapshot to its end and checks it. When state is not nil it is given the state machine's
// bytes; what it makes of them must not be trusted before ReadSnapshot has returned nil.
func ReadSnapshot(r io.Reader, state func(SnapshotInfo, io.Reader) error) (SnapshotInfo, error) {
	info, stream, err := openSaved(r)
	if err != nil {
		return SnapshotInfo{}, err
	}
	if _, _, err := parseSnapHead(stream); err != nil {
		return info, fmt.Errorf("%w: %w", ErrBadSnapshot, err)
	}
	if state != nil {
		if err := state(info, stream); err != nil {
			return info, err
		}
	}
	_, err = io.Copy(io.Discard, stream)
	return info, err
}

func openSaved(r io.Reader) (SnapshotInfo, *savedStream, error) {
	var info SnapshotInfo
	sum := sha256.New()
	in := io.TeeReader(r, sum)
	head := make([]byte, len(saveMagic)+4)
	if _, err := io.ReadFull(in, head); err != nil || string(head[:len(saveMagic)]) != saveMagic {
		return info, nil, fmt.Errorf("%w: it does not begin with %s", ErrBadSnapshot, saveMagic)
	}
	size := binary.BigEndian.Uint32(head[len(saveMagic):])
	if size > maxSaveInfo {
		return info, nil, fmt.Errorf("%w: description of %d bytes", ErrBadSnapshot, size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(in, text); err != nil {
		return info, nil, fmt.Errorf("%w: description cut short", ErrBadSnapshot)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&info); err != nil || info.Size < 0 {
		return info, nil, fmt.Errorf("%w: description: %w", ErrBadSnapshot, err)
	}
	return info, &savedStream{r: r, left: info.Size, sum: sum}, nil
}

// savedStream ends with io.EOF only when everything was there and the checksum is right.
type savedStream struct {
	r    io.Reader
	left int64
	sum  hash.Hash

	fault error // set at the first fault
	over  bool  // all was there and right
}

func (s *savedStream) Read(p []byte) (int, error) {
	if s.fault != nil {
		return 0, s.fault
	}
	if s.left == 0 {
		if !s.over {
			s.fault = s.check()
			s.over = s.fault == nil
		}
		if s.over {
			return 0, io.EOF
		}
		return 0, s.fault
	}
	count, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	s.sum.Write(p[:count])
	s.left -= int64(count)
	switch {
	case errors.Is(err, io.EOF) && s.left == 0:
		err = nil // the checksum follows, or is found missing
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("%w: %d bytes missing", ErrBadSnapshot, s.left)
	}
	s.fault = err
	return count, err
}

func (s *savedStream) check() error {
	want := make([]byte, sha256.Size)
	if _, err := io.ReadFull(s.r, want); err != nil {
		return fmt.Errorf("%w: checksum missing", ErrBadSnapshot)
	}
	if !bytes.Equal(s.sum.Sum(nil), want) {
		return fmt.Errorf("%w: wrong checksum", ErrBadSnapshot)
	}
	return nil
}

// RestoreSnapshot replaces the state of the whole group by a saved snapshot, for recovery into a fresh cluster: what
// was written since is lost. It must be called on the leader; the members stay as they are. A damaged file changes
// nothing.
func (n *Node) RestoreSnapshot(ctx context.Context, r io.Reader) (SnapshotInfo, error) {
	end, err := n.begin()
	if err != nil {
		return SnapshotInfo{}, err
	}
	defer end()
	if n.leading() == 0 {
		return SnapshotInfo{}, fmt.Errorf("restore snapshot: %w", ErrNotLeader)
	}
	info, stream, err := openSaved(r)
	if err != nil {
		return info, fmt.Errorf("restore snapshot: %w", err)
	}
	if info.Group != n.cfg.Group {
		return info, fmt.Errorf("restore snapshot: it is of group %q, this is %q", info.Group, n.cfg.Group)
	}
	meta := &raft.SnapshotMeta{Version: raft.SnapshotVersionMax, Index: info.Index, Term: info.Term, Size: info.Size}
	err = n.await(ctx, func() error {
		err := n.raft.Restore(meta, stream, n.cfg.RetryFor)
		if stream.fault != nil {
			return stream.fault // raft keeps only its text
		}
		return err
	})
	if err != nil {
		return info, fmt.Errorf("restore snapshot: %w", err)
	}
	// raft puts a no-op behind the restored state, which we are not shown; read indexes wait for an entry that we are.
	if err := n.establish(); err != nil {
		return info, fmt.Errorf("restore snapshot: %w", err)
	}
	return info, nil
}
