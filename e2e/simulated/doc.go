// SPDX-License-Identifier: Apache-2.0

// Package e2e runs a region of three real agents that simulate their guests (hive agent --simulate-guests): API, log,
// lease, scheduler, recovery and drain are what they are anywhere, and no QEMU is needed. It needs HIVE_BIN (make
// test-e2e). The tests stand behind the build tag e2e; their nodes are those of internal/e2e/lab.
package e2e
