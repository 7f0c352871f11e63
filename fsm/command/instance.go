// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// Launch is one instance to make: its rows with ids chosen by the proposer. Private and public address, device
// placement and node are filled in by Apply or by the plan.
type Launch struct {
	Instance  state.Instance
	Interface state.NetworkInterface
	Volumes   []state.Volume // in the order of Instance.Devices
	Tags      []LaunchTags
	// Profile is the instance's profile; its instance is the launch's. From format level 2 on.
	Profile *state.ProfileAssociation `codec:",omitempty"`
}

// LaunchTags are the tags of one resource that a launch makes.
type LaunchTags struct {
	ResourceID   string
	ResourceType string
	Tags         []state.Tag
}

// Assignment is the plan for one instance: where it runs.
type Assignment struct {
	NodeID    string
	Charge    state.Resources
	BootMode  string // how that node boots it
	Partition int    // of its partition placement group; 0 in every other
}

// PlanConflict is the code of a refusal that says: the state has moved since the plan was made, plan again. It never
// reaches a user.
const PlanConflict = "PlanConflict"

// RunInstances launches between MinCount and len(Launches) instances in one reservation. The handler prepares it
// without Plan; the leader's scheduler fills Plan or Refusal in before it enters the log, and Apply checks the plan
// against the state again.
type RunInstances struct {
	AccountID  string
	MinCount   int
	Launches   []Launch
	UserData   []byte // raw
	Token      string
	ParamsHash string

	Planned bool         // the leader has planned
	Plan    []Assignment // for the first len(Plan) launches
	Refusal *Error       // why the leader could not plan MinCount
}

// Type is the command's number.
func (RunInstances) Type() Type { return 30 }

// Launched is RunInstances' value.
type Launched struct {
	ReservationID string
	InstanceIDs   []string
}

// StartInstances starts stopped instances, planned as RunInstances is. All or none.
type StartInstances struct {
	AccountID   string
	InstanceIDs []string

	Planned bool
	Plan    map[string]Assignment // by instance id, only for those that need a place
	Refusal *Error
}

// Type is the command's number.
func (StartInstances) Type() Type { return 31 }

// StateChange is what StartInstances, StopInstances and TerminateInstances answer for each instance.
type StateChange struct {
	InstanceID        string
	Previous, Current state.InstanceState
}

// StateChanges is the value of the three commands, in the order asked.
type StateChanges struct{ Changes []StateChange }

// StopInstances stops instances. All or none.
type StopInstances struct {
	AccountID   string
	InstanceIDs []string
	Force       bool
	// Reason and Transition override the user's reason: a host that shuts down, for instance.
	Reason     state.Reason
	Transition string
}

// Type is the command's number.
func (StopInstances) Type() Type { return 32 }

// RebootInstances reboots running instances. All or none.
type RebootInstances struct {
	AccountID   string
	InstanceIDs []string
}

// Type is the command's number.
func (RebootInstances) Type() Type { return 33 }

// TerminateInstances ends instances for good. All or none.
type TerminateInstances struct {
	AccountID   string
	InstanceIDs []string
}

// Type is the command's number.
func (TerminateInstances) Type() Type { return 34 }

// DeviceChange changes a mapping's DeleteOnTermination.
type DeviceChange struct {
	Name                string
	DeleteOnTermination bool
}

// ModifyInstance changes attributes of an instance; a nil field leaves the attribute as it is.
type ModifyInstance struct {
	AccountID             string
	InstanceID            string
	InstanceType          *string
	Shape                 *state.Shape // with InstanceType, or alone for CPU options
	UserData              *[]byte
	DisableAPITermination *bool
	DisableAPIStop        *bool
	EBSOptimized          *bool
	ENASupport            *bool
	SriovNetSupport       *string
	SourceDestCheck       *bool
	ShutdownBehavior      *string
	CPUCredits            *string
	Metadata              *state.MetadataOptions
	AutoRecovery          *string
	RebootMigration       *string
	Devices               []DeviceChange
	Groups                []string
}

// Type is the command's number.
func (ModifyInstance) Type() Type { return 35 }

// MonitorInstances switches detailed monitoring. All or none.
type MonitorInstances struct {
	AccountID   string
	InstanceIDs []string
	Enabled     bool
}

// Type is the command's number.
func (MonitorInstances) Type() Type { return 36 }

// Observation kinds: what a node saw of an instance that is assigned to it.
const (
	SawRunning       = "running"        // the guest runs
	SawStopped       = "stopped"        // the guest is down and its volumes are released
	SawTerminated    = "terminated"     // and its volumes that go with it are gone
	SawGuestShutdown = "guest-shutdown" // the guest powered itself off; the hypervisor still holds it
	SawCrashed       = "crashed"        // the hypervisor died
	SawFailed        = "failed"         // it could not be started
	SawImpaired      = "impaired"       // Reason says why; empty Reason.Code clears it
	SawRebooted      = "rebooted"       // RebootSeq was carried out
)

// InstanceReport is one observation. Apply ignores it unless node and epoch are the assigned ones.
type InstanceReport struct {
	InstanceID string
	Epoch      uint64
	Generation uint64 // the generation that the executor acted on
	Saw        string
	Reason     state.Reason
	Ports      []state.Port
	RebootSeq  uint64
	HostDown   bool // stopped because the host shuts down: the desire stays, the instance starts again with the host
}

// ReportInstances carries a node's observations.
type ReportInstances struct {
	NodeID    string
	NodeEpoch uint64 // in which the node registered; 0 is not checked
	Reports   []InstanceReport
}

// Type is the command's number.
func (ReportInstances) Type() Type { return 37 }

// VolumeReport is one observation of a volume.
type VolumeReport struct {
	VolumeID string
	State    string // state.VolumeAvailable: made; state.VolumeError; "deleted": its bytes are gone
}

// VolumeDeleted is the VolumeReport state of a volume whose bytes are gone.
const VolumeDeleted = "deleted"

// ReportVolumes carries a node's observations of volumes.
type ReportVolumes struct {
	NodeID    string
	NodeEpoch uint64 // in which the node registered; 0 is not checked
	Reports   []VolumeReport
}

// Type is the command's number.
func (ReportVolumes) Type() Type { return 38 }
