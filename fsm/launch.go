// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// noCapacity is EC2's answer when nothing fits.
func noCapacity(typeName, zone string) *command.Error {
	return command.Errorf("InsufficientInstanceCapacity",
		"We currently do not have sufficient %s capacity in the Availability Zone you requested (%s).", typeName, zone)
}

func (a *apply) runInstances(c command.RunInstances) (any, *command.Error) {
	const action = "RunInstances"
	if c.Token != "" {
		if t, ok := state.ClientTokens.Get(a.View, c.AccountID, state.ClientTokenKey(c.AccountID, action, c.Token)); ok {
			return a.repeatLaunch(t, c.ParamsHash)
		}
	}
	if refusal := a.checkLaunch(c); refusal != nil {
		return nil, refusal
	}
	made := command.Launched{ReservationID: c.Launches[0].Instance.ReservationID}
	hash, free := a.keepBlob(c.UserData, len(c.Plan)), a.addresses()
	for n, place := range c.Plan {
		if refusal := a.place(place, &c.Launches[n].Instance); refusal != nil {
			return nil, refusal
		}
		if refusal := a.launch(c.Launches[n], place, hash, free); refusal != nil {
			return nil, refusal
		}
		made.InstanceIDs = append(made.InstanceIDs, c.Launches[n].Instance.ID)
	}
	if refusal := a.checkQuota(c.AccountID); refusal != nil {
		return nil, refusal
	}
	if refusal := a.checkStorage(c.AccountID); refusal != nil {
		return nil, refusal
	}
	a.touchImage(c.Launches[0].Instance.ImageID)
	if c.Token != "" {
		state.ClientTokens.Put(a.Txn, &state.ClientToken{
			AccountID: c.AccountID, Action: action, Token: c.Token, ParamsHash: c.ParamsHash,
			Result: command.EncodeResult(made, nil), Expires: a.now + tokenLife,
		})
	}
	return made, nil
}

// repeatLaunch answers a call whose client token is known.
func (a *apply) repeatLaunch(t *state.ClientToken, paramsHash string) (any, *command.Error) {
	if t.ParamsHash != paramsHash {
		return nil, command.Errorf("IdempotentParameterMismatch",
			"The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical")
	}
	var made command.Launched
	if err := command.DecodeResult(t.Result, &made); err != nil {
		return nil, command.Errorf("InternalError", "The recorded result of client token %s is unreadable.", t.Token)
	}
	return made, nil
}

// checkLaunch checks what a launch refers to. The handler did so on its view; the state may have moved since.
func (a *apply) checkLaunch(c command.RunInstances) *command.Error {
	if c.Refusal != nil {
		return c.Refusal
	}
	if !c.Planned || len(c.Launches) == 0 || len(c.Plan) < max(c.MinCount, 1) || len(c.Plan) > len(c.Launches) {
		return command.Errorf("InternalError", "The launch reached the log without a plan.")
	}
	account, ok := state.Accounts.Get(a.View, c.AccountID, c.AccountID)
	if !ok || account.Status != state.AccountActive {
		return command.Errorf("OptInRequired", "You are not subscribed to this service.")
	}
	first := c.Launches[0].Instance
	image, ok := state.Images.Get(a.View, state.AnyAccount, first.ImageID)
	if !ok || !image.MayLaunch(c.AccountID) {
		return command.Errorf("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", first.ImageID)
	}
	if image.State != state.ImageAvailable {
		return command.Errorf("InvalidAMIID.Unavailable", "The image ID '%s' is not available", first.ImageID)
	}
	if first.KeyName != "" {
		if _, ok := state.KeyPairs.First(a.View, state.ByName, state.KeyPairName(c.AccountID, first.KeyName)); !ok {
			return command.Errorf("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", first.KeyName)
		}
	}
	for _, l := range c.Launches {
		for _, v := range l.Volumes {
			if _, ok := state.Snapshots.Get(a.View, state.AnyAccount, v.SnapshotID); v.SnapshotID != "" && !ok {
				return command.Errorf("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", v.SnapshotID)
			}
		}
	}
	return nil
}

// checkQuota checks the account's vCPUs after the change was made.
func (a *apply) checkQuota(account string) *command.Error {
	if a.region.FormatLevel >= 2 {
		return a.checkQuotas(account)
	}
	quota := a.SettingInt(state.SettingVCPUs)
	if quota <= 0 {
		return nil
	}
	sum := 0
	for i := range state.Instances.Of(a.View, account) {
		if i.Holds() {
			sum += i.Shape.VCPUs
		}
	}
	if sum > quota {
		return command.Errorf("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of %d allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.", quota)
	}
	return nil
}

