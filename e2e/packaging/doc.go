// SPDX-License-Identifier: Apache-2.0

// Package packaging holds the tests of the Debian package: built by scripts/package.sh, installed into a root of its own,
// used, upgraded, removed and purged; and upgraded and removed under a running agent and its guest. It runs with the
// build tag e2e, as root, where dpkg and a built binary are.
//
// An empty root (deb_test.go) shows what the package itself leaves. A world (world_test.go) is this machine once more,
// below a layer of memory and in namespaces of its own, so that dpkg is the real one, with real dependencies, and the
// maintainer scripts do what they do on a live system. What they ask of systemd is done by testdata/systemctl as the unit
// says, and recorded.
package packaging
