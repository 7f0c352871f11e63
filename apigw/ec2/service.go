// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Region is the door to the region's truth.
type Region interface {
	// View is a linearizable snapshot: it holds everything that was acknowledged before the call.
	View(ctx context.Context) (*state.View, error)
	// Propose puts a command into the region's log, waits until the local state has it, and decodes its value into
	// result (which may be nil). A refusal is a *command.Error; any other error means that the outcome is unknown.
	Propose(ctx context.Context, cmd command.Command, result any) error
}

// Console reads what a guest shows. It reaches the node that runs the guest, whichever node answers the call.
type Console interface {
	// Output is the tail of the guest's serial log and the time of its last change. It is empty, without an error, for a
	// guest that wrote nothing yet and for one whose log the node no longer has.
	Output(ctx context.Context, node, instanceID string) (output []byte, changed time.Time, err error)
	// Screenshot is the guest's screen as PNG; it fails for a guest that does not run.
	Screenshot(ctx context.Context, node, instanceID string) (png []byte, err error)
}

// Config is what a Service needs.
type Config struct {
	Region  Region       // required
	Console Console      // required
	Log     hclog.Logger // nil logs nothing

	// Ratios are the scheduler's, for the capacity that DescribeInstanceTypes shows. Zero means the defaults.
	Ratios instancetypes.Ratios
}

// Service answers the EC2 API. Its exported methods are the actions; it keeps no state of its own, so any number of
// calls may run at once.
type Service struct {
	region  Region
	console Console
	log     hclog.Logger
	ratios  instancetypes.Ratios
}

// New returns the service. It does no I/O.
func New(cfg Config) (*Service, error) {
	if cfg.Region == nil {
		return nil, errors.New("ec2 service: no region")
	}
	if cfg.Console == nil {
		return nil, errors.New("ec2 service: no console")
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	return &Service{region: cfg.Region, console: cfg.Console, log: cfg.Log.Named("ec2"), ratios: cfg.Ratios}, nil
}
