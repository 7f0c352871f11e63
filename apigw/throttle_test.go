// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"testing"
	"time"
)

// Limits that change take effect in buckets that exist already, and a bucket that was emptied stays empty.
func TestThrottle_FollowsChangedLimits(t *testing.T) {
	t.Parallel()
	limits := Throttle{ReadRate: 1e-9, ReadBurst: 2, WriteRate: 1e-9, WriteBurst: 1}
	b, now := newThrottle(func() Throttle { return limits }), time.Unix(1000, 0)
	took := func(action string, tries int) int {
		n := 0
		for range tries {
			if b.allow("1", "ec2", action, now) {
				n++
			}
		}
		return n
	}
	if reads, writes := took("DescribeVpcs", 9), took("RunInstances", 9); reads != 2 || writes != 1 {
		t.Fatalf("%d reads and %d writes, want 2 and 1", reads, writes)
	}
	limits = Throttle{ReadRate: 5, ReadBurst: 4, WriteRate: 1e-9, WriteBurst: 1}
	if n := took("DescribeVpcs", 9); n != 0 {
		t.Errorf("%d reads right after the change, want 0", n)
	}
	now = now.Add(time.Hour)
	if reads, writes := took("DescribeVpcs", 9), took("RunInstances", 9); reads != 4 || writes != 0 {
		t.Errorf("%d reads and %d writes an hour later, want 4 and 0", reads, writes)
	}
	limits.Off = true
	if n := took("RunInstances", 9); n != 9 {
		t.Errorf("%d writes with the throttle off, want 9", n)
	}
}
