// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// unit charges what the shape says.
type unit struct{}

func (unit) Charge(_ string, s state.Shape, _ string) state.Resources {
	return state.Resources{MilliCPU: int64(s.VCPUs) * 1000, MemoryMiB: s.MemoryMiB}
}

// twins are two replicas that apply the same entries; the second is now and then replaced by its own snapshot.
type twins struct {
	a, b    *fsm.FSM
	index   uint64
	now     state.Time
	next    int
	entries [][]byte
}

func (w *twins) apply(t *rapid.T, c command.Command) {
	w.index++
	w.now += state.Time(rapid.Int64Range(-5, 20).Draw(t, "elapsed")) * 60e9 // proposers' clocks disagree
	e := command.Envelope{Time: w.now, Command: w.scramble(t, scheduler.New(unit{}).Plan(w.a.View(), c))}
	binary.BigEndian.PutUint64(e.Request[:], w.index)
	if w.index > 10 && rapid.IntRange(0, 19).Draw(t, "retry") == 0 {
		binary.BigEndian.PutUint64(e.Request[:], w.index-3) // a retried proposal
	}
	b, err := command.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	w.entries = append(w.entries, b)
	ra, rb := w.a.Apply(w.index, b), w.b.Apply(w.index, b)
	if !bytes.Equal(ra, rb) {
		t.Fatalf("results of entry %d (%T) differ", w.index, c)
	}
	if w.a.Hash() != w.b.Hash() {
		t.Fatalf("hashes after entry %d (%T) differ", w.index, c)
	}
	invariants(t, w.a.View())
}

func (w *twins) snapshot(t *rapid.T) {
	var b bytes.Buffer
	if err := w.b.Snapshot().Persist(&b); err != nil {
		t.Fatal(err)
	}
	w.b = fsm.New()
	if err := w.b.Restore(&b); err != nil {
		t.Fatal(err)
	}
	if w.a.Hash() != w.b.Hash() {
		t.Fatal("hash after restore differs")
	}
}

// id names a resource; drawing from few names makes commands meet.
func (w *twins) fresh(prefix string) string {
	w.next++
	return fmt.Sprintf("%s-%d", prefix, w.next)
}

func drawn[T any](t *rapid.T, rows []*T, id func(*T) string, missing string) string {
	ids := []string{missing}
	for _, r := range rows {
		ids = append(ids, id(r))
	}
	return rapid.SampledFrom(ids).Draw(t, "id")
}

func (w *twins) instance(t *rapid.T) string {
	return drawn(t, slices.Collect(state.Instances.All(w.a.View())), func(i *state.Instance) string { return i.ID }, "i-none")
}

func (w *twins) step(t *rapid.T) {
	v := w.a.View()
	acct := rapid.SampledFrom([]string{"111111111111", "222222222222"}).Draw(t, "account")
	ids := []string{w.instance(t)}
	switch rapid.IntRange(0, 40).Draw(t, "step") {
	case 0, 1, 2:
		w.run(t, acct)
	case 3:
		w.apply(t, command.StartInstances{AccountID: acct, InstanceIDs: ids})
	case 4:
		w.apply(t, command.StopInstances{AccountID: acct, InstanceIDs: ids, Force: rapid.Bool().Draw(t, "force")})
	case 5:
		w.apply(t, command.TerminateInstances{AccountID: acct, InstanceIDs: ids})
	case 6:
		w.apply(t, command.RebootInstances{AccountID: acct, InstanceIDs: ids})
	case 7, 8, 9:
		w.report(t, ids[0])
	case 10:
		vol := drawn(t, slices.Collect(state.Volumes.All(v)), func(x *state.Volume) string { return x.ID }, "vol-none")
		w.apply(t, command.ReportVolumes{NodeID: "n-1", Reports: []command.VolumeReport{{VolumeID: vol, State: rapid.SampledFrom([]string{"deleted", "available", "error"}).Draw(t, "state")}}})
	case 11:
		data := []byte(rapid.StringN(0, 3, -1).Draw(t, "data"))
		on := rapid.Bool().Draw(t, "protect")
		w.apply(t, command.ModifyInstance{AccountID: acct, InstanceID: ids[0], UserData: &data, DisableAPITermination: &on})
	case 12:
		w.apply(t, command.CreateKeyPair{Pair: state.KeyPair{ID: w.fresh("key"), AccountID: acct, Name: rapid.SampledFrom([]string{"k1", "k2"}).Draw(t, "name")}})
	case 13:
		w.apply(t, command.DeleteKeyPair{AccountID: acct, Name: rapid.SampledFrom([]string{"k1", "k2"}).Draw(t, "name")})
	case 14:
		w.apply(t, command.CreateTags{AccountID: acct, Resources: ids, Tags: []state.Tag{{Key: rapid.StringN(1, 2, -1).Draw(t, "key"), Value: "v"}}})
	case 15:
		w.apply(t, command.DeleteTags{AccountID: acct, Resources: ids})
	case 16:
		w.apply(t, command.Tick{})
	case 17:
		w.image(t, acct)
	case 18:
		w.setting(t)
	case 19:
		w.apply(t, command.RestoreRegion{})
	case 20:
		w.group(t, acct)
	case 21:
		w.movePlacement(t, acct, ids[0])
	case 22, 23:
		w.member(t)
	case 28, 29, 30, 31, 32, 33:
		w.identity(t, acct)
	case 27:
		w.apply(t, command.SetFormatLevel{Level: rapid.IntRange(1, state.FormatLevel+1).Draw(t, "level")})
	case 34, 35:
		w.kms(t, acct)
	case 36, 37:
		w.govern(t, acct)
	case 38, 39, 40:
		w.rotation(t)
	default:
		w.node(t)
	}
}

