// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// instanceRow is an instance as an operator sees it.
func instanceRow(v *state.View, i *state.Instance) admin.Instance {
	out := admin.Instance{
		ID: i.ID, Account: i.AccountID, Type: i.Type, State: i.State.String(), Image: i.ImageID, AZ: i.Zone,
		PrivateIP: i.PrivateIP, PublicIP: i.PublicIP, KeyName: i.KeyName, LaunchedAt: i.LaunchTime.Std(),
	}
	if i.NodeID != "" {
		out.Node, out.Simulated = nodeName(v, i.NodeID), isSimulated(v, i.NodeID)
	}
	out.Reason = i.Reason.Message
	if i.Impaired != "" {
		out.Reason = i.Impaired
	}
	for _, t := range v.TagsOf(i.AccountID, i.ID) {
		if t.Key == "Name" {
			out.Name = t.Value
		}
	}
	for _, p := range i.Ports {
		if out.Ports == nil {
			out.Ports = map[string]string{}
		}
		out.Ports[strconv.Itoa(p.Guest)] = net.JoinHostPort(i.PublicIP, strconv.Itoa(p.Public))
	}
	for _, d := range i.Devices {
		if vol, ok := state.Volumes.Get(v, i.AccountID, d.VolumeID); ok {
			out.Volumes = append(out.Volumes, admin.InstanceVolume{ID: vol.ID, Device: d.Name, GiB: int(vol.SizeGiB)})
		}
	}
	return out
}

// nodeRow is a node with what it sells.
func nodeRow(v *state.View, n *state.Node) admin.Node {
	used, offered := v.Allocated(n.ID), v.Offered(n)
	out := admin.Node{
		Node: n.Name, NodeID: n.ID, AZ: n.Zone, FailureDomain: n.FailureDomain, State: "ready", Caps: n.Caps, Accelerator: n.Accel, Version: n.Version,
		VCPUs: float64(offered.MilliCPU) / 1000, VCPUsAllocated: float64(used.MilliCPU) / 1000,
		Memory: uint64(offered.MemoryMiB) << 20, MemoryAllocated: uint64(used.MemoryMiB) << 20,
	}
	if why := v.Closed(n); why != "" {
		out.State = why
	}
	for i := range state.Instances.List(v, state.ByNode, n.ID) {
		if i.Holds() {
			out.Instances++
		}
	}
	return out
}

// imageRow is an image as an operator sees it.
func imageRow(i *state.Image) admin.Image {
	out := admin.Image{ID: i.ID, Name: i.Name, Account: i.AccountID, State: i.State, Architecture: i.Arch, BootMode: i.BootMode, Public: i.Public, CreatedAt: i.Created.Std()}
	for _, d := range i.Devices {
		if d.Name == i.RootDevice {
			out.Snapshot, out.GiB = d.SnapshotID, int(d.SizeGiB)
		}
	}
	return out
}

// accountRow is an account as an operator sees it.
func accountRow(v *state.View, a *state.Account) admin.Account {
	out := admin.Account{ID: a.ID, Name: a.Name, Email: a.Email, CreatedAt: a.Created.Std(), Status: a.Status}
	for i := range state.Instances.Of(v, a.ID) {
		if i.Live() {
			out.Instances++
		}
	}
	return out
}

// firstAccount is the account that commands mean when they name none: the oldest that is not the system's.
func firstAccount(v *state.View) (*state.Account, error) {
	var first *state.Account
	for a := range state.Accounts.All(v) {
		if !a.System && (first == nil || a.Created < first.Created) {
			first = a
		}
	}
	if first == nil {
		return nil, admin.Errorf(admin.KindNotFound, "hive account create NAME makes one", "the region has no account")
	}
	return first, nil
}

// account finds an account by id or name; "" is the first one.
func account(v *state.View, name string) (*state.Account, error) {
	if name == "" {
		return firstAccount(v)
	}
	if a, ok := state.Accounts.Get(v, state.AnyAccount, name); ok {
		return a, nil
	}
	if a, ok := state.Accounts.First(v, state.ByName, name); ok {
		return a, nil
	}
	return nil, admin.Errorf(admin.KindNotFound, "hive account list shows the accounts", "no account has the id or the name %s", name)
}

// accountAsked is the id of the account that a list is asked for (?account=), or AnyAccount.
func accountAsked(v *state.View, r *http.Request) (string, error) {
	name := r.URL.Query().Get("account")
	if name == "" {
		return state.AnyAccount, nil
	}
	a, err := account(v, name)
	if err != nil {
		return "", err
	}
	return a.ID, nil
}

// nodeName is a node's name for an id.
func nodeName(v *state.View, id string) string {
	if n, ok := state.Nodes.Get(v, state.AnyAccount, id); ok {
		return n.Name
	}
	return fmt.Sprintf("(%s)", id)
}
