// SPDX-License-Identifier: Apache-2.0

//go:build !bench

package raftnode_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Benchmarks run beside the bare library, which leaves goroutines behind; we must not.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