func (w *twins) setting(t *rapid.T) {
	d := rapid.SampledFrom(state.SettingDefs()).Draw(t, "setting")
	value := rapid.SampledFrom([]string{"", "0", "1", "7", "2h", "required", "gp3", "z1", "z1,z2", "z2"}).Draw(t, "value")
	w.apply(t, command.SetSetting{Key: d.Key, Value: value, Reset: value == ""})
}

func (w *twins) run(t *rapid.T, acct string) {
	c := command.RunInstances{AccountID: acct, MinCount: 1, Token: rapid.SampledFrom([]string{"", "t1", "t2"}).Draw(t, "token"),
		UserData: []byte(rapid.StringN(0, 2, -1).Draw(t, "data"))}
	image := drawn(t, slices.Collect(state.Images.All(w.a.View())), func(i *state.Image) string { return i.ID }, "ami-none")
	subnet := "subnet-" + acct
	group := rapid.SampledFrom([]string{"", w.placementGroup(t)}).Draw(t, "group") // a launch is in one group
	for range rapid.IntRange(1, 3).Draw(t, "count") {
		id := w.fresh("x")
		c.Launches = append(c.Launches, command.Launch{
			Instance: state.Instance{ID: "i-" + id, AccountID: acct, ReservationID: "r-" + id, ImageID: image, Zone: "z1", Type: "t3.nano", SubnetID: subnet, PlacementGroupID: group, VPCID: "vpc-" + acct,
				Shape:            state.Shape{VCPUs: rapid.IntRange(1, 2).Draw(t, "vcpus"), MemoryMiB: 512},
				ShutdownBehavior: rapid.SampledFrom([]string{"stop", "terminate"}).Draw(t, "behaviour"),
				AutoRecovery:     rapid.SampledFrom([]string{"default", "disabled"}).Draw(t, "recovery"),
				Devices:          []state.Device{{Name: "/dev/sda1", VolumeID: "vol-" + id, DeleteOnTermination: rapid.Bool().Draw(t, "delete")}}},
			Interface: state.NetworkInterface{ID: "eni-" + id, SubnetID: subnet, DeleteOnTermination: rapid.Bool().Draw(t, "delete eni")},
			Volumes:   []state.Volume{{ID: "vol-" + id, SizeGiB: 1, SnapshotID: "snap-" + strings.TrimPrefix(image, "ami-")}},
			Tags: []command.LaunchTags{{ResourceID: "vol-" + id, ResourceType: "volume", Tags: []state.Tag{{Key: "a", Value: "b"}}},
				{ResourceID: "i-" + id, ResourceType: "instance", Tags: []state.Tag{{Key: state.RecoveryTag, Value: rapid.SampledFrom([]string{"remake", "stop"}).Draw(t, "recovery tag")}}}},
		})
	}
	w.apply(t, c)
}

func (w *twins) report(t *rapid.T, id string) {
	i, ok := state.Instances.Get(w.a.View(), state.AnyAccount, id)
	if !ok {
		return
	}
	saw := rapid.SampledFrom([]string{command.SawRunning, command.SawStopped, command.SawTerminated, command.SawGuestShutdown,
		command.SawCrashed, command.SawFailed, command.SawImpaired, command.SawRebooted}).Draw(t, "saw")
	epoch := i.Epoch - uint64(rapid.IntRange(0, 1).Draw(t, "stale"))
	w.apply(t, command.ReportInstances{NodeID: i.NodeID, Reports: []command.InstanceReport{{InstanceID: id, Epoch: epoch, Saw: saw, RebootSeq: i.RebootSeq}}})
}

