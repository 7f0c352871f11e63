// SPDX-License-Identifier: Apache-2.0

package admin

import "time"

// Status is what one agent says about itself and its region.
type Status struct {
	Node        string    `json:"node"`
	NodeID      string    `json:"nodeId"`
	ClusterID   string    `json:"clusterId"`
	Region      string    `json:"region"`
	AZ          string    `json:"az"`
	Version     string    `json:"version"`
	StartedAt   time.Time `json:"startedAt"`
	Ready       bool      `json:"ready"`       // caught up with the log and serving
	Problems    []string  `json:"problems"`    // what is not well, one sentence each
	Leader      string    `json:"leader"`      // node id; empty while there is none
	FormatLevel uint64    `json:"formatLevel"` // region format level
	// Nodes is how many nodes are registered, TargetNodes how many the region
	// wants, Tolerates how many it can lose now without losing anything.
	Nodes       int         `json:"nodes"`
	TargetNodes int         `json:"targetNodes"`
	Tolerates   int         `json:"tolerates"`
	Accelerator Accelerator `json:"accelerator"`
	Addresses   Addresses   `json:"addresses"`
	Processes   []Process   `json:"processes"`
}

// Accelerator is how guests of a node run.
type Accelerator struct {
	Name   string `json:"name"`   // kvm, tcg or simulated
	Reason string `json:"reason"` // why not the better one; empty for kvm
}

// Addresses are the addresses an agent really bound.
type Addresses struct {
	API     string `json:"api"`
	Cluster string `json:"cluster"`
	Gossip  string `json:"gossip"`
	Metrics string `json:"metrics,omitempty"`
}

// Process is one process of the node.
type Process struct {
	Kind string `json:"kind"` // agent, blockd or guard
	Name string `json:"name"` // instance id for a guard
	PID  int    `json:"pid"`
}

// Member is one node as gossip, log and lease see it.
type Member struct {
	Node    string    `json:"node"`
	NodeID  string    `json:"nodeId"`
	Address string    `json:"address"` // gossip host:port
	Gossip  string    `json:"gossip"`  // alive, suspect, dead, left
	Raft    string    `json:"raft"`    // leader, voter, learner, none
	Lease   time.Time `json:"lease"`   // end of the node's lease; zero: none
	Version string    `json:"version"`
	Caps    []string  `json:"caps"`
	Self    bool      `json:"self"`
}

// RaftStatus is where the region's log stands on the node that was asked.
type RaftStatus struct {
	State          string    `json:"state"` // leader, follower, candidate
	Term           uint64    `json:"term"`
	Leader         string    `json:"leader"` // node id
	LastLogIndex   uint64    `json:"lastLogIndex"`
	CommitIndex    uint64    `json:"commitIndex"`
	AppliedIndex   uint64    `json:"appliedIndex"`
	SnapshotIndex  uint64    `json:"snapshotIndex"`
	SnapshotTerm   uint64    `json:"snapshotTerm"`
	SnapshotAt     time.Time `json:"snapshotAt"`   // when this node took it or got it from the leader; zero: none yet
	SnapshotSize   int64     `json:"snapshotSize"` // bytes
	LastContact    string    `json:"lastContact"`
	Voters         int       `json:"voters"`
	Tolerates      int       `json:"tolerates"` // voters that may fail
	LogStore       string    `json:"logStore"`  // boltdb or wal
	FormatLevel    uint64    `json:"formatLevel"`
	StateHash      string    `json:"stateHash,omitempty"`
	StateHashIndex uint64    `json:"stateHashIndex,omitempty"`
}

// RaftPeer is one server of the log's configuration.
type RaftPeer struct {
	NodeID   string `json:"nodeId"`
	Node     string `json:"node"`
	Address  string `json:"address"`
	Suffrage string `json:"suffrage"` // voter, learner
	Leader   bool   `json:"leader"`
}

// Node is one registered node with what it sells.
type Node struct {
	Node            string    `json:"node"`
	NodeID          string    `json:"nodeId"`
	AZ              string    `json:"az"`
	FailureDomain   string    `json:"failureDomain"`
	State           string    `json:"state"` // ready, cordoned, draining, lost
	Caps            []string  `json:"caps"`
	Accelerator     string    `json:"accelerator"`
	Version         string    `json:"version"`
	VCPUs           float64   `json:"vcpus"`
	VCPUsAllocated  float64   `json:"vcpusAllocated"`
	Memory          uint64    `json:"memory"` // bytes
	MemoryAllocated uint64    `json:"memoryAllocated"`
	Instances       int       `json:"instances"`
	Lease           time.Time `json:"lease"`
}

