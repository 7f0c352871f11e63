// SPDX-License-Identifier: Apache-2.0

package nbd_test

import (
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/hivecloud/hive/blockstore/memvol"
	"github.com/hivecloud/hive/blockstore/nbd"
)

// talk sends input to a fresh server, as a client that never listens to what it is told, and waits for the server to be done with it.
func talk(t *testing.T, input []byte) {
	t.Helper()
	s, err := nbd.New(nbd.Config{Name: "vol-1", Volume: memvol.New(1 << 20)})
	must(t, err)
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		io.Copy(io.Discard, client)
		close(done)
	}()
	go func() {
		client.Write(input)
		client.Close()
	}()
	_ = s.ServeConn(server) // any error is right, a panic or a hang is not
	<-done
	s.Close()
}

func optionBytes(number uint32, data string) []byte {
	b := append([]byte("IHAVEOPT"), 0, 0, 0, byte(number))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

func requestHeader(flags, typ uint16, off uint64, n uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0x25609513)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint64(b, 7)
	b = binary.BigEndian.AppendUint64(b, off)
	return binary.BigEndian.AppendUint32(b, n)
}

// FuzzNegotiation starts with the client's flags.
func FuzzNegotiation(f *testing.F) {
	flags := []byte{0, 0, 0, 3}
	name := "\x00\x00\x00\x05vol-1"
	meta := name + "\x00\x00\x00\x01\x00\x00\x00\x0fbase:allocation"
	for _, o := range [][]byte{
		optionBytes(1, "vol-1"), optionBytes(2, ""), optionBytes(3, ""), optionBytes(6, name+"\x00\x01\x00\x01"), optionBytes(7, name+"\x00\x00"),
		optionBytes(8, ""), optionBytes(9, name+"\x00\x00\x00\x00"), optionBytes(10, meta), optionBytes(5, ""),
	} {
		f.Add(append(append([]byte{}, flags...), o...))
		f.Add(append(append(append([]byte{}, flags...), optionBytes(8, "")...), o...))
	}
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, input []byte) { talk(t, input) })
}

// FuzzRequests starts behind a negotiation that succeeded.
func FuzzRequests(f *testing.F) {
	for typ := range uint16(9) {
		f.Add(append(requestHeader(0, typ, 4096, 8), "12345678"...), typ%2 == 0)
		f.Add(requestHeader(0xffff, typ, 1<<63, 1<<31), true)
	}
	f.Add(append(requestHeader(0, 0, 0, 1<<20), requestHeader(4, 0, 0, 1<<20)...), true)
	f.Fuzz(func(t *testing.T, input []byte, structured bool) {
		prefix := []byte{0, 0, 0, 3}
		if structured {
			prefix = append(prefix, optionBytes(8, "")...)
			prefix = append(prefix, optionBytes(10, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0fbase:allocation")...)
		}
		prefix = append(prefix, optionBytes(7, "\x00\x00\x00\x00\x00\x00")...)
		talk(t, append(prefix, input...))
	})
}
