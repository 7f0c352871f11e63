// SPDX-License-Identifier: Apache-2.0

package blockd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/filevol"
)

// serveControl answers the requests of one control connection until it closes.
func (d *Daemon) serveControl(ctx context.Context, conn *net.UnixConn) error {
	r := &rightsReader{conn: conn}
	defer func() { closeAll(r.take()) }()
	for {
		body, err := readFrame(r, kindRequest)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, errVersion) {
			// Tell the client why before hanging up; whether it still listens does not matter.
			_ = reply(conn, nil, fmt.Errorf("%w: %w", err, blockstore.ErrInvalid))
		}
		if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		files := r.take()
		result, err := d.dispatch(ctx, body, files)
		closeAll(files)
		if err := reply(conn, result, err); err != nil {
			return fmt.Errorf("answer request: %w", err)
		}
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func reply(conn *net.UnixConn, result any, failure error) error {
	var a answer
	if failure != nil {
		a.Error = &answerError{Code: codeOf(failure), Message: failure.Error()}
	} else {
		data, err := json.Marshal(result)
		if err != nil {
			return err
		}
		a.Result = data
	}
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	frame, err := encodeFrame(kindAnswer, body)
	if err != nil {
		return err
	}
	return sendFrame(conn, frame, nil)
}

// operation does one request; file is what came with it, or nil.
type operation func(d *Daemon, ctx context.Context, args json.RawMessage, file *os.File) (any, error)

// on makes an operation of a function with typed arguments.
func on[A, R any](call func(d *Daemon, ctx context.Context, args A, file *os.File) (R, error)) operation {
	return func(d *Daemon, ctx context.Context, raw json.RawMessage, file *os.File) (any, error) {
		var args A
		if err := decodeStrict(raw, &args); err != nil {
			return nil, fmt.Errorf("arguments: %w", err)
		}
		return call(d, ctx, args, file)
	}
}

// do makes an operation of a function without a result.
func do[A any](call func(d *Daemon, ctx context.Context, args A, file *os.File) error) operation {
	return on(func(d *Daemon, ctx context.Context, args A, file *os.File) (nothing, error) {
		return nothing{}, call(d, ctx, args, file)
	})
}

var operations = map[string]operation{
	opCreateVolume: do(func(d *Daemon, ctx context.Context, a CreateVolume, _ *os.File) error {
		return d.store.CreateVolume(ctx, filevol.VolumeSpec{ID: a.ID, SizeBytes: a.SizeBytes, Snapshot: a.Snapshot})
	}),
	opDeleteVolume: do(func(d *Daemon, ctx context.Context, a idArgs, _ *os.File) error { return d.deleteVolume(ctx, a.ID) }),
	opStatVolume:   on(func(d *Daemon, _ context.Context, a idArgs, _ *os.File) (Volume, error) { return d.statVolume(a.ID) }),
	opServe:        do(func(d *Daemon, ctx context.Context, a Serve, file *os.File) error { return d.serve(ctx, a, file) }),
	opRelease:      do(func(d *Daemon, ctx context.Context, a Serve, _ *os.File) error { return d.release(ctx, a) }),
	opGrow:         do(func(d *Daemon, ctx context.Context, a growArgs, _ *os.File) error { return d.grow(ctx, a) }),
	opImportSnapshot: on(func(d *Daemon, ctx context.Context, a importArgs, _ *os.File) (Snapshot, error) {
		info, err := d.store.ImportSnapshot(ctx, a.ID, a.Path)
		return Snapshot(info), err
	}),
	opDeleteSnapshot: do(func(d *Daemon, ctx context.Context, a idArgs, _ *os.File) error {
		return d.store.DeleteSnapshot(ctx, a.ID)
	}),
	opStatSnapshot: on(func(d *Daemon, _ context.Context, a idArgs, _ *os.File) (Snapshot, error) {
		info, err := d.store.StatSnapshot(a.ID)
		return Snapshot(info), err
	}),
	opList:  on(func(d *Daemon, _ context.Context, _ nothing, _ *os.File) (Listing, error) { return d.list() }),
	opStats: on(func(d *Daemon, _ context.Context, _ nothing, _ *os.File) (Stats, error) { return d.stats(), nil }),
	opSpace: on(func(d *Daemon, _ context.Context, _ nothing, _ *os.File) (Space, error) {
		space, err := d.store.Space()
		return Space(space), err
	}),
}

// dispatch decodes a request and does it.
func (d *Daemon) dispatch(ctx context.Context, body []byte, files []*os.File) (any, error) {
	var q request
	if err := decodeStrict(body, &q); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	op, ok := operations[q.Op]
	if !ok {
		return nil, fmt.Errorf("unknown operation %q: %w", q.Op, blockstore.ErrInvalid)
	}
	var file *os.File
	switch {
	case len(files) == 1 && q.Op == opServe:
		file = files[0]
	case len(files) > 0:
		return nil, fmt.Errorf("%d descriptors with operation %s: %w", len(files), q.Op, blockstore.ErrInvalid)
	}
	return op(d, ctx, q.Args, file)
}

func (d *Daemon) statVolume(id string) (Volume, error) {
	info, err := d.store.StatVolume(id)
	if err != nil {
		return Volume{}, err
	}
	return d.describe(info), nil
}

func (d *Daemon) describe(info filevol.VolumeInfo) Volume {
	open, connections := d.open(info.ID)
	return Volume{
		ID: info.ID, SizeBytes: info.SizeBytes, AllocatedBytes: info.AllocatedBytes, Epoch: info.Epoch, Snapshot: info.Snapshot,
		Served: open, Connections: connections, Failed: info.Failed, Problem: info.Problem,
	}
}

func (d *Daemon) list() (Listing, error) {
	volumes, err := d.store.Volumes()
	if err != nil {
		return Listing{}, err
	}
	snapshots, err := d.store.Snapshots()
	if err != nil {
		return Listing{}, err
	}
	var l Listing
	for _, info := range volumes {
		l.Volumes = append(l.Volumes, d.describe(info))
	}
	for _, info := range snapshots {
		l.Snapshots = append(l.Snapshots, Snapshot(info))
	}
	return l, nil
}

func (d *Daemon) stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := Stats{Started: d.started}
	for _, id := range slices.Sorted(maps.Keys(d.counters)) {
		s.Volumes = append(s.Volumes, VolumeStats{Volume: id, Stats: d.counters[id].Stats()})
	}
	return s
}
