// SPDX-License-Identifier: Apache-2.0

// Package netns takes a region of three real nodes apart, each in a network namespace of its own: nodes that are killed,
// stopped or cut off while real guests run on them, a leader that dies under clients of one URL, disks that fill up, and
// the way from the last release to this version under load. It takes root, /dev/net/tun and HIVE_BIN (make test-e2e); the
// tests stand behind the build tag e2e, their long forms (TestSoak...) behind soak.
//
// Start reading at region_test.go (what the tests have in common), then loss_test.go.
package netns
