// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"errors"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

// Region is the door to the region's truth.
type Region interface {
	// View is a linearizable snapshot: it holds everything that was acknowledged before the call.
	View(ctx context.Context) (*state.View, error)
	// Propose puts a command into the region's log and waits until the local state has it. A refusal is a
	// *command.Error; any other error means that the outcome is unknown.
	Propose(ctx context.Context, cmd command.Command, result any) error
}

// Sealer encrypts the secret of an access key; *seal.Ring is one.
type Sealer interface {
	Seal(account, keyID string, secret seal.Secret) (box []byte, version int, err error)
}

// Config is what a Service needs.
type Config struct {
	Region Region // required
	Sealer Sealer // required
}

// Service answers the IAM API. Its exported methods are the actions; any number of calls may run at once.
type Service struct {
	region   Region
	sealer   Sealer
	policies *authz.StatePolicies
}

// New returns the service. It does no I/O.
func New(cfg Config) (*Service, error) {
	if cfg.Region == nil || cfg.Sealer == nil {
		return nil, errors.New("iam service: a region and a sealer are required")
	}
	policies, err := authz.NewStatePolicies(cfg.Region)
	if err != nil {
		return nil, err
	}
	return &Service{region: cfg.Region, sealer: cfg.Sealer, policies: policies}, nil
}

// findUser is the user of the caller's account that a request is about: the named one, or the caller.
func findUser(v *state.View, call *apigw.Call, name *string) (*state.User, error) {
	wanted := call.Principal.UserName
	switch {
	case name != nil:
		var err error
		if wanted, err = checkName("userName", name, 128); err != nil {
			return nil, err
		}
	case call.Principal.Root:
		wanted = rootUser
	}
	u, ok := state.Users.Get(v, call.Account, state.UserKey(call.Account, wanted))
	if !ok || u.Root && name != nil {
		return nil, awserr.NoSuchEntity("The user with name %s cannot be found.", wanted)
	}
	return u, nil
}

// userResource names a user for Authorize.
func userResource(u *state.User) apigw.Resource {
	return bounded(apigw.Resource{ARN: u.ARN(), Account: u.AccountID, Type: "user", Tags: tagged(u.Tags)}, u.Boundary)
}

// shownName is the name in answers; the root user has none.
func shownName(u *state.User) *string {
	if u.Root {
		return nil
	}
	return &u.Name
}
