// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"path/filepath"
	"time"
)

// Config is one node's configuration. The tags are the schema:
//
//	hcl      block or argument name
//	default  value in the syntax of the environment (lists are comma-separated)
//	derive   says in words where the default comes from when it depends on others
//	env      a second, short environment variable beside HIVE_<BLOCK>_<KEY>
//	alias    a second accepted argument name
//	flag     the command-line flag that sets the value
//	oneof    the accepted words
//	min, max bounds, inclusive, in the value's own syntax
//	reload   "true" when SIGHUP applies a change without a restart
//	doc      the reference sentence
type Config struct {
	Cluster   Cluster   `hcl:"cluster" doc:"The region this node belongs to. Every node of a region has the same values here."`
	Node      Node      `hcl:"node" doc:"Who this node is."`
	Listen    Listen    `hcl:"listen" doc:"The addresses the agent binds. Every address is host:port; an empty host means every address of the machine."`
	TLS       TLS       `hcl:"tls" doc:"The certificate of the public API edge. Mutual TLS between nodes is automatic and has no configuration."`
	Compute   Compute   `hcl:"compute" doc:"Guests: which accelerator runs them and what is kept back for the host."`
	Network   Network   `hcl:"network" doc:"How guests reach the network."`
	Block     Block     `hcl:"block" doc:"Where volumes live."`
	Raft      Raft      `hcl:"raft" doc:"The replicated log."`
	Limits    Limits    `hcl:"limits" doc:"What one client may ask for."`
	Audit     Audit     `hcl:"audit" doc:"The record of every API call that this node answers, as JSON lines in CloudTrail's form."`
	Log       Log       `hcl:"log" doc:"What the processes of this node write to standard error."`
	Telemetry Telemetry `hcl:"telemetry" doc:"Metrics."`

	origins map[string]Origin
	used    []string
}

// Cluster names the region.
type Cluster struct {
	Region    string `hcl:"region" default:"us-east-1" env:"HIVE_REGION" flag:"region" doc:"Region name, as clients send it in AWS_REGION and in the credential scope of every signature. It cannot change once the node is initialised."`
	Nodes     int    `hcl:"nodes" default:"1" flag:"nodes" min:"1" max:"64" doc:"Target size. The region serves from its first node on and says everywhere what it can survive until this many nodes have joined."`
	HostsFile string `hcl:"hosts_file" doc:"Absolute path of a hosts(5) file that the agent keeps with the addresses of the members and of the API, as names below REGION.hive.internal: a hint for a resolver such as dnsmasq (addn-hosts). Empty: no such file."`
}

// Node says who this node is.
type Node struct {
	Name          string            `hcl:"name" derive:"the host name up to its first dot" env:"HIVE_NODE" flag:"node" doc:"Node name, unique in the region: lower-case letters, digits and dashes."`
	AZ            string            `hcl:"az" derive:"the region name followed by a" env:"HIVE_AZ" flag:"az" doc:"Availability zone that users see. Subnets and volumes are bound to it."`
	FailureDomain string            `hcl:"failure_domain" derive:"the node name" flag:"failure-domain" doc:"Rack or host. Voters and shards are spread over different failure domains; it is not the availability zone."`
	DataDir       string            `hcl:"data_dir" alias:"hive_dir" default:"/var/lib/hive" env:"HIVE_DATA_DIR" flag:"data-dir" doc:"Directory of everything this node keeps: the log, certificates, guests, sockets. Absolute; ~/ is the home directory of the user that runs the agent."`
	Caps          []string          `hcl:"caps" default:"raft,api,ec2,ebs" env:"HIVE_CAPS" flag:"cap" doc:"Services this node takes part in: raft (may vote), api (answers the AWS API), ec2 (runs guests), ebs (stores volumes), s3 (stores objects) and vpc (virtual networks), of which s3 and vpc have no service yet. nats is accepted for raft."`
	Tags          map[string]string `hcl:"tags" doc:"Free labels of this node, shown by node list."`
}

