// SPDX-License-Identifier: Apache-2.0

//go:build race

package raftnode_test

// underRace tells that the race detector is on, which makes virtual time five times as dear.
const underRace = true