// checkStorage checks the size of the account's volumes after the change was made.
func (a *apply) checkStorage(account string) *command.Error {
	if a.region.FormatLevel >= 2 {
		return nil // checkQuotas did
	}
	quota := a.SettingInt(state.SettingStorage)
	if quota <= 0 {
		return nil
	}
	var sum int64
	for v := range state.Volumes.Of(a.View, account) {
		if v.State != state.VolumeDeleting {
			sum += v.SizeGiB
		}
	}
	if sum > int64(quota) {
		return command.Errorf("VolumeLimitExceeded", "You have exceeded your maximum of %d gibibytes of volumes.", quota)
	}
	return nil
}

// place checks one assignment against the state: the plan was made on an older one. A plan that no longer fits is
// command.PlanConflict: the proposer has it planned anew, and only a planner says that nothing fits.
func (a *apply) place(p command.Assignment, i *state.Instance) *command.Error {
	n, ok := state.Nodes.Get(a.View, state.AnyAccount, p.NodeID)
	if !ok || a.Closed(n) != "" || !n.HasCap("ec2") || n.Zone != i.Zone || !n.Offers(i.Type) {
		return command.Errorf(command.PlanConflict, "The node %s no longer has room for a %s in %s.", p.NodeID, i.Type, i.Zone)
	}
	if !p.Charge.Fits(a.Offered(n).Sub(a.Allocated(n.ID))) {
		return command.Errorf(command.PlanConflict, "The node %s no longer has room for a %s in %s.", p.NodeID, i.Type, i.Zone)
	}
	return a.placeInGroup(p, i, n)
}

// launch makes the rows of one instance.
func (a *apply) launch(l command.Launch, place command.Assignment, userData string, free *addresses) *command.Error {
	i, eni := l.Instance, l.Interface
	if _, ok := state.Instances.Get(a.View, state.AnyAccount, i.ID); ok {
		return command.Errorf("InternalError", "The instance id %s is in use.", i.ID)
	}
	subnet, ok := state.Subnets.Get(a.View, i.AccountID, i.SubnetID)
	if !ok {
		return command.Errorf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", i.SubnetID)
	}
	var refusal *command.Error
	if eni.PrivateIP, refusal = free.private(subnet); refusal != nil {
		return refusal
	}
	if subnet.MapPublicIP {
		if eni.PublicIP, refusal = free.publicly(); refusal != nil {
			return refusal
		}
	}
	i.UserDataHash, i.PrivateIP, i.PublicIP, i.NetworkInterfaceID = userData, eni.PrivateIP, eni.PublicIP, eni.ID
	i.NodeID, i.Charge, i.BootMode, i.Partition, i.Epoch, i.Generation = place.NodeID, place.Charge, place.BootMode, place.Partition, 1, 1
	i.Desired, i.State, i.StateSince, i.LaunchTime, i.Created = state.Running, state.Pending, a.now, a.now, a.now
	eni.AccountID, eni.InstanceID, eni.Status, eni.Created, eni.Attached = i.AccountID, i.ID, "in-use", a.now, a.now
	i.Devices = slices.Clone(i.Devices)
	for n, v := range l.Volumes {
		d := &i.Devices[n]
		d.Attached = a.now
		v.AccountID, v.Zone, v.NodeID, v.Epoch, v.Created, v.State = i.AccountID, i.Zone, place.NodeID, 1, a.now, state.VolumeInUse
		v.Attachment = &state.Attachment{InstanceID: i.ID, Device: d.Name, State: "attaching", DeleteOnTermination: d.DeleteOnTermination, Attached: a.now}
		state.Volumes.Put(a.Txn, &v)
	}
	if _, replaces := state.NetworkInterfaces.Get(a.View, state.AnyAccount, eni.ID); replaces {
		free.forget() // two of one id, which no proposer makes: the addresses of the first are free again
	}
	state.NetworkInterfaces.Put(a.Txn, &eni)
	state.Instances.Put(a.Txn, &i)
	for _, t := range l.Tags {
		if refusal := a.tag(i.AccountID, t.ResourceID, t.ResourceType, t.Tags); refusal != nil {
			return refusal
		}
	}
	if l.Profile != nil {
		p := *l.Profile
		p.AccountID, p.InstanceID = i.AccountID, i.ID
		return a.putProfile(p)
	}
	return nil
}

func (a *apply) touchImage(id string) {
	if old, ok := state.Images.Get(a.View, state.AnyAccount, id); ok {
		image := *old
		image.LastLaunched = a.now
		state.Images.Put(a.Txn, &image)
	}
}
