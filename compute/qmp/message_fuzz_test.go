// SPDX-License-Identifier: Apache-2.0

package qmp

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzDecodeLine: no line may panic the decoder, and what it accepts is exactly one kind of message.
func FuzzDecodeLine(f *testing.F) {
	for _, seed := range []string{
		greeting, `{"return": {}, "id": "1"}`, `{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}`,
		`{"error": {"class": "GenericError", "desc": "x"}, "id": "2"}`, `{"return": null, "id": null}`, `{`, `[]`, "\xff", ``,
		`{"QMP": {}, "event": "A"}`, `{"event": "A", "data": 7, "timestamp": {"seconds": 9223372036854775807}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := decodeLine(line)
		if err != nil {
			return
		}
		kinds := 0
		for _, has := range []bool{m.greeting != nil, m.event != nil, m.result != nil, m.err != nil} {
			if has {
				kinds++
			}
		}
		if kinds != 1 {
			t.Errorf("%q decoded as %d kinds", line, kinds)
		}
	})
}

// FuzzReadLine: lines come out whole and in order however they are cut by the buffer.
func FuzzReadLine(f *testing.F) {
	f.Add([]byte("a\nbb\r\n\n"), []byte("tail"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		a, b = bytes.ReplaceAll(a, []byte("\n"), nil), bytes.ReplaceAll(b, []byte("\n"), nil)
		a, b = bytes.TrimRight(a, "\r"), bytes.TrimRight(b, "\r") // a line end may have several
		in := append(append(append(bytes.Clone(a), "\r\n"...), b...), '\n')
		r := bufio.NewReaderSize(bytes.NewReader(in), 16)
		for _, want := range [][]byte{a, b} {
			got, err := readLine(r)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %q, %v, want %q", got, err, want)
			}
		}
	})
}
