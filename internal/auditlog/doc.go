// SPDX-License-Identifier: Apache-2.0

// Package auditlog keeps records, one JSON object a line, in files of a directory: a bounded number of bytes, for a
// bounded time. It knows nothing of what is in a record.
//
// A file takes records until it is full or a day old; its name is the moment of its first record and a number, so that
// names sort by time. Old files are deleted whole. What Append returned nil for survives the death of the process at
// any moment; what Sync returned nil for survives a power cut. A torn last line is cut off when the log is opened.
//
// A Log has no goroutines; its methods may be called from many. Start reading at [Log], then read.go.
package auditlog
