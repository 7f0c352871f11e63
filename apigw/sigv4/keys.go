// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"crypto/hmac"
	"sync"
)

// maxKeys bounds the cache: a few hundred bytes each.
const maxKeys = 8192

// Keys caches derived signing keys, which are valid for a day, a region and a service. The zero value is ready; a nil
// *Keys derives every time. It is safe for concurrent use.
type Keys struct {
	mu sync.RWMutex
	m  map[scope]derived
}

type scope struct{ accessKeyID, date, region, service string }

type derived struct {
	secret string // that it was derived from: a key id may get a new secret
	key    []byte
}

// signing returns the key that signs for a scope.
func (k *Keys) signing(accessKeyID, secret, date, region, service string) []byte {
	if k == nil {
		return derive(secret, date, region, service)
	}
	at := scope{accessKeyID, date, region, service}
	k.mu.RLock()
	d, ok := k.m[at]
	k.mu.RUnlock()
	if ok && hmac.Equal([]byte(d.secret), []byte(secret)) {
		return d.key
	}
	d = derived{secret: secret, key: derive(secret, date, region, service)}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m == nil || len(k.m) >= maxKeys {
		// Starting over costs three microseconds per key in use; yesterday's keys leave this way too.
		k.m = make(map[scope]derived)
	}
	k.m[at] = d
	return d.key
}

func derive(secret, date, region, service string) []byte {
	return mac(mac(mac(mac([]byte("AWS4"+secret), date), region), service), terminator)
}
