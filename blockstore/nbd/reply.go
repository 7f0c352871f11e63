// SPDX-License-Identifier: Apache-2.0

package nbd

import (
	"encoding/binary"
	"net"
)

// maxErrorText bounds the words in an error chunk.
const maxErrorText = 512

// appendSimple appends a simple reply.
func appendSimple(b []byte, cookie uint64, code uint32) []byte {
	b = binary.BigEndian.AppendUint32(b, magicSimple)
	b = binary.BigEndian.AppendUint32(b, code)
	return binary.BigEndian.AppendUint64(b, cookie)
}

// appendChunk appends the header of a structured reply chunk whose payload has n bytes.
func appendChunk(b []byte, cookie uint64, flags, kind uint16, n uint32) []byte {
	b = binary.BigEndian.AppendUint32(b, magicStructured)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint64(b, cookie)
	return binary.BigEndian.AppendUint32(b, n)
}

// appendResult appends the reply of a command without payload. Success is a simple reply also when structured
// replies were negotiated: it is shorter, and the protocol demands structure only of payloads.
func (c *conn) appendResult(b []byte, q *request, err error) []byte {
	if err == nil {
		return appendSimple(b, q.cookie, 0)
	}
	if !c.structured {
		return appendSimple(b, q.cookie, errno(err))
	}
	text := err.Error()
	text = text[:min(len(text), maxErrorText)]
	b = appendChunk(b, q.cookie, chunkDone, chunkError, uint32(6+len(text)))
	b = binary.BigEndian.AppendUint32(b, errno(err))
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

// readHeaderBytes is the length of what stands before the data of a read.
func (c *conn) readHeaderBytes() int {
	if c.structured {
		return dataChunkBytes
	}
	return simpleHeaderBytes
}

// appendReadHeader appends what stands before n bytes read at off; last marks the end of the reply.
func (c *conn) appendReadHeader(b []byte, cookie uint64, off uint64, n int, last bool) []byte {
	if !c.structured {
		return appendSimple(b, cookie, 0)
	}
	var flags uint16
	if last {
		flags = chunkDone
	}
	b = appendChunk(b, cookie, flags, chunkOffsetData, uint32(8+n))
	return binary.BigEndian.AppendUint64(b, off)
}

// write sends b whole; after an error the connection is dead.
func (c *conn) write(b []byte) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	_, err := c.nc.Write(b)
	return err
}

// flushReplies sends the replies that piled up.
func (c *conn) flushReplies() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.write(c.out)
	c.out = c.out[:0]
	return err
}

// slowReply is an answer of a slow goroutine on its way out.
type slowReply struct {
	data []byte
	sent func() // gives back what the answer held; called once, also when it could not be sent
}

// send queues an answer. One of the senders at a time is the writer and takes everything that has come meanwhile, so
// that many answers cost one system call and nobody waits for the socket but the writer.
func (c *conn) send(r slowReply) {
	c.queueMu.Lock()
	c.queue = append(c.queue, r)
	if c.writing {
		c.queueMu.Unlock()
		return
	}
	c.writing = true
	for len(c.queue) > 0 {
		batch := c.queue
		c.queue = nil
		c.queueMu.Unlock()
		c.sendBatch(batch)
		c.queueMu.Lock()
	}
	c.writing = false
	c.queueMu.Unlock()
}

func (c *conn) sendBatch(batch []slowReply) {
	buffers := make(net.Buffers, len(batch))
	for i, r := range batch {
		buffers[i] = r.data
	}
	c.writeMu.Lock()
	_, err := buffers.WriteTo(c.nc)
	c.writeMu.Unlock()
	if err != nil {
		c.nc.Close() // the reader ends with it
	}
	for _, r := range batch {
		r.sent()
	}
}
