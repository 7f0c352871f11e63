// SPDX-License-Identifier: Apache-2.0

package executor

import (
	"context"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Region is the truth as this package needs it (raftnode/region.Region is one).
type Region interface {
	// View is a linearizable snapshot.
	View(ctx context.Context) (*state.View, error)
	// Local is this node's replica as it is.
	Local() *state.View
	// Changed is closed when the local replica changes after the call.
	Changed() <-chan struct{}
	// Propose carries a command out.
	Propose(ctx context.Context, c command.Command, into any) error
}

// Blocks is the node's block daemon. All calls are idempotent.
type Blocks interface {
	// Create makes a volume of size bytes, empty or from a snapshot. ErrNoSpace tells of a full disk,
	// ErrNoSnapshot of a snapshot whose bytes are not on this node.
	Create(ctx context.Context, volume string, size int64, snapshot string) error
	// Has returns nil when the volume's bytes are here, ErrNoVolume when they are not.
	Has(ctx context.Context, volume string) error
	// Delete removes a volume's bytes; one that does not exist is no error.
	Delete(ctx context.Context, volume string) error
	// Release flushes a volume and stops serving it in the epoch.
	Release(ctx context.Context, volume string, epoch uint64) error
	// DeleteSnapshot removes a snapshot's bytes; one that does not exist is no error.
	DeleteSnapshot(ctx context.Context, snapshot string) error
	// Free is the number of bytes that new volumes may still take.
	Free(ctx context.Context) (int64, error)
}

// Phase is what a guest's guard says of it.
type Phase string

// The phases of a guest.
const (
	Starting Phase = "starting" // the hypervisor is not there yet
	Up       Phase = "up"       // the guest runs
	Off      Phase = "off"      // the guest powered itself off; the hypervisor still holds it
	Panicked Phase = "panicked" // the guest's kernel panicked; the hypervisor holds it
	Held     Phase = "held"     // paused by an I/O error; resumes by itself when the cause is gone
	Fenced   Phase = "fenced"   // paused because the agent did not renew the fence deadline
	Died     Phase = "died"     // the hypervisor ended without being asked
	Failed   Phase = "failed"   // the hypervisor never came up
	Gone     Phase = "gone"     // the hypervisor ended because it was asked
)

// Status is what a guard knows of its guest.
type Status struct {
	Version uint64 // grows with each change
	Epoch   uint64
	Phase   Phase
	Reason  string // for Died, Failed, Held and Panicked: what happened
	Ports   []state.Port
}

// Usage is what a guest has used since its hypervisor started.
type Usage struct {
	CPU                   time.Duration
	ReadOps, WriteOps     uint64
	ReadBytes, WriteBytes uint64
	NetIn, NetOut         uint64 // bytes
	Volumes               map[string]VolumeUsage
}

// VolumeUsage is what a guest has asked of one of its volumes.
type VolumeUsage struct {
	ReadOps, WriteOps     uint64
	ReadBytes, WriteBytes uint64
	ReadTime, WriteTime   time.Duration // of all operations, summed
}

// Guest is one guest's guard process.
type Guest interface {
	// Status waits until the status differs from the version known, or the context ends. Version 0 answers at once.
	Status(ctx context.Context, known uint64) (Status, error)
	// Renew moves the fence deadline to a moment of Config.Clock, never back; zero takes the fence away. It does not let
	// a fenced guest run again.
	Renew(ctx context.Context, until time.Duration) error
	// Powerdown presses the ACPI power button.
	Powerdown(ctx context.Context) error
	// Reset resets the machine and lets it run.
	Reset(ctx context.Context) error
	// Resume lets a fenced guest run again whose deadline was renewed; the epoch must be the guest's.
	Resume(ctx context.Context, epoch uint64) error
	// Quit ends the hypervisor without asking the guest.
	Quit(ctx context.Context) error
	// Close ends the guard of a guest that is down and frees its sockets.
	Close(ctx context.Context) error
	// Screen is a PNG picture of the guest's display.
	Screen(ctx context.Context) ([]byte, error)
	// Usage is what the guest has used.
	Usage(ctx context.Context) (Usage, error)
}

// Disk is a volume of a launch.
type Disk struct {
	VolumeID  string
	Epoch     uint64
	IOPS      int64 // 0: unlimited
	BytesPerS int64 // 0: unlimited
	Boot      bool
}

// Launch is everything that a guest's guard needs to start it.
type Launch struct {
	InstanceID  string
	Epoch       uint64
	Type        string
	Shape       state.Shape
	UEFI        bool
	TPM         bool
	InterfaceID string
	MAC         string
	PrivateIP   string
	SubnetCIDR  string
	PublicIP    string
	Hostname    string
	MTU         int
	Seed        []byte        // NoCloud seed image
	Fence       time.Duration // the fence deadline under which it begins; 0 is none
	Disks       []Disk        // in the order of the guest's slots
}

// Remains is what is here of an instance.
type Remains struct {
	InstanceID string
	Guard      bool // a guard, or what one that died left; otherwise only a serial log
}

// Guests is where this node's guards are.
type Guests interface {
	// Launch starts a guard and its guest. It returns once the guard answers; the guest may still be starting.
	Launch(ctx context.Context, l Launch) (Guest, error)
	// Adopt finds the guest of an instance that an earlier agent started; a guard that died is started again. ok is
	// false when there is none.
	Adopt(ctx context.Context, instance string) (guest Guest, ok bool, err error)
	// List names the instances of which something is here.
	List() ([]Remains, error)
	// Console is the end of the serial log, and when it was last written. No log yet is no error.
	Console(instance string, limit int) ([]byte, time.Time, error)
	// Remove removes what is left of an instance; keepConsole leaves the serial log.
	Remove(instance string, keepConsole bool) error
}