// Listen holds the addresses the agent binds.
type Listen struct {
	API       HostPort `hcl:"api" default:"0.0.0.0:9443" flag:"api" doc:"The AWS API and the web console, over TLS. 443 needs a privileged agent."`
	Cluster   HostPort `hcl:"cluster" default:"0.0.0.0:8443" flag:"cluster" doc:"Mutual TLS between nodes: log, RPC and data, split by ALPN."`
	Gossip    HostPort `hcl:"gossip" default:"0.0.0.0:8444" doc:"Encrypted membership gossip, TCP and UDP."`
	Advertise string   `hcl:"advertise" flag:"advertise" doc:"IP address under which other nodes reach this one, when cluster or gossip is bound to every address. Empty: the address from which this machine reaches the other members."`
	Search    bool     `hcl:"search" default:"true" doc:"Answer machines on the local links that hold a join token of this cluster and look for a member by multicast (UDP port 8445), on the links where the cluster port can be reached. The answer is this node's cluster address and nothing else. Off: a joiner needs an address of the token, or --host."`
	Metrics   HostPort `hcl:"metrics" default:"127.0.0.1:9464" doc:"Prometheus metrics over plain HTTP. Keep it on loopback or a management network."`
}

// TLS is the certificate of the API edge.
type TLS struct {
	CertFile string   `hcl:"cert_file" doc:"PEM certificate chain of the API listener. Empty: the cluster CA issues one and renews it."`
	KeyFile  string   `hcl:"key_file" doc:"PEM private key of cert_file. Set both or neither."`
	Names    []string `hcl:"names" doc:"More DNS names and addresses that the issued certificate is valid for, beside the host name, localhost and the listen address."`
}

// Compute says how guests run and what the host keeps.
type Compute struct {
	Accel                  string  `hcl:"accel" default:"auto" oneof:"auto,kvm,tcg" doc:"auto boots a probe guest under KVM and falls back to TCG when it does not run; kvm refuses to start instead; tcg never tries."`
	QEMUBinary             string  `hcl:"qemu_binary" default:"qemu-system-x86_64" doc:"QEMU program, looked up in PATH when it holds no slash. 7.2 or newer."`
	QEMUUser               string  `hcl:"qemu_user" doc:"Unprivileged account that QEMU runs as when the agent is root. Empty: hive-qemu when that account exists, otherwise the agent's own user."`
	ReserveCPU             float64 `hcl:"reserve_cpu" derive:"the larger of one core and a tenth; two cores and a twentieth above 16 cores" min:"0" max:"1024" doc:"Cores that are never allocated to guests."`
	ReserveMemory          Bytes   `hcl:"reserve_memory" derive:"the larger of 1GiB and a tenth of the memory" doc:"Memory that is never allocated to guests. Memory is never overcommitted."`
	OvercommitCPU          float64 `hcl:"overcommit_cpu" default:"1" min:"1" max:"32" doc:"vCPUs sold per core for every family but the burstable ones."`
	OvercommitCPUBurstable float64 `hcl:"overcommit_cpu_burstable" default:"4" min:"1" max:"32" doc:"vCPUs sold per core for the t families."`
}

// Network says how guests reach the network.
type Network struct {
	Mode               string       `hcl:"mode" default:"user" oneof:"user" doc:"user: QEMU user networking, no root needed, for laptops. The guest reaches the host's loopback through it."`
	PublicPool         netip.Prefix `hcl:"public_pool" default:"127.80.0.0/16" doc:"Addresses handed out as public IPs. In user mode they lie in 127.0.0.0/8 and the agent binds and forwards their ports."`
	VirtualIP          netip.Addr   `hcl:"virtual_ip" doc:"One IPv4 address for the API of the whole region, the same on every node: the node that leads has it, so that one endpoint URL outlives any node. It has to be free and in the network of an interface. Taking it needs CAP_NET_ADMIN and CAP_NET_RAW. Empty: no such address."`
	VirtualIPInterface string       `hcl:"virtual_ip_interface" doc:"The interface that virtual_ip is put on. Empty: the one whose network holds the address."`
	PublicPorts        []int        `hcl:"public_ports" default:"22,80,443,8080,8443" min:"1" max:"65535" doc:"Guest TCP ports that the agent forwards from the public IP in user mode. A port it may not bind is served on one that hive instance show prints."`
}

