// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/vfs"
)

// A data stream begins with a line of JSON that says what is asked for, and its answer with a line that says whether
// it comes. A snapshot's bytes follow as runs, so that holes cost nothing:
//
//	8 bytes  offset, big endian; all ones: the end
//	4 bytes  length n, at most 1 MiB
//	n bytes  data
const (
	dataHeadTime = 15 * time.Second
	dataIdle     = time.Minute // longest pause in a stream
	dataStreams  = 32          // served at once
	maxDataHead  = 4 << 10
	maxRun       = 1 << 20
	endOfRuns    = ^uint64(0)

	dataSnapshot = "snapshot"
)

type dataRequest struct {
	Op string `json:"op"`
	ID string `json:"id"`
}

type dataAnswer struct {
	Size  int64  `json:"size"`
	Error string `json:"error,omitempty"`
}

// serveData answers other nodes' requests for bytes until the context ends.
func (a *Agent) serveData(ctx context.Context) error {
	l, err := a.truth.mux.Listen(rpc.ProtoData)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, dataStreams)
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept data stream: %w", err)
		}
		select {
		case slots <- struct{}{}:
		default:
			c.Close() // the other node asks again, here or elsewhere
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer func() { stop(); c.Close() }()
			if err := a.answerData(ctx, c); err != nil {
				a.log.Warn("data stream ended early", "to", c.RemoteAddr(), "error", err)
			}
		})
	}
}

func (a *Agent) answerData(ctx context.Context, c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(dataHeadTime)); err != nil {
		return err
	}
	var q dataRequest
	if err := readLine(c, &q); err != nil {
		return err
	}
	if q.Op != dataSnapshot || q.ID == "" || q.ID != filepath.Base(q.ID) {
		return writeLine(c, dataAnswer{Error: fmt.Sprintf("this node does not serve %q", q.Op)})
	}
	if a.simulation != nil {
		row, _ := state.Snapshots.Get(a.region.Local(), state.AnyAccount, q.ID)
		return a.simulation.answerSnapshot(c, q.ID, row)
	}
	f, err := vfs.OS().OpenFile(a.snapshotFile(q.ID), os.O_RDONLY, 0)
	if err != nil {
		return writeLine(c, dataAnswer{Error: "this node does not have the snapshot " + q.ID})
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if err := writeLine(c, dataAnswer{Size: size}); err != nil {
		return err
	}
	return sendRuns(ctx, c, f, size)
}

// snapshotFile is where the block daemon keeps a snapshot's bytes; they never change.
func (a *Agent) snapshotFile(id string) string {
	return filepath.Join(a.blockDir(), "snapshots", id, "data")
}

// sendRuns sends the parts of a file that hold data.
func sendRuns(ctx context.Context, c net.Conn, f vfs.File, size int64) error {
	buf := make([]byte, 12+maxRun)
	err := vfs.EachData(ctx, f, size, func(off, length int64) error {
		for length > 0 {
			n := min(length, maxRun)
			if _, err := f.ReadAt(buf[12:12+n], off); err != nil {
				return err
			}
			binary.BigEndian.PutUint64(buf, uint64(off))
			binary.BigEndian.PutUint32(buf[8:], uint32(n))
			if err := sendPart(c, buf[:12+n]); err != nil {
				return err
			}
			off, length = off+n, length-n
		}
		return nil
	})
	if err != nil {
		return err
	}
	return sendEnd(c)
}

// sendEnd says that no more runs come.
func sendEnd(c net.Conn) error {
	return sendPart(c, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, endOfRuns), 0))
}

func sendPart(c net.Conn, b []byte) error {
	if err := c.SetDeadline(time.Now().Add(dataIdle)); err != nil {
		return err
	}
	_, err := c.Write(b)
	return err
}

// receiveRuns is the other half of sendRuns: it fills f, whose length is size.
func receiveRuns(c net.Conn, f io.WriterAt, size int64) error {
	buf := make([]byte, maxRun)
	for {
		if err := c.SetDeadline(time.Now().Add(dataIdle)); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf[:12]); err != nil {
			return fmt.Errorf("read run: %w", err)
		}
		off, n := binary.BigEndian.Uint64(buf), int64(binary.BigEndian.Uint32(buf[8:]))
		if off == endOfRuns {
			return nil
		}
		if n == 0 || n > maxRun || off > uint64(size) || int64(off)+n > size {
			return fmt.Errorf("run of %d bytes at %d in a snapshot of %d", n, off, size)
		}
		if _, err := io.ReadFull(c, buf[:n]); err != nil {
			return fmt.Errorf("read run: %w", err)
		}
		if _, err := f.WriteAt(buf[:n], int64(off)); err != nil {
			return err
		}
	}
}

func writeLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// readLine reads a line byte by byte: what follows it belongs to somebody else.
func readLine(r io.Reader, v any) error {
	var line []byte
	var one [1]byte
	for {
		if _, err := io.ReadFull(r, one[:]); err != nil {
			return fmt.Errorf("read head: %w", err)
		}
		if one[0] == '\n' {
			break
		}
		if line = append(line, one[0]); len(line) > maxDataHead {
			return errors.New("read head: too long")
		}
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
