// SPDX-License-Identifier: Apache-2.0

package fsmtest

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

const (
	crowdNodes   = 50
	crowdAccount = 1000 // instances of one account, which has its own VPC
	crowdLaunch  = 100  // instances of one launch
)

// CrowdAccount is the n-th account of a Crowd.
func CrowdAccount(n int) string { return fmt.Sprintf("%012d", n+1) }

// CrowdID is the part after the dash in the ids of the n-th instance of a Crowd and of what belongs to it. Like real ids it
// is spread evenly and in no order.
func CrowdID(n int) string { return fmt.Sprintf("0%016x", uint64(n+1)*0x9E3779B97F4A7C15) }

// Crowd is the commands that make a region of 50 nodes with that many running instances from nothing. Each instance brings
// four objects: itself, a volume, a network interface and a set of tags. They have no public addresses.
func Crowd(instances int) iter.Seq[command.Command] {
	return func(yield func(command.Command) bool) {
		zone := state.Zone{Name: Zone, ID: "eut1-az1", State: "available"}
		all := []command.Command{command.InitRegion{ClusterID: "c-00000001", Name: Name, FormatLevel: state.FormatLevel, Zones: []state.Zone{zone}}}
		for n := range crowdNodes {
			all = append(all, command.RegisterNode{Node: state.Node{
				ID: crowdNode(n), Name: crowdNode(n), Zone: Zone, Caps: []string{"api", "ebs", "ec2", "raft", "s3", "vpc"}, Accel: "kvm", Types: []string{"t3.micro"},
				Schedulable: state.Resources{MilliCPU: 1 << 20, MemoryMiB: 4 << 20}, FormatLevel: state.FormatLevel,
			}})
		}
		for first := 0; first < instances; first += crowdLaunch {
			if first%crowdAccount == 0 {
				all = append(all, crowdFounding(CrowdAccount(first/crowdAccount))...)
			}
			all = append(all, crowdCommands(first, min(first+crowdLaunch, instances))...)
			for _, c := range all {
				if !yield(c) {
					return
				}
			}
			all = nil
		}
	}
}

func crowdNode(n int) string { return fmt.Sprintf("n-%08x", n%crowdNodes) }

// crowdPlace is the node of the n-th instance: a launch lands on four nodes.
func crowdPlace(n int) string { return crowdNode(n / (crowdLaunch / 4)) }

// crowdFounding makes an account and its image.
func crowdFounding(account string) []command.Command {
	c := newAccount(account)
	c.Subnets = c.Subnets[:1]
	c.Subnets[0].MapPublicIP = false
	return []command.Command{c, command.ImportImage{
		Snapshot: state.Snapshot{ID: "snap-" + account, AccountID: account, VolumeID: "vol-ffffffff", SizeGiB: 8, Bytes: 8 << 30, Nodes: []string{crowdNode(0)}},
		Image: state.Image{ID: "ami-" + account, AccountID: account, Name: "debian", Arch: "x86_64", RootDevice: "/dev/sda1", BootMode: "uefi-preferred", ENASupport: true,
			Devices: []state.ImageDevice{{Name: "/dev/sda1", SnapshotID: "snap-" + account, SizeGiB: 8, Type: "gp3", DeleteOnTermination: true}}},
	}}
}

// crowdCommands launches some instances of one account and reports that they run.
func crowdCommands(first, end int) []command.Command {
	run := command.RunInstances{AccountID: CrowdAccount(first / crowdAccount), MinCount: end - first, Planned: true}
	reports := map[string][]command.InstanceReport{}
	for n := first; n < end; n++ {
		l := crowdInstance(n, run.AccountID)
		run.Launches = append(run.Launches, l)
		run.Plan = append(run.Plan, command.Assignment{NodeID: crowdPlace(n), BootMode: "uefi", Charge: state.Resources{MilliCPU: 500, MemoryMiB: 1100}})
		reports[crowdPlace(n)] = append(reports[crowdPlace(n)], command.InstanceReport{InstanceID: l.Instance.ID, Epoch: 1, Generation: 1, Saw: command.SawRunning})
	}
	all := []command.Command{run}
	for _, node := range slices.Sorted(maps.Keys(reports)) {
		all = append(all, command.ReportInstances{NodeID: node, Reports: reports[node]})
	}
	return all
}

func crowdInstance(n int, account string) command.Launch {
	id := CrowdID(n)
	subnet, vpc, group := "subnet-0"+account+"000a", "vpc-0"+account+"0000", "sg-0"+account+"0000"
	return command.Launch{
		Instance: state.Instance{ID: "i-" + id, AccountID: account, ReservationID: "r-" + id, RequesterARN: "arn:aws:iam::" + account + ":user/admin", ImageID: "ami-" + account,
			Arch: "x86_64", Zone: Zone, RootDevice: "/dev/sda1", ImageBootMode: "uefi-preferred", Type: "t3.micro",
			Shape: state.Shape{VCPUs: 2, Cores: 1, ThreadsPerCore: 2, MemoryMiB: 1024}, ENASupport: true, SourceDestCheck: true, ShutdownBehavior: "stop", CPUCredits: "unlimited",
			Metadata:     state.MetadataOptions{HTTPTokens: "required", HTTPEndpoint: "enabled", HTTPPutResponseHopLimit: 2, HTTPProtocolIPv6: "disabled", InstanceMetadataTags: "disabled"},
			AutoRecovery: "default", RebootMigration: "default", PrivateDNSHostname: "ip-name", Tenancy: "default",
			VPCID: vpc, SubnetID: subnet, SecurityGroups: []string{group}, Devices: []state.Device{{Name: "/dev/sda1", VolumeID: "vol-" + id, DeleteOnTermination: true}}},
		Interface: state.NetworkInterface{ID: "eni-" + id, VPCID: vpc, SubnetID: subnet, Zone: Zone, MAC: fmt.Sprintf("06:00:00:%02x:%02x:%02x", n>>16, n>>8&0xff, n&0xff),
			Groups: []string{group}, SourceDestCheck: true, AttachmentID: "eni-attach-" + id, DeleteOnTermination: true},
		Volumes: []state.Volume{{ID: "vol-" + id, SizeGiB: 8, Type: "gp3", IOPS: 3000, Throughput: 125, SnapshotID: "snap-" + account}},
		Tags: []command.LaunchTags{{ResourceID: "i-" + id, ResourceType: "instance",
			Tags: []state.Tag{{Key: "Name", Value: fmt.Sprintf("web-%d", n)}, {Key: "stage", Value: "production"}}}},
	}
}

// NewCrowd is a region of one replica that holds a Crowd.
func NewCrowd(tb testing.TB, instances int) *Region {
	tb.Helper()
	r := &Region{FSM: fsm.New(), now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	for c := range Crowd(instances) {
		r.must(tb, c)
	}
	return r
}
