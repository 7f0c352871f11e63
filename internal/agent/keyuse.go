// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

const (
	// useEvery is how often a node says which keys signed its requests: one entry of the log, and none for an idle node.
	useEvery = time.Minute
	// usesAtOnce bounds an entry; what is above waits for the next one.
	usesAtOnce = 1000
)

// keyUses collects when access keys last signed a request, for GetAccessKeyLastUsed. A use that is not told yet when the
// node dies is forgotten: AWS promises no more than "may take hours".
type keyUses struct {
	region keyUseRegion
	log    hclog.Logger

	mu  sync.Mutex
	new map[string]state.KeyUse // by key
}

// keyUseRegion is the region as the collector needs it.
type keyUseRegion interface {
	Local() *state.View
	Propose(ctx context.Context, c command.Command, into any) error
}

// Record notes the key of an authenticated call. Temporary keys have no row.
func (k *keyUses) Record(e apigw.AuditEvent) {
	if e.Principal.Session != nil || e.Principal.AccessKeyID == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.new == nil {
		k.new = map[string]state.KeyUse{}
	}
	k.new[e.Principal.AccessKeyID] = state.KeyUse{KeyID: e.Principal.AccessKeyID, At: state.At(e.Time.Truncate(time.Minute)), Service: e.Service, Region: e.Region}
}

// run tells the region now and then, until ctx ends.
func (k *keyUses) run(ctx context.Context, node string) error {
	tick := time.NewTicker(useEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			k.tell(ctx, node)
		}
	}
}

// tell proposes what the region does not know yet. Uses are put back when that fails.
func (k *keyUses) tell(ctx context.Context, node string) {
	c := command.ReportKeyUses{NodeID: node, Uses: k.take()}
	v := k.region.Local()
	if region, _ := v.Region(); len(c.Uses) == 0 || region.FormatLevel < command.Since(c) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, useEvery/2)
	defer cancel()
	if err := k.region.Propose(ctx, c, nil); err != nil {
		k.log.Debug("uses of access keys are told later", "error", err)
		k.back(c.Uses)
	}
}

// take removes what is collected, less what the region knows already.
func (k *keyUses) take() []state.KeyUse {
	v := k.region.Local()
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []state.KeyUse
	for id, use := range k.new {
		if len(out) == usesAtOnce {
			break
		}
		delete(k.new, id)
		if old, ok := state.KeyUses.Get(v, state.AnyAccount, id); !ok || old.At < use.At {
			out = append(out, use)
		}
	}
	return out
}

// back puts uses back, unless newer ones came meanwhile.
func (k *keyUses) back(uses []state.KeyUse) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.new == nil {
		k.new = map[string]state.KeyUse{}
	}
	for _, u := range uses {
		if _, newer := k.new[u.KeyID]; !newer {
			k.new[u.KeyID] = u
		}
	}
}

// observers hands every call to the record of calls and to the collector of key uses.
type observers struct {
	audit apigw.Audit
	uses  *keyUses
}

// Record implements apigw.Audit.
func (o observers) Record(ctx context.Context, e apigw.AuditEvent) {
	o.audit.Record(ctx, e)
	if e.Authenticated {
		o.uses.Record(e)
	}
}
