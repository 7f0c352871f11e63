// SPDX-License-Identifier: Apache-2.0

package nbd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/filevol"
	"github.com/hivecloud/hive/blockstore/memvol"
	"github.com/hivecloud/hive/blockstore/nbd"
	"github.com/hivecloud/hive/blockstore/nbd/nbdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 2 * time.Minute

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start serves a volume on a unix socket until the test ends.
func start(t testing.TB, cfg nbd.Config) (*nbd.Server, string) {
	t.Helper()
	s, err := nbd.New(cfg)
	must(t, err)
	socket := filepath.Join(t.TempDir(), "nbd.sock")
	l, err := net.Listen("unix", socket)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, socket
}

func dial(t testing.TB, socket string) *nbdtest.Client {
	t.Helper()
	c, err := nbdtest.Dial(socket, "", patience)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func wantCode(t testing.TB, err error, code uint32) {
	t.Helper()
	var e *nbdtest.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want nbd error %d", err, code)
	}
}

// volumes runs a test on the volume whose requests are answered in place and on the one whose are handed over.
func volumes(t *testing.T, size int64, test func(t *testing.T, v blockstore.Volume)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, memvol.New(size))
	})
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		test(t, fileVolume(t, size))
	})
}

func fileVolume(t testing.TB, size int64) *filevol.Volume {
	t.Helper()
	s, err := filevol.New(filevol.Config{Dir: t.TempDir()})
	must(t, err)
	must(t, s.Open())
	must(t, s.CreateVolume(t.Context(), filevol.VolumeSpec{ID: "vol-1", SizeBytes: size}))
	v, err := s.OpenVolume(t.Context(), "vol-1", 1)
	must(t, err)
	t.Cleanup(func() {
		v.Close(context.Background())
		s.Close()
	})
	return v
}

func TestCommands_RandomRequestsAgainstAModel(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	volumes(t, size, func(t *testing.T, v blockstore.Volume) {
		_, socket := start(t, nbd.Config{Volume: v})
		c := dial(t, socket)
		if c.Size != size {
			t.Fatalf("size %d", c.Size)
		}
		model := make([]byte, size)
		r := rand.New(rand.NewPCG(1, 2))
		for range 400 {
			off := r.Uint64N(size)
			n := uint32(1 + r.Uint64N(min(size-off, 1<<(4+r.UintN(17)))))
			switch flags := uint16(r.UintN(2)); r.UintN(6) {
			case 0, 1:
				data := bytes.Repeat([]byte{byte(r.Uint32() | 1)}, int(n))
				must(t, c.Write(off, data, flags))
				copy(model[off:], data)
			case 2:
				must(t, c.Zero(off, n, flags|uint16(r.UintN(2))<<1))
				clear(model[off : off+uint64(n)])
			case 3:
				must(t, c.Trim(off, n))
				clear(model[off : off+uint64(n)])
			case 4:
				must(t, c.Flush())
			default:
				got, err := c.Read(off, n)
				must(t, err)
				if !bytes.Equal(got, model[off:off+uint64(n)]) {
					t.Fatalf("read of %d at %d differs", n, off)
				}
			}
		}
		got, err := c.Read(0, size)
		must(t, err)
		if !bytes.Equal(got, model) {
			t.Fatal("content differs")
		}
	})
}

func TestCommands_NonsenseIsRefusedAndTheConnectionLives(t *testing.T) {
	t.Parallel()
	const (
		einval, enospc, enotsup = 22, 28, 95
		size                    = 64 << 20
	)
	volumes(t, size, func(t *testing.T, v blockstore.Volume) {
		_, socket := start(t, nbd.Config{Volume: v})
		c := dial(t, socket)
		for name, q := range map[string]struct {
			typ, flags uint16
			off        uint64
			n          uint32
			payload    int
			code       uint32
		}{
			"unknown command":         {typ: 99, n: 1, code: einval},
			"unknown flag":            {typ: 0, flags: 1 << 9, n: 1, code: einval},
			"flag of another command": {typ: 0, flags: nbdtest.FastZero, n: 1, code: einval},
			"read of nothing":         {typ: 0, code: einval},
			"read behind the end":     {typ: 0, off: size, n: 1, code: einval},
			"read over the end":       {typ: 0, off: size - 1, n: 2, code: einval},
			"read at the top":         {typ: 0, off: 1<<64 - 1, n: 1, code: einval},
			"read too long":           {typ: 0, n: 32<<20 + 1, code: einval},
			"write behind the end":    {typ: 1, off: size, n: 5, payload: 5, code: enospc},
			"write over the end":      {typ: 1, off: size - 4, n: 5, payload: 5, code: enospc},
			"write at the top":        {typ: 1, off: 1<<64 - 2, n: 5, payload: 5, code: enospc},
			"write too long":          {typ: 1, n: 32<<20 + 1, payload: 32<<20 + 1, code: einval},
			"write of nothing":        {typ: 1, code: einval},
			"zero behind the end":     {typ: 6, off: size, n: 1, code: enospc},
			"trim behind the end":     {typ: 4, off: size, n: 1, code: einval},
			"status behind the end":   {typ: 7, off: size, n: 1, code: einval},
			"cache behind the end":    {typ: 5, off: size, n: 1, code: einval},
			"flush of a range":        {typ: 3, n: 1, code: einval},
		} {
			t.Log(name)
			_, err := c.Do(q.typ, q.flags, q.off, q.n, make([]byte, q.payload))
			wantCode(t, err, q.code)
		}
		must(t, c.Write(0, []byte("alive"), nbdtest.FUA))
		_, err := c.Do(5, 0, 0, 1<<20, nil)
		must(t, err)
	})
}

