// SPDX-License-Identifier: Apache-2.0

// Package snapshot is the file format of the region's whole state. All numbers are big-endian:
//
//	header:  "HIVESNAP" | version u16 | header length u32 | header (msgpack) | CRC-32C u32 of everything before
//	section: table id u16 | row count u64 | rows: (length u32 | row)* | CRC-32C u32 of the section
//	...      one section a table of the region's format level, in id order
//	trailer: 0xFFFF u16 | total rows u64 | SHA-256 of everything before (32 bytes)
//
// Reading is strict: an unknown table, an unknown field, a wrong count or checksum, or bytes after the trailer is
// ErrCorrupt or ErrVersion, and nothing is returned. Snapshots are written from an immutable view while Apply goes on.
package snapshot