func (w *twins) image(t *rapid.T, acct string) {
	id := w.fresh("img")
	switch rapid.IntRange(0, 3).Draw(t, "image") {
	case 3:
		snap := drawn(t, slices.Collect(state.Snapshots.All(w.a.View())), func(x *state.Snapshot) string { return x.ID }, "snap-none")
		w.apply(t, command.ReportSnapshot{SnapshotID: snap, NodeID: rapid.SampledFrom([]string{"n-1", "n-2"}).Draw(t, "holder")})
	case 0:
		w.apply(t, command.ImportImage{Snapshot: state.Snapshot{ID: "snap-" + id, AccountID: acct, SizeGiB: 1, Nodes: []string{"n-1", "n-2", "n-9"}},
			Image: state.Image{ID: "ami-" + id, AccountID: acct, Name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"), Public: rapid.Bool().Draw(t, "public"),
				Devices: []state.ImageDevice{{Name: "/dev/sda1", SnapshotID: "snap-" + id}}}})
	case 1:
		image := drawn(t, slices.Collect(state.Images.All(w.a.View())), func(i *state.Image) string { return i.ID }, "ami-none")
		w.apply(t, command.DeregisterImage{AccountID: acct, ImageID: image, DeleteSnapshots: rapid.Bool().Draw(t, "snapshots")})
	case 2:
		image := drawn(t, slices.Collect(state.Images.All(w.a.View())), func(i *state.Image) string { return i.ID }, "ami-none")
		w.apply(t, command.ModifyImage{AccountID: acct, ImageID: image, AddAccounts: []string{"222222222222"}})
	}
}

// member lets nodes in and out. Few names and tokens make admissions meet.
func (w *twins) member(t *rapid.T) {
	node := rapid.SampledFrom([]string{"n-5", "n-6"}).Draw(t, "node")
	pin := rapid.SampledFrom([]string{"pin-1", "pin-2"}).Draw(t, "pin")
	token := drawn(t, slices.Collect(state.JoinTokens.All(w.a.View())), func(x *state.JoinToken) string { return x.ID }, "jt-none")
	switch rapid.IntRange(0, 7).Draw(t, "member") {
	case 0:
		w.apply(t, command.CreateJoinToken{Token: state.JoinToken{ID: w.fresh("jt"), SecretHash: "h", Uses: rapid.IntRange(0, 2).Draw(t, "uses"), Expires: w.now + 3600e9}})
	case 1:
		w.apply(t, command.RevokeJoinToken{TokenID: token})
	case 2, 3:
		w.apply(t, command.AdmitNode{SecretHash: rapid.SampledFrom([]string{"h", "h", "wrong"}).Draw(t, "secret"),
			Member: state.Member{NodeID: node, Name: node, Zone: "z1", KeyPin: pin, TokenID: token}})
	case 4:
		w.apply(t, command.RegisterNode{Node: state.Node{FormatLevel: state.FormatLevel, ID: node, Name: node, Zone: "z1", ClusterAddr: "a:1"}, KeyPin: pin, GossipAddr: "a:2"})
	case 5:
		w.apply(t, command.AdvertiseNode{NodeID: node, ClusterAddr: "b:1", GossipAddr: "b:2"})
	case 6:
		w.apply(t, command.EjectNode{NodeID: node})
	case 7:
		c, _ := w.a.View().Cluster()
		w.apply(t, command.PublishSettings{Epoch: c.Epoch + uint64(rapid.IntRange(0, 1).Draw(t, "ahead")), Settings: []byte(node)})
	}
}

// admissions checks that tokens admit no more nodes than they were made for, and that no stranger is registered.
func admissions(t *rapid.T, v *state.View) {
	by := map[string]int{}
	for m := range state.Members.All(v) {
		by[m.TokenID]++
	}
	for k := range state.JoinTokens.All(v) {
		if k.Used < 0 || k.Used > k.Uses || by[k.ID] > k.Used {
			t.Fatalf("token %s of %d uses counts %d and admitted %d", k.ID, k.Uses, k.Used, by[k.ID])
		}
	}
	for _, n := range []string{"n-5", "n-6"} {
		_, registered := state.Nodes.Get(v, state.AnyAccount, n)
		if m, ok := state.Members.Get(v, state.AnyAccount, n); registered && !ok {
			t.Fatalf("node %s is registered and no member: %+v", n, m)
		}
	}
}

