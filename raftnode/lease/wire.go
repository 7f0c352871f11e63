// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"time"

	"github.com/hivecloud/hive/internal/rpc"
)

// The methods that nodes call at the leader. The structs are wire format: fields are only ever added, with the region's
// format level.
const (
	methodRenew = "lease.Renew"
	methodTable = "lease.Table"
)

// Codes of refusals.
const (
	// codeNotLeader: ask another node.
	codeNotLeader rpc.Code = "lease.not_leader"
	// codeEnded: the node is not registered in that epoch, or was declared lost; it has to register again.
	codeEnded rpc.Code = "lease.ended"
	// codeEnding: the leader is about to declare the node lost; ask again to learn how it went.
	codeEnding rpc.Code = "lease.ending"
)

type renewRequest struct {
	Epoch uint64 `codec:"epoch"` // in which the node registered
}

type renewResponse struct{}

type tableRequest struct{}

type tableResponse struct {
	// LeftMillis is what is left of each node's lease, by node id.
	LeftMillis map[string]int64 `codec:"left_ms"`
}

// Table asks the leader how long each node's lease still lasts.
func Table(ctx context.Context, c *rpc.Client, leader string) (map[string]time.Duration, error) {
	r, err := rpc.Call[tableRequest, tableResponse](ctx, c, leader, methodTable, tableRequest{})
	if err != nil {
		return nil, err
	}
	out := map[string]time.Duration{}
	for node, ms := range r.LeftMillis {
		out[node] = time.Duration(ms) * time.Millisecond
	}
	return out, nil
}
