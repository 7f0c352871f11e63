// SPDX-License-Identifier: Apache-2.0

package state

// InstanceState is EC2's state code (low byte), see
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
type InstanceState int

// The instance states.
const (
	Pending      InstanceState = 0
	Running      InstanceState = 16
	ShuttingDown InstanceState = 32
	Terminated   InstanceState = 48
	Stopping     InstanceState = 64
	Stopped      InstanceState = 80
)

// String is EC2's name of the state.
func (s InstanceState) String() string {
	switch s {
	case Pending:
		return "pending"
	case Running:
		return "running"
	case ShuttingDown:
		return "shutting-down"
	case Terminated:
		return "terminated"
	case Stopping:
		return "stopping"
	case Stopped:
		return "stopped"
	}
	return "unknown"
}

// Shape is what an instance type gives a guest, resolved by the proposer so that Apply needs no catalog.
type Shape struct {
	VCPUs          int
	Cores          int
	ThreadsPerCore int
	MemoryMiB      int64
}

// Reason is a code and a message, as in StateReason.
type Reason struct{ Code, Message string }

// Device is an entry of an instance's block device mapping.
type Device struct {
	Name                string // /dev/sda1, /dev/xvda, ...
	VolumeID            string
	DeleteOnTermination bool
	Attached            Time
}

// MetadataOptions are the instance's IMDS settings.
type MetadataOptions struct {
	HTTPTokens              string // optional | required
	HTTPEndpoint            string // enabled | disabled
	HTTPPutResponseHopLimit int
	HTTPProtocolIPv6        string // enabled | disabled
	InstanceMetadataTags    string // enabled | disabled
}

// Port is a public port of the user-mode network as the guard really bound it.
type Port struct {
	Guest  int
	Public int // differs from Guest when the agent may not bind a low port
}

// Instance is a virtual machine: what its owner wants, where it is, and what was last observed.
type Instance struct {
	// Identity; written once by RunInstances.
	ID            string
	AccountID     string
	ReservationID string
	RequesterARN  string
	ClientToken   string
	LaunchIndex   int
	ImageID       string
	Arch          string // x86_64
	Zone          string
	KeyName       string
	PublicKey     string // the key's OpenSSH line at launch: the pair may be deleted later
	RootDevice    string
	BootMode      string // legacy-bios | uefi, as booted
	ImageBootMode string // as the image says: legacy-bios | uefi | uefi-preferred, or ""
	TPM           string // v2.0 or ""
	LaunchTime    Time   // the newest start
	Created       Time

	// What the owner may change.
	Type                  string
	Shape                 Shape
	UserDataHash          string
	DisableAPITermination bool
	DisableAPIStop        bool
	EBSOptimized          bool
	ENASupport            bool
	SriovNetSupport       string
	Monitoring            bool
	SourceDestCheck       bool
	ShutdownBehavior      string // stop | terminate
	CPUCredits            string // standard | unlimited, burstable types only
	Metadata              MetadataOptions
	AutoRecovery          string // default | disabled
	RebootMigration       string // default | disabled
	PrivateDNSHostname    string // ip-name | resource-name
	Tenancy               string

	// Network and disks.
	VPCID              string
	SubnetID           string
	NetworkInterfaceID string
	PrivateIP          string
	PublicIP           string
	SecurityGroups     []string
	Devices            []Device

	// PlacementGroupID and Partition are what the owner asked for; Partition is 0 until the plan chooses one.
	PlacementGroupID string
	Partition        int

	// Where it is; written by Apply from a plan.
	NodeID string
	Epoch  uint64 // grows with each assignment; whoever stores bytes refuses older ones
	Charge Resources
	// Guestless is set when a stopped instance is terminated: on its way through shutting-down it has no guest.
	Guestless bool

	// Desire; grows Generation with each change that the executor must act on.
	Desired    InstanceState // Running, Stopped or Terminated
	Generation uint64
	Force      bool   // stop without asking the guest
	RebootSeq  uint64 // number of reboots asked for

	// What is observed; written by Apply from reports of the assigned node.
	State            InstanceState
	Reason           Reason
	TransitionReason string
	StateSince       Time
	TerminatedAt     Time
	Ports            []Port
	Impaired         string // why the instance's reachability is impaired, or ""
	ObservedReboot   uint64
}

// Holds tells whether the instance takes capacity on its node, and a place in its group. A stopped instance does not, and
// it does not get its place back by being terminated.
func (i *Instance) Holds() bool {
	return i.NodeID != "" && i.State != Stopped && i.State != Terminated && !i.Guestless
}

// Live tells whether the instance is not terminated and not on its way there.
func (i *Instance) Live() bool { return i.State != Terminated && i.State != ShuttingDown }

// Instances by id, account, node and placement group.
var Instances = &Table[Instance]{name: "instances", id: 6, key: func(i *Instance) string { return i.ID },
	account: func(i *Instance) string { return i.AccountID },
	indexes: map[Index]func(*Instance) []string{
		ByAccount: func(i *Instance) []string { return one(i.AccountID) },
		ByNode:    func(i *Instance) []string { return one(i.NodeID) },
		ByGroup:   func(i *Instance) []string { return one(i.PlacementGroupID) },
	}}