func TestReadOnly_ChangesAreRefused(t *testing.T) {
	t.Parallel()
	_, socket := start(t, nbd.Config{Volume: memvol.New(1 << 20), ReadOnly: true})
	c := dial(t, socket)
	if c.Flags&2 == 0 || c.Flags&(1<<5|1<<6) != 0 {
		t.Fatalf("flags %#x", c.Flags)
	}
	wantCode(t, c.Write(0, []byte("x"), 0), 1)
	wantCode(t, c.Trim(0, 1), 1)
	wantCode(t, c.Zero(0, 1, 0), 1)
	must(t, c.Flush())
}

func TestBlockStatus_TellsHoles(t *testing.T) {
	t.Parallel()
	volumes(t, 1<<20, func(t *testing.T, v blockstore.Volume) {
		_, socket := start(t, nbd.Config{Volume: v})
		c := dial(t, socket)
		must(t, c.Write(128<<10, make([]byte, 64<<10), 0))
		got, err := c.BlockStatus(0, 1<<20, 0)
		must(t, err)
		if d := cmp.Diff([]uint32{128 << 10, 3, 64 << 10, 0, 832 << 10, 3}, got); d != "" {
			t.Fatal(d)
		}
		got, err = c.BlockStatus(150<<10, 1<<19, nbdtest.ReqOne)
		must(t, err)
		if d := cmp.Diff([]uint32{42 << 10, 0}, got); d != "" {
			t.Fatal(d)
		}
	})
}

// stubborn fails on demand.
type stubborn struct {
	*memvol.Volume
	err error
}

func (v *stubborn) TryReadAt([]byte, int64) error                        { return v.err }
func (v *stubborn) ReadAt(context.Context, []byte, int64) error          { return v.err }
func (v *stubborn) WriteAt(context.Context, []byte, int64, bool) error   { return v.err }
func (v *stubborn) Flush(context.Context) error                          { return v.err }
func (v *stubborn) Trim(context.Context, int64, int64) error             { return v.err }
func (v *stubborn) Zero(context.Context, int64, int64, bool, bool) error { return v.err }
func (v *stubborn) Extents(context.Context, int64, int64) ([]blockstore.Extent, error) {
	return nil, v.err
}

func TestErrors_ReachTheClientWithTheirNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code uint32
	}{
		{blockstore.ErrNoSpace, 28}, {blockstore.ErrFenced, 108}, {blockstore.ErrClosed, 108}, {blockstore.ErrFailed, 5},
		{blockstore.ErrOutOfRange, 22}, {syscall.EIO, 5}, {errors.ErrUnsupported, 95}, {errors.New("anything"), 5},
	} {
		v := &stubborn{Volume: memvol.New(1 << 20), err: c.err}
		s, socket := start(t, nbd.Config{Volume: v})
		client := dial(t, socket)
		_, err := client.Read(0, 4096)
		wantCode(t, err, c.code)
		_, err = client.Read(0, 1<<20)
		wantCode(t, err, c.code)
		wantCode(t, client.Write(0, make([]byte, 512<<10), 0), c.code)
		wantCode(t, client.Flush(), c.code)
		wantCode(t, client.Trim(0, 1), c.code)
		wantCode(t, client.Zero(0, 1, 0), c.code)
		_, err = client.BlockStatus(0, 1, 0)
		wantCode(t, err, c.code)
		if st := s.Stats(); st.Read.Errors != 2 || st.Read.Ops != 2 || st.Write.Errors != 1 || st.Flush.Errors != 1 {
			t.Fatalf("stats %+v", st)
		}
	}
}

func TestGrow_NewConnectionsSeeItAndOldOnesMayUseIt(t *testing.T) {
	t.Parallel()
	v := memvol.New(1 << 20)
	_, socket := start(t, nbd.Config{Volume: v})
	old := dial(t, socket)
	must(t, v.Grow(t.Context(), 2<<20))
	if c := dial(t, socket); c.Size != 2<<20 {
		t.Fatalf("size %d", c.Size)
	}
	must(t, old.Write(2<<20-4, []byte("end!"), 0))
}

