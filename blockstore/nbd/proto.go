// SPDX-License-Identifier: Apache-2.0

package nbd

// Numbers of the protocol, under the names proto.md gives them. All integers on the wire are big-endian.
const (
	magicNBD        = 0x4e42444d41474943 // "NBDMAGIC"
	magicOption     = 0x49484156454f5054 // "IHAVEOPT"
	magicOptReply   = 0x0003e889045565a9
	magicRequest    = 0x25609513
	magicSimple     = 0x67446698
	magicStructured = 0x668e33ef
)

// Handshake flags of server and client.
const (
	flagFixedNewstyle = 1 << 0
	flagNoZeroes      = 1 << 1
)

// Options.
const (
	optExportName      = 1
	optAbort           = 2
	optList            = 3
	optInfo            = 6
	optGo              = 7
	optStructuredReply = 8
	optListMetaContext = 9
	optSetMetaContext  = 10
)

// Replies to options.
const (
	repAck         = 1
	repServer      = 2
	repInfo        = 3
	repMetaContext = 4
	repErrUnsup    = 1<<31 | 1
	repErrInvalid  = 1<<31 | 3
	repErrUnknown  = 1<<31 | 6
	repErrTooBig   = 1<<31 | 9
)

// Kinds of information in replies to INFO and GO.
const (
	infoExport    = 0
	infoName      = 1
	infoBlockSize = 3
)

// Transmission flags.
const (
	txHasFlags        = 1 << 0
	txReadOnly        = 1 << 1
	txSendFlush       = 1 << 2
	txSendFUA         = 1 << 3
	txSendTrim        = 1 << 5
	txSendWriteZeroes = 1 << 6
	txSendDF          = 1 << 7
	txCanMultiConn    = 1 << 8
	txSendCache       = 1 << 10
	txSendFastZero    = 1 << 11
)

// Commands.
const (
	cmdRead        = 0
	cmdWrite       = 1
	cmdDisc        = 2
	cmdFlush       = 3
	cmdTrim        = 4
	cmdCache       = 5
	cmdWriteZeroes = 6
	cmdBlockStatus = 7
)

// Flags of commands.
const (
	cmdFlagFUA      = 1 << 0
	cmdFlagNoHole   = 1 << 1
	cmdFlagDF       = 1 << 2
	cmdFlagReqOne   = 1 << 3
	cmdFlagFastZero = 1 << 4
)

// Structured replies: chunk flag, chunk types.
const (
	chunkDone        = 1 << 0
	chunkNone        = 0
	chunkOffsetData  = 1
	chunkBlockStatus = 5
	chunkError       = 1<<15 | 1
)

// States of base:allocation.
const (
	stateHole = 1 << 0
	stateZero = 1 << 1
)

// Errors on the wire.
const (
	nbdEPERM     = 1
	nbdEIO       = 5
	nbdEINVAL    = 22
	nbdENOSPC    = 28
	nbdENOTSUP   = 95
	nbdESHUTDOWN = 108
)

const (
	metaBaseAllocation = "base:allocation"
	// allocationContextID is the number this server gives base:allocation.
	allocationContextID = 1

	// MaxRequestBytes is the largest read or write; it is advertised.
	MaxRequestBytes = 32 << 20
	preferredBlock  = 4096

	requestBytes       = 28
	simpleHeaderBytes  = 16
	chunkHeaderBytes   = 20
	dataChunkBytes     = chunkHeaderBytes + 8 // header and offset
	optionHeaderBytes  = 16
	maxExportNameBytes = 4096
	// maxOptionBytes fits a name of the longest legal length and a page of queries.
	maxOptionBytes = 16 << 10
)
