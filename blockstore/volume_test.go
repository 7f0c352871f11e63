// SPDX-License-Identifier: Apache-2.0

package blockstore_test

import (
	"errors"
	"math"
	"testing"

	"github.com/hivecloud/hive/blockstore"
)

func TestCheckRange_NothingOverflows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		off, n, size int64
		ok           bool
	}{
		{0, 0, 0, true}, {0, 10, 10, true}, {10, 0, 10, true}, {9, 1, 10, true},
		{0, 11, 10, false}, {10, 1, 10, false}, {11, 0, 10, false}, {-1, 1, 10, false}, {1, -1, 10, false},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64, false}, {1, math.MaxInt64, 10, false},
	} {
		err := blockstore.CheckRange(c.off, c.n, c.size)
		if (err == nil) != c.ok || (err != nil && !errors.Is(err, blockstore.ErrOutOfRange)) {
			t.Errorf("%d bytes at %d of %d: %v", c.n, c.off, c.size, err)
		}
	}
}