// Instance is one instance as an operator sees it.
type Instance struct {
	ID         string    `json:"id"`
	Account    string    `json:"account"`
	Name       string    `json:"name"` // Name tag
	Type       string    `json:"type"`
	State      string    `json:"state"`
	Reason     string    `json:"reason,omitempty"`
	Image      string    `json:"image"`
	Simulated  bool      `json:"simulated,omitempty"` // by a node that only pretends (hive agent --simulate-guests)
	Node       string    `json:"node"`                // empty when not placed
	AZ         string    `json:"az"`
	PrivateIP  string    `json:"privateIp"`
	PublicIP   string    `json:"publicIp"`
	KeyName    string    `json:"keyName"`
	LaunchedAt time.Time `json:"launchedAt"`
	// Ports maps guest TCP ports to the host addresses that serve them, in user
	// mode: "22" -> "127.80.0.4:22".
	Ports    map[string]string `json:"ports,omitempty"`
	GuardPID int               `json:"guardPid,omitempty"`
	QEMUPID  int               `json:"qemuPid,omitempty"`
	Volumes  []InstanceVolume  `json:"volumes,omitempty"`
}

// InstanceVolume is one attached volume.
type InstanceVolume struct {
	ID     string `json:"id"`
	Device string `json:"device"`
	GiB    int    `json:"gib"`
}

// Image is one image.
type Image struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Account      string    `json:"account"`
	State        string    `json:"state"`
	Architecture string    `json:"architecture"`
	BootMode     string    `json:"bootMode"`
	Snapshot     string    `json:"snapshot"`
	GiB          int       `json:"gib"`
	Public       bool      `json:"public"`
	CreatedAt    time.Time `json:"createdAt"`
}

// ImageImportRequest asks the agent to make an image of a raw disk file that
// lies on its own machine. The agent copies it; the file stays the caller's.
type ImageImportRequest struct {
	Path         string `json:"path"` // absolute
	Name         string `json:"name"`
	Description  string `json:"description"`
	Architecture string `json:"architecture"` // x86_64 or arm64
	BootMode     string `json:"bootMode"`     // legacy-bios, uefi or uefi-preferred
	Account      string `json:"account"`      // empty: the first account
	Public       bool   `json:"public"`
	SHA256       string `json:"sha256"` // of the file, hex; empty: not checked
	Size         int64  `json:"size"`   // bytes of the file
}

// ImportEvent is one line of an import's progress. The last line has Image or
// Error set.
type ImportEvent struct {
	Phase string `json:"phase"` // copy, register
	Done  int64  `json:"done"`  // bytes
	Total int64  `json:"total"`
	Image *Image `json:"image,omitempty"`
	Error *Error `json:"error,omitempty"`
}

// Account is one account.
type Account struct {
	ID        string    `json:"id"` // 12 digits
	Name      string    `json:"name"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"createdAt"`
	Instances int       `json:"instances"`
	Status    string    `json:"status"` // ACTIVE, SUSPENDED or PENDING_CLOSURE
}

// AccountCreateRequest asks for a new account.
type AccountCreateRequest struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// NewAccount is a created account with the only sight of its first key's secret.
type NewAccount struct {
	Account     Account     `json:"account"`
	Credentials Credentials `json:"credentials"`
}

// Credentials are an access key with its secret. The secret can be read once.
type Credentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	Account         string `json:"account"`
	User            string `json:"user"` // root, or a user name
}

// AccessKey is one access key without its secret.
type AccessKey struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	User      string    `json:"user"`
	Status    string    `json:"status"` // Active or Inactive
	CreatedAt time.Time `json:"createdAt"`
}

// AccessKeyCreateRequest asks for a key of a user of an account.
type AccessKeyCreateRequest struct {
	Account string `json:"account"`
	User    string `json:"user"` // empty: admin
}

// Environment is what a client needs to use the region.
type Environment struct {
	Endpoint        string `json:"endpoint"` // https://host:port
	CABundle        string `json:"caBundle"` // path of the PEM file on the agent's machine
	Region          string `json:"region"`
	Account         string `json:"account"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// ShutdownRequest asks the agent to end.
type ShutdownRequest struct {
	// Drain stops this node's guests by ACPI first, with escalation, flushes
	// their volumes and ends blockd and the guards. Without it guests stay up
	// and the next agent adopts them.
	Drain bool `json:"drain"`
	// Timeout in seconds after which a guest that ignores ACPI is ended; 0 means 60.
	Timeout int `json:"timeout"`
}

// ShutdownEvent is one line of the progress of a shutdown.
type ShutdownEvent struct {
	Step  string `json:"step"` // one sentence
	Error *Error `json:"error,omitempty"`
}