// Block says where volumes live.
type Block struct {
	DataDir string `hcl:"data_dir" derive:"volumes below node.data_dir" doc:"Directory of the volumes. Put it on the disk that has the space and honest flushes."`
	Reserve Bytes  `hcl:"reserve" default:"2GiB" doc:"Free space that new volumes never take, so that the log and deletions keep working on a full disk."`
}

// Raft is the replicated log.
type Raft struct {
	ReplaceAfter time.Duration `hcl:"replace_after" default:"45s" min:"5s" max:"24h" doc:"How long a voter may be dead before another node votes in its place, where there is one. Short, and a reboot moves votes about; long, and a second failure may come first."`
	Log          string        `hcl:"log" default:"boltdb" oneof:"boltdb,wal" doc:"Log store: boltdb, or wal for a segmented log. A node keeps the store it was initialised with."`
}

// Limits bounds one client.
type Limits struct {
	APIRPS   int `hcl:"api_rps" default:"200" min:"1" max:"1000000" doc:"API requests per second and account that are answered; more get RequestLimitExceeded."`
	APIBurst int `hcl:"api_burst" derive:"twice api_rps" min:"1" max:"2000000" doc:"Requests an idle account may send at once."`
}

// Audit is where calls are recorded.
type Audit struct {
	Dir     string        `hcl:"dir" derive:"audit below node.data_dir" doc:"Directory of the records, which only the agent's user may read. Absolute."`
	MaxSize Bytes         `hcl:"max_size" default:"1GiB" min:"16MiB" max:"1TiB" doc:"Space that the records may take; the oldest make room."`
	Keep    time.Duration `hcl:"keep" default:"2160h" min:"1h" max:"87600h" doc:"How long records are kept. aws cloudtrail lookup-events shows the last 90 days."`
}

// Log is what the processes write.
type Log struct {
	Level  string `hcl:"level" default:"info" oneof:"trace,debug,info,warn,error" env:"HIVE_LOG_LEVEL" flag:"log-level" reload:"true" doc:"Least severe level that is written."`
	Format string `hcl:"format" default:"human" oneof:"human,json" env:"HIVE_LOG_FORMAT" flag:"log-format" doc:"human for people, json for collectors: one object a line."`
}

// Telemetry switches metrics.
type Telemetry struct {
	Prometheus      bool          `hcl:"prometheus" default:"true" doc:"Serve metrics on listen.metrics."`
	InstanceMetrics bool          `hcl:"instance_metrics" default:"true" doc:"Export hive_instance_* with an instance_id label. Turn it off when a node runs thousands of short-lived guests."`
	Interval        time.Duration `hcl:"interval" default:"10s" min:"1s" max:"5m" doc:"How often instance metrics are sampled for the metrics endpoint. What users see follows the monitoring setting of each instance."`
}

// socketLimit is the longest path a Linux unix socket address holds, without
// the closing zero (sockaddr_un.sun_path is 108 bytes).
const socketLimit = 107

// deepestSocket is the longest name that a socket of the node has below its data
// directory: a guest's serial console.
const deepestSocket = "/guests/i-0123456789abcdef0/vm/serial.sock"

// RunDir is the directory of the node's sockets and pid files.
func (c *Config) RunDir() string { return filepath.Join(c.Node.DataDir, "run") }

// AdminSocket is the path of the agent's local admin API.
func (c *Config) AdminSocket() string { return AdminSocket(c.Node.DataDir) }

// AdminSocket is the path of the admin API of the agent that owns dataDir.
func AdminSocket(dataDir string) string { return filepath.Join(dataDir, "run", "admin.sock") }

// Files lists the configuration files that were read, in order.
func (c *Config) Files() []string { return c.used }