func newTwins(t *rapid.T) *twins {
	w := &twins{a: fsm.New(), b: fsm.New(), now: 1e18}
	w.apply(t, command.InitRegion{ClusterID: "c-1", Name: "r", FormatLevel: rapid.IntRange(1, state.FormatLevel).Draw(t, "level"), PublicPool: "127.80.0.0/28", MaxVCPUs: 14, Zones: []state.Zone{{Name: "z1", ID: "z1"}}})
	for _, n := range []string{"n-1", "n-2", "n-3", "n-4"} {
		w.apply(t, command.RegisterNode{Node: twinNode(n)})
	}
	w.apply(t, command.InitCluster{Cluster: state.Cluster{TargetSize: 3, Keys: []state.SealedKey{{Name: state.RotateClusterCA, Box: []byte{1}, Version: 1}, {Name: state.RotateAPICA, Box: []byte{1}, Version: 1}}},
		First: state.Member{NodeID: "n-1", Name: "n-1"}})
	for _, acct := range []string{"111111111111", "222222222222"} {
		w.apply(t, command.CreateAccount{Account: state.Account{ID: acct, Name: acct}, Users: []state.User{{Name: "root", Root: true}},
			VPC: state.VPC{ID: "vpc-" + acct, CIDR: "172.31.0.0/16"}, Group: state.SecurityGroup{ID: "sg-" + acct},
			Subnets: []state.Subnet{{ID: "subnet-" + acct, CIDR: "172.31.0.0/28", Zone: "z1", MapPublicIP: true}}})
		w.firstGroups(t, acct)
	}
	return w
}

// invariants are true in every reachable state.
func invariants(t *rapid.T, v *state.View) {
	seals(t, v)
	addresses := map[string]string{}
	for n := range state.NetworkInterfaces.All(v) {
		if _, ok := state.Subnets.Get(v, n.AccountID, n.SubnetID); !ok {
			t.Fatalf("interface %s is in the subnet %s, which is not there", n.ID, n.SubnetID)
		}
		for _, address := range []string{n.SubnetID + " " + n.PrivateIP, n.PublicIP} {
			if other, taken := addresses[address]; taken && address != "" {
				t.Fatalf("interfaces %s and %s both have %s", other, n.ID, address)
			}
			addresses[address] = n.ID
		}
	}
	refs := map[string]int{}
	for i := range state.Instances.All(v) {
		if i.UserDataHash != "" {
			refs[i.UserDataHash]++
		}
		if i.State == state.Terminated {
			continue
		}
		for _, d := range i.Devices {
			vol, ok := state.Volumes.Get(v, i.AccountID, d.VolumeID)
			if !ok || vol.Attachment == nil || vol.Attachment.InstanceID != i.ID {
				t.Fatalf("instance %s lists volume %s, which is %+v", i.ID, d.VolumeID, vol)
			}
		}
		if n, ok := state.NetworkInterfaces.Get(v, i.AccountID, i.NetworkInterfaceID); !ok || n.InstanceID != i.ID || n.PrivateIP != i.PrivateIP || n.PublicIP != i.PublicIP {
			t.Fatalf("instance %s and its interface disagree: %+v", i.ID, n)
		}
	}
	for b := range state.Blobs.All(v) {
		if refs[b.Hash] != b.Refs {
			t.Fatalf("blob %s counts %d users and has %d", b.Hash, b.Refs, refs[b.Hash])
		}
	}
	for n := range state.Nodes.All(v) {
		if free := n.Schedulable.Sub(v.Allocated(n.ID)); free.MilliCPU < 0 || free.MemoryMiB < 0 {
			t.Fatalf("node %s is over-committed: %+v left", n.ID, free)
		}
	}
	orphans(t, v)
	admissions(t, v)
	groupRules(t, v)
	standings(t, v)
	identities(t, v)
}

// orphans checks that tags and volumes refer to what exists.
func orphans(t *rapid.T, v *state.View) {
	for vol := range state.Volumes.All(v) {
		if vol.Attachment == nil {
			continue
		}
		if i, ok := state.Instances.Get(v, vol.AccountID, vol.Attachment.InstanceID); !ok || i.State == state.Terminated {
			t.Fatalf("volume %s is attached to %s, which is gone", vol.ID, vol.Attachment.InstanceID)
		}
	}
	for set := range state.TagSets.All(v) {
		if _, ok := state.PlacementGroups.Get(v, set.AccountID, set.ResourceID); !ok && strings.HasPrefix(set.ResourceID, "pg-") {
			t.Fatalf("tags of %s outlived it", set.ResourceID)
		}
		if strings.HasPrefix(set.ResourceID, "vol-") {
			if _, ok := state.Volumes.Get(v, set.AccountID, set.ResourceID); !ok {
				t.Fatalf("tags of %s outlived it", set.ResourceID)
			}
		}
	}
}

func TestTwins_SameEntriesSameHash(t *testing.T) {
	t.Parallel()
	steps := 60
	if os.Getenv("HIVE_SOAK") != "" {
		steps = 2000
	}
	rapid.Check(t, func(t *rapid.T) {
		w := newTwins(t)
		for range steps {
			if rapid.IntRange(0, 14).Draw(t, "snapshot") == 0 {
				w.snapshot(t)
			}
			w.step(t)
		}
		// A third replica that replays the whole log at once agrees as well.
		c := fsm.New()
		for n, b := range w.entries {
			c.Apply(uint64(n+1), b)
		}
		if c.Hash() != w.a.Hash() {
			t.Fatal("a replica that replayed the log differs")
		}
	})
}
