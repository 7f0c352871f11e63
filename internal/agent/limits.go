// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"sync"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/config"
)

// limits returns what the gateway asks at every call: the limits of the node's configuration with the region's settings
// over them. They are read again only after the region changed: an idle region costs a call nothing.
func (a *Agent) limits() func() apigw.Throttle {
	var mu sync.Mutex
	var now apigw.Throttle
	var changed <-chan struct{}
	return func() apigw.Throttle {
		mu.Lock()
		defer mu.Unlock()
		select {
		case <-changed: // a nil channel is never ready: the first call reads below
		default:
			if changed != nil {
				return now
			}
		}
		changed = a.region.Changed() // before the view: a change in between is seen next time
		now = throttleOf(a.config.Limits, a.region.Local())
		return now
	}
}

// throttleOf is a node's throttle. Calls that change things get half the rate of those that read.
func throttleOf(l config.Limits, v *state.View) apigw.Throttle {
	burst := l.APIBurst
	if burst == 0 {
		burst = 2 * l.APIRPS
	}
	t := apigw.Throttle{ReadRate: float64(l.APIRPS), ReadBurst: burst, WriteRate: float64(l.APIRPS) / 2, WriteBurst: burst}
	for key, into := range map[string]*float64{state.SettingReadRate: &t.ReadRate, state.SettingWriteRate: &t.WriteRate} {
		if n := v.SettingInt(key); n > 0 {
			*into = float64(n)
		}
	}
	for key, into := range map[string]*int{state.SettingReadBurst: &t.ReadBurst, state.SettingWriteBurst: &t.WriteBurst} {
		if n := v.SettingInt(key); n > 0 {
			*into = n
		}
	}
	return t
}
