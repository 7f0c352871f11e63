// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"sync"

	"github.com/hivecloud/hive/fsm/state"
)

// viewMemo keeps the one view that decides who the caller is and what the caller may do.
type viewMemo struct {
	mu   sync.Mutex
	view *state.View
}

type viewKey struct{}

// withIdentityView gives a request a place to keep the view of its identity.
func withIdentityView(ctx context.Context) context.Context {
	return context.WithValue(ctx, viewKey{}, &viewMemo{})
}

// IdentityView is a view of the state for questions about the caller: its key, its policies. The first question of a
// request reads, linearizably; the others get the same view. It holds all that was acknowledged before the request
// came, costs one round to the leader instead of one for each question, and key and policies are of one moment.
// Handlers that need what came later (their own commands) read for themselves. Outside of a request it always reads.
func IdentityView(ctx context.Context, read func(context.Context) (*state.View, error)) (*state.View, error) {
	memo, ok := ctx.Value(viewKey{}).(*viewMemo)
	if !ok {
		return read(ctx)
	}
	memo.mu.Lock()
	defer memo.mu.Unlock()
	if memo.view != nil {
		return memo.view, nil
	}
	v, err := read(ctx)
	if err == nil {
		memo.view = v
	}
	return v, err
}
