// SPDX-License-Identifier: Apache-2.0

package nbd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// option is one option request of the client.
type option struct {
	number uint32
	data   []byte
}

// handshake negotiates. It returns true when the transmission phase begins, false when the client left or asked for
// what ends the connection.
func (c *conn) handshake() (bool, error) {
	hello := binary.BigEndian.AppendUint64(nil, magicNBD)
	hello = binary.BigEndian.AppendUint64(hello, magicOption)
	hello = binary.BigEndian.AppendUint16(hello, flagFixedNewstyle|flagNoZeroes)
	if _, err := c.nc.Write(hello); err != nil {
		return false, ignoreEOF(err)
	}
	var b [4]byte
	if _, err := io.ReadFull(c.r, b[:]); err != nil {
		return false, ignoreEOF(err)
	}
	flags := binary.BigEndian.Uint32(b[:])
	if flags&flagFixedNewstyle == 0 || flags&^(flagFixedNewstyle|flagNoZeroes) != 0 {
		return false, fmt.Errorf("client flags %#x: only fixed newstyle is spoken", flags)
	}
	c.noZeroes = flags&flagNoZeroes != 0
	for {
		o, err := c.readOption()
		if err != nil {
			return false, ignoreEOF(err)
		}
		if o == nil {
			continue // refused for its size
		}
		more, begin, err := c.answer(o)
		if err != nil || begin || !more {
			return begin, err
		}
	}
}

// ignoreEOF makes a client that hangs up between messages no error: probes do that.
func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readOption reads the next option; nil when it was too long and has been refused.
func (c *conn) readOption() (*option, error) {
	var h [optionHeaderBytes]byte
	if _, err := io.ReadFull(c.r, h[:]); err != nil {
		return nil, err
	}
	if m := binary.BigEndian.Uint64(h[:]); m != magicOption {
		return nil, fmt.Errorf("option magic %#x", m)
	}
	o := &option{number: binary.BigEndian.Uint32(h[8:])}
	n := binary.BigEndian.Uint32(h[12:])
	if n > 64*maxOptionBytes {
		return nil, fmt.Errorf("option %d of %d bytes", o.number, n)
	}
	if n > maxOptionBytes {
		if _, err := c.r.Discard(int(n)); err != nil {
			return nil, err
		}
		if o.number == optExportName {
			return nil, fmt.Errorf("export name of %d bytes", n)
		}
		return nil, c.optReply(o.number, repErrTooBig, []byte("option is too long"))
	}
	o.data = make([]byte, n)
	_, err := io.ReadFull(c.r, o.data)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return o, err
}

func (c *conn) optReply(number, kind uint32, data []byte) error {
	b := make([]byte, 0, 20+len(data))
	b = binary.BigEndian.AppendUint64(b, magicOptReply)
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.BigEndian.AppendUint32(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	_, err := c.nc.Write(append(b, data...))
	return err
}

// answer answers an option. more: read the next one; begin: transmission starts.
func (c *conn) answer(o *option) (more, begin bool, err error) {
	switch o.number {
	case optExportName:
		return false, true, c.exportName(string(o.data))
	case optAbort:
		// The client may be gone already; that is no fault.
		_ = c.optReply(o.number, repAck, nil)
		return false, false, nil
	case optList:
		return true, false, c.list(o)
	case optInfo, optGo:
		known, err := c.info(o)
		return true, known && o.number == optGo, err
	case optStructuredReply:
		if len(o.data) != 0 {
			return true, false, c.optReply(o.number, repErrInvalid, []byte("takes no data"))
		}
		c.structured = true
		return true, false, c.optReply(o.number, repAck, nil)
	case optListMetaContext, optSetMetaContext:
		return true, false, c.metaContext(o)
	}
	return true, false, c.optReply(o.number, repErrUnsup, fmt.Appendf(nil, "option %d is not supported", o.number))
}

// known tells whether a name means the export.
func (c *conn) known(name string) bool { return name == "" || name == c.srv.cfg.Name }

// exportName is the old way to begin: there is no way to say no but to hang up.
func (c *conn) exportName(name string) error {
	if !c.known(name) {
		return fmt.Errorf("unknown export %q", name)
	}
	b := c.exportInfo(nil)
	if !c.noZeroes {
		b = append(b, make([]byte, 124)...)
	}
	_, err := c.nc.Write(b)
	return err
}

// exportInfo appends size and transmission flags.
func (c *conn) exportInfo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(c.srv.cfg.Volume.Size()))
	return binary.BigEndian.AppendUint16(b, c.transmissionFlags())
}

