// SPDX-License-Identifier: Apache-2.0

// Package packaging holds the test of the Debian package: built by scripts/package.sh, installed into a root of its own,
// used, upgraded, removed and purged. It runs with the build tag e2e, as root, where dpkg and a built binary are.
package packaging
