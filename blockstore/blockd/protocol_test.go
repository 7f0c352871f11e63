// SPDX-License-Identifier: Apache-2.0

package blockd

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/hivecloud/hive/blockstore"
)

func testDaemon(t *testing.T) *Daemon {
	t.Helper()
	d, err := New(Config{Dir: t.TempDir(), Socket: "unused"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.store.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.store.Close() })
	return d
}

func TestDispatch_UnknownInputIsRefusedByName(t *testing.T) {
	t.Parallel()
	d := testDaemon(t)
	for body, want := range map[string]string{
		`{"op":"format_disk","args":{}}`:                          `"format_disk"`,
		`{"op":"list","args":{},"priority":1}`:                    `"priority"`,
		`{"op":"grow","args":{"volume":"v","size":1}}`:            `"size"`,
		`{"op":"grow","args":{"volume":"v","size_bytes":"1"}}`:    `size_bytes`,
		`{"op":"list","args":{"verbose":true}}`:                   `"verbose"`,
		`{"op":"list","args":{}} {}`:                              `behind`,
		`{"op":"list"}`:                                           `EOF`,
		``:                                                        `EOF`,
		`{"op":"serve","args":{"volume":"v","epoch":1}}`:          `no listener`,
		`{"op":"create_volume","args":{"id":"v","size_bytes":5}}`: `5 bytes`,
	} {
		_, err := d.dispatch(t.Context(), []byte(body), nil)
		if !errors.Is(err, blockstore.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want ErrInvalid with %s", body, err, want)
		}
	}
}

func TestErrors_KeepTheirIdentityOnTheWire(t *testing.T) {
	t.Parallel()
	for _, c := range codes {
		e := &RemoteError{Op: "x", Code: codeOf(c.err), Message: c.err.Error()}
		if !errors.Is(e, c.err) {
			t.Errorf("%v comes out as %v", c.err, e.Unwrap())
		}
	}
	if e := (&RemoteError{Code: codeOf(io.ErrUnexpectedEOF)}); e.Code != codeInternal || e.Unwrap() != nil {
		t.Errorf("got %+v", e)
	}
}

func TestFrame_BrokenOnesAreRefused(t *testing.T) {
	t.Parallel()
	good, err := encodeFrame(kindRequest, []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	if body, err := readFrame(bytes.NewReader(good), kindRequest); err != nil || string(body) != "body" {
		t.Fatalf("got %q, %v", body, err)
	}
	for at, name := range map[int]string{0: "magic", 4: "version", 6: "kind", 11: "length"} {
		bad := bytes.Clone(good)
		bad[at] ^= 0x80
		if _, err := readFrame(bytes.NewReader(bad), kindRequest); err == nil {
			t.Errorf("wrong %s was taken", name)
		}
	}
	for n := 1; n < len(good); n++ {
		if _, err := readFrame(bytes.NewReader(good[:n]), kindRequest); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := encodeFrame(kindRequest, make([]byte, maxFrameBytes+1)); err == nil {
		t.Error("a frame over the limit was made")
	}
}

func FuzzRequest(f *testing.F) {
	for op := range operations {
		body, err := json.Marshal(request{Op: op, Args: json.RawMessage(`{"id":"v","volume":"v","epoch":1,"size_bytes":4096,"path":"/dev/null"}`)})
		if err != nil {
			f.Fatal(err)
		}
		frame, err := encodeFrame(kindRequest, body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		body, err := readFrame(bytes.NewReader(frame), kindRequest)
		if err != nil {
			return
		}
		var q request
		if decodeStrict(body, &q) != nil {
			return
		}
		for _, args := range []any{&CreateVolume{}, &Serve{}, &growArgs{}, &importArgs{}, &idArgs{}, &nothing{}} {
			_ = decodeStrict(q.Args, args) // any error is right, a panic is not
		}
	})
}
