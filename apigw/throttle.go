// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/wire"
)

// Throttle bounds how often an account may call a service on one node. As on AWS, actions that only read and actions
// that change have buckets of their own. Rates are calls per second, bursts are calls.
type Throttle struct {
	ReadRate   float64
	ReadBurst  int
	WriteRate  float64
	WriteBurst int
	Off        bool
}

// DefaultThrottle is several times what AWS allows a new account: the machines are the user's own.
var DefaultThrottle = Throttle{ReadRate: 200, ReadBurst: 500, WriteRate: 100, WriteBurst: 300}

// throttle holds the buckets. Accounts exist before they get one, so their number bounds the map.
type throttle struct {
	limits func() Throttle

	mu      sync.Mutex
	buckets map[bucketKey]*rate.Limiter
}

type bucketKey struct {
	account, service string
	write            bool
}

func newThrottle(limits func() Throttle) *throttle {
	return &throttle{limits: limits, buckets: map[bucketKey]*rate.Limiter{}}
}

// allow takes one call out of the account's bucket; false when it is empty.
func (t *throttle) allow(account, service, action string, now time.Time) bool {
	limits := t.limits()
	if limits.Off {
		return true
	}
	key := bucketKey{account, service, !reads(action)}
	each, burst := rate.Limit(limits.ReadRate), limits.ReadBurst
	if key.write {
		each, burst = rate.Limit(limits.WriteRate), limits.WriteBurst
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buckets[key]
	if b == nil {
		b = rate.NewLimiter(each, burst)
		t.buckets[key] = b
	}
	// Limits may have changed since the bucket was made; what is in it stays, up to the new burst.
	if b.Limit() != each {
		b.SetLimitAt(now, each)
	}
	if b.Burst() != burst {
		b.SetBurstAt(now, burst)
	}
	return b.AllowN(now, 1)
}

// reads reports whether an action only reads, by AWS's naming.
func reads(action string) bool {
	for _, p := range []string{"Describe", "Get", "List", "Search", "Simulate", "Lookup", "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateRandom", "Decode"} {
		if strings.HasPrefix(action, p) {
			return true
		}
	}
	return false
}

// throttled is how a service says that its caller is too fast.
func throttled(codec *wire.Codec) *awserr.Error {
	if codec.Protocol() == wire.EC2Query {
		return awserr.New("RequestLimitExceeded", "Request limit exceeded.")
	}
	return awserr.New("Throttling", "Rate exceeded")
}
