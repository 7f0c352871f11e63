// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

// rows translates the rows of an account, as of one snapshot, into what the API shows of them. Each noun's *_row.go adds
// its method; what the nouns share (tags, zones, group names) comes with the embedded instanceRows.
type rows struct{ instanceRows }

func newRows(v *state.View, account string) rows { return rows{newInstanceRows(v, account)} }

// aliasAmazon is how the API names the account that owns the images everybody sees.
const aliasAmazon = "amazon"

// ownerAlias is "amazon" for the system account and nothing for any other.
func (r rows) ownerAlias(owner string) *string {
	if a, ok := state.Accounts.Get(r.view, state.AnyAccount, owner); ok && a.System {
		return aws.String(aliasAmazon)
	}
	return nil
}

// unmanaged says that no service of AWS manages the resource.
func unmanaged() *types.OperatorResponse { return &types.OperatorResponse{Managed: aws.Bool(false)} }

// positive is a pointer to n, or nil for zero: the type has no such figure.
func positive(n int64) *int32 {
	if n == 0 {
		return nil
	}
	return aws.Int32(int32(n))
}