func (c *conn) transmissionFlags() uint16 {
	flags := uint16(txHasFlags | txSendFlush | txSendFUA | txSendTrim | txSendWriteZeroes | txCanMultiConn | txSendCache)
	if c.srv.cfg.ReadOnly {
		flags = txHasFlags | txReadOnly | txSendFlush | txCanMultiConn | txSendCache
	}
	if c.structured {
		flags |= txSendDF
	}
	if flags&txSendWriteZeroes != 0 && c.srv.fastZero != nil && c.srv.fastZero.FastZero(true) {
		flags |= txSendFastZero
	}
	return flags
}

func (c *conn) list(o *option) error {
	if len(o.data) != 0 {
		return c.optReply(o.number, repErrInvalid, []byte("takes no data"))
	}
	name := c.srv.cfg.Name
	entry := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
	if err := c.optReply(o.number, repServer, append(entry, name...)); err != nil {
		return err
	}
	return c.optReply(o.number, repAck, nil)
}

// info answers INFO and GO; known is true when the export exists and the request was well-formed.
func (c *conn) info(o *option) (known bool, err error) {
	d := decoder{rest: o.data}
	name := d.text()
	count := d.uint16()
	var wantName bool
	for range count {
		if d.uint16() == infoName {
			wantName = true
		}
	}
	if !d.ok() {
		return false, c.optReply(o.number, repErrInvalid, []byte("malformed request"))
	}
	if !c.known(name) {
		return false, c.optReply(o.number, repErrUnknown, fmt.Appendf(nil, "unknown export %.100q", name))
	}
	replies := [][]byte{c.exportInfo([]byte{0, infoExport})}
	sizes := []byte{0, infoBlockSize}
	sizes = binary.BigEndian.AppendUint32(sizes, 1)
	sizes = binary.BigEndian.AppendUint32(sizes, preferredBlock)
	sizes = binary.BigEndian.AppendUint32(sizes, MaxRequestBytes)
	replies = append(replies, sizes)
	if wantName {
		replies = append(replies, append([]byte{0, infoName}, c.srv.cfg.Name...))
	}
	for _, r := range replies {
		if err := c.optReply(o.number, repInfo, r); err != nil {
			return false, err
		}
	}
	return true, c.optReply(o.number, repAck, nil)
}

// metaContext answers LIST_META_CONTEXT and SET_META_CONTEXT; base:allocation is the only context.
func (c *conn) metaContext(o *option) error {
	d := decoder{rest: o.data}
	name := d.text()
	var queries []string
	for range d.uint32() {
		if d.short {
			break
		}
		queries = append(queries, d.text())
	}
	setting := o.number == optSetMetaContext
	if setting {
		c.allocation = false // a new selection replaces the old one, also when it is refused
	}
	if !d.ok() || !c.structured {
		return c.optReply(o.number, repErrInvalid, []byte("malformed request, or structured replies were not negotiated"))
	}
	if !c.known(name) {
		return c.optReply(o.number, repErrUnknown, fmt.Appendf(nil, "unknown export %.100q", name))
	}
	match := !setting && len(queries) == 0
	for _, q := range queries {
		match = match || q == metaBaseAllocation || (!setting && q == "base:")
	}
	if match {
		id := uint32(allocationContextID)
		if !setting {
			id = 0 // a listing gives no number
		}
		if err := c.optReply(o.number, repMetaContext, append(binary.BigEndian.AppendUint32(nil, id), metaBaseAllocation...)); err != nil {
			return err
		}
		c.allocation = setting
	}
	return c.optReply(o.number, repAck, nil)
}

// decoder takes option data apart; what is missing makes ok false.
type decoder struct {
	rest  []byte
	short bool
}

func (d *decoder) take(n uint32) []byte {
	if uint64(len(d.rest)) < uint64(n) {
		d.short, d.rest = true, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uint16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) text() string {
	n := d.uint32()
	if n > maxExportNameBytes {
		d.short = true
		return ""
	}
	return string(d.take(n))
}

// ok is true when everything was there and nothing is left.
func (d *decoder) ok() bool { return !d.short && len(d.rest) == 0 }
