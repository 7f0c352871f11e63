// SPDX-License-Identifier: Apache-2.0

// Package bundle collects what somebody who helps needs to see: logs, configuration, the results of hive doctor, where
// the log stands, metrics, goroutines and versions, in one tar.gz.
//
// It must hold no secret. Two things see to that: only named sources are collected, none of which should hold one (no
// file of pki/, no key file, no log entry, no snapshot, no guest's disk, seed or serial log), and everything passes a
// [Scrubber] that knows the node's own secrets and the shapes of others. A part that cannot be had is named in errors.txt:
// the bundle is most wanted when things do not work. Start reading at [Write].
package bundle
