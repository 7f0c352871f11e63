// SPDX-License-Identifier: Apache-2.0

// Package e2e runs a region of three real nodes on loopback and takes it apart: joins, spread, the death of a leader
// under writes, the loss of the quorum, a fourth node. It needs HIVE_BIN (make test-e2e) and no guest image: its guests
// are real QEMUs that find nothing to boot. The tests stand behind the build tag e2e; their
// nodes are those of internal/e2e/lab.
package e2e