func TestMultiConn_WriteOnOneIsSeenOnTheOther(t *testing.T) {
	t.Parallel()
	volumes(t, 1<<20, func(t *testing.T, v blockstore.Volume) {
		_, socket := start(t, nbd.Config{Volume: v})
		a, b := dial(t, socket), dial(t, socket)
		if a.Flags&(1<<8) == 0 {
			t.Fatal("MULTI_CONN is not advertised")
		}
		for i := range 100 {
			must(t, a.Write(uint64(i), []byte{byte(i)}, 0))
			got, err := b.Read(uint64(i), 1)
			must(t, err)
			if got[0] != byte(i) {
				t.Fatalf("read %d, want %d", got[0], i)
			}
		}
		must(t, b.Flush())
	})
}

// gate is a volume whose flush waits.
type gate struct {
	blockstore.Volume
	entered, leave chan struct{}
}

func (g *gate) Flush(context.Context) error {
	g.entered <- struct{}{}
	<-g.leave
	return nil
}

func TestSlowFlush_HoldsUpNobodyOnTheSameConnection(t *testing.T) {
	t.Parallel()
	g := &gate{Volume: fileVolume(t, 1<<20), entered: make(chan struct{}, 1), leave: make(chan struct{})}
	_, socket := start(t, nbd.Config{Volume: g})
	c := dial(t, socket)
	must(t, c.Send(3, 0, 0, 0, nil)) // request 1
	<-g.entered
	must(t, c.Write(0, []byte("meanwhile"), 0)) // answered though the flush is not
	got, err := c.Read(0, 9)
	must(t, err)
	if string(got) != "meanwhile" {
		t.Fatalf("got %q", got)
	}
	close(g.leave)
	var reply [16]byte
	_, err = io.ReadFull(c.Conn, reply[:])
	must(t, err)
	if binary.BigEndian.Uint64(reply[8:]) != 1 || binary.BigEndian.Uint32(reply[4:]) != 0 {
		t.Fatalf("reply %x", reply)
	}
}

func TestShutdown_AnswersWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	g := &gate{Volume: fileVolume(t, 1<<20), entered: make(chan struct{}, 1), leave: make(chan struct{})}
	s, socket := start(t, nbd.Config{Volume: g})
	c := dial(t, socket)
	must(t, c.Send(3, 0, 0, 0, nil))
	<-g.entered
	stopped := make(chan struct{})
	go func() { s.Shutdown(); close(stopped) }()
	for s.Conns() > 0 { // until no new connection gets in
		late, err := nbdtest.Dial(socket, "", patience)
		if err != nil {
			break
		}
		late.Close()
	}
	select {
	case <-stopped:
		t.Fatal("stopped though a flush was under way")
	default:
	}
	close(g.leave)
	_, err := c.Receive(0, 0)
	must(t, err)
	<-stopped
	if _, err := c.Conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("got %v, want EOF", err)
	}
}

func TestClose_CutsIdleAndNegotiatingConnections(t *testing.T) {
	t.Parallel()
	s, socket := start(t, nbd.Config{Volume: memvol.New(1 << 20)})
	dial(t, socket)
	half, err := net.Dial("unix", socket)
	must(t, err)
	defer half.Close()
	s.Close()
	if n := s.Conns(); n != 0 {
		t.Fatalf("%d connections after Close", n)
	}
	s.Close()
	if _, err := nbdtest.Dial(socket, "", patience); err == nil {
		t.Fatal("connected to a closed server")
	}
}

func TestDisconnect_MidPayloadAndMidHeaderEndOnlyThatConnection(t *testing.T) {
	t.Parallel()
	volumes(t, 1<<20, func(t *testing.T, v blockstore.Volume) {
		s, socket := start(t, nbd.Config{Volume: v})
		a := dial(t, socket)
		must(t, a.Send(1, 0, 0, 1<<20, make([]byte, 300<<10)))
		a.Conn.Close()
		b := dial(t, socket)
		_, err := b.Conn.Write([]byte{0x25, 0x60, 0x95})
		must(t, err)
		b.Conn.Close()
		c := dial(t, socket)
		_, err = c.Conn.Write(make([]byte, 28)) // no magic: out of step
		must(t, err)
		if _, err := c.Conn.Read(make([]byte, 1)); err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("got %v, want the connection closed", err)
		}
		d := dial(t, socket)
		must(t, d.Write(0, []byte("fine"), 0))
		d.Close()
		deadline := time.Now().Add(patience)
		for s.Conns() > 0 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if n := s.Conns(); n != 0 {
			t.Fatalf("%d connections left", n)
		}
	})
}

func TestUnknownExport_IsRefusedByName(t *testing.T) {
	t.Parallel()
	_, socket := start(t, nbd.Config{Name: "vol-1", Volume: memvol.New(1 << 20)})
	_, err := nbdtest.Dial(socket, "vol-2", patience)
	wantCode(t, err, 1<<31|6)
	c, err := nbdtest.Dial(socket, "vol-1", patience)
	must(t, err)
	c.Close()
}

func TestMaxConns_OneTooManyIsClosed(t *testing.T) {
	t.Parallel()
	_, socket := start(t, nbd.Config{Volume: memvol.New(1 << 20), MaxConns: 1})
	c := dial(t, socket)
	if _, err := nbdtest.Dial(socket, "", patience); err == nil {
		t.Fatal("second connection was served")
	}
	must(t, c.Flush())
}
