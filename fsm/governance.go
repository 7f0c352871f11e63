// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// runGovernance is a part of run: what an operator decides about accounts.
func (a *apply) runGovernance(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.SetAccountStatus:
		return a.setAccountStatus(c)
	case command.RemoveAccount:
		return a.removeAccount(c)
	case command.PutServiceControlPolicy:
		return a.putServiceControlPolicy(c)
	case command.DeleteServiceControlPolicy:
		return a.deleteServiceControlPolicy(c)
	case command.AttachServiceControlPolicy:
		return a.attachServiceControlPolicy(c)
	case command.SetQuota:
		return a.setQuota(c)
	}
	return a.runNode(c)
}

// account finds an account that an operator may decide about.
func (a *apply) account(id string) (*state.Account, *command.Error) {
	account, ok := state.Accounts.Get(a.View, state.AnyAccount, id)
	switch {
	case !ok:
		return nil, command.Errorf("AccountNotFoundException", "There is no account %s.", id)
	case account.System:
		return nil, command.Errorf("ConstraintViolationException", "The account %s is the region's own.", id)
	}
	return account, nil
}

// setAccountStatus: closing is final, and only a suspended account closes.
func (a *apply) setAccountStatus(c command.SetAccountStatus) (any, *command.Error) {
	old, refusal := a.account(c.AccountID)
	if refusal != nil {
		return nil, refusal
	}
	switch {
	case old.Status == c.Status:
		return nil, nil
	case old.Status == state.AccountClosing:
		return nil, command.Errorf("ConstraintViolationException", "The account %s is being deleted.", old.ID)
	case c.Status == state.AccountClosing && old.Status != state.AccountSuspended:
		return nil, command.Errorf("ConstraintViolationException", "The account %s is %s; suspend it first.", old.ID, old.Status)
	case c.Status != state.AccountActive && c.Status != state.AccountSuspended && c.Status != state.AccountClosing:
		return nil, command.Errorf("ConstraintViolationException", "%s is no state of an account.", c.Status)
	}
	account := *old
	account.Status = c.Status
	state.Accounts.Put(a.Txn, &account)
	return nil, nil
}

// removeAccount is the last step of a deletion.
func (a *apply) removeAccount(c command.RemoveAccount) (any, *command.Error) {
	account, refusal := a.account(c.AccountID)
	if refusal != nil {
		return nil, refusal
	}
	if account.Status != state.AccountClosing {
		return nil, command.Errorf("ConstraintViolationException", "The account %s is %s.", account.ID, account.Status)
	}
	for i := range state.Instances.Of(a.View, account.ID) {
		if i.State != state.Terminated {
			return nil, command.Errorf("ConstraintViolationException", "The instance %s is %s.", i.ID, i.State)
		}
	}
	for v := range state.Volumes.Of(a.View, account.ID) {
		return nil, command.Errorf("ConstraintViolationException", "The volume %s is still there.", v.ID)
	}
	for s := range state.Snapshots.Of(a.View, account.ID) {
		if image, ok := a.imageOfOthers(s.ID, account.ID); ok {
			return nil, command.Errorf("ConstraintViolationException", "The image %s of another account is made of the snapshot %s.", image, s.ID)
		}
	}
	for _, p := range slices.Collect(state.ServiceControlPolicies.List(a.View, state.ByAccount, account.ID)) {
		policy := *p
		policy.Targets = targets(p.Targets, account.ID, true)
		state.ServiceControlPolicies.Put(a.Txn, &policy)
	}
	for _, image := range slices.Collect(state.Images.Of(a.View, account.ID)) {
		a.dropAllTags(image.ID) // others may have tagged what was shared with them
	}
	for _, t := range state.Tables() {
		t.Forget(a.Txn, account.ID)
	}
	return nil, nil
}

// imageOfOthers finds an image of another account that is made of a snapshot.
func (a *apply) imageOfOthers(snapshot, account string) (string, bool) {
	for image := range state.Images.All(a.View) {
		if image.AccountID == account {
			continue
		}
		for _, d := range image.Devices {
			if d.SnapshotID == snapshot {
				return image.ID, true
			}
		}
	}
	return "", false
}

func (a *apply) putServiceControlPolicy(c command.PutServiceControlPolicy) (any, *command.Error) {
	p := c.Policy
	p.Created, p.Updated, p.Targets = a.now, a.now, nil
	if have, ok := state.ServiceControlPolicies.First(a.View, state.ByName, p.Name); ok {
		p.ID, p.Created, p.Targets = have.ID, have.Created, have.Targets
	} else if _, ok := state.ServiceControlPolicies.Get(a.View, state.AnyAccount, p.ID); ok || p.ID == "" || p.ID == state.FullAccess || p.Name == "" {
		return nil, command.Errorf("DuplicatePolicyException", "The policy id %q is in use or may not be used.", p.ID)
	}
	state.ServiceControlPolicies.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) controlPolicy(id string) (*state.ServiceControlPolicy, *command.Error) {
	p, ok := state.ServiceControlPolicies.Get(a.View, state.AnyAccount, id)
	if !ok {
		return nil, command.Errorf("PolicyNotFoundException", "There is no service control policy %s.", id)
	}
	return p, nil
}

func (a *apply) deleteServiceControlPolicy(c command.DeleteServiceControlPolicy) (any, *command.Error) {
	p, refusal := a.controlPolicy(c.PolicyID)
	if refusal != nil {
		return nil, refusal
	}
	if len(p.Targets) > 0 {
		return nil, command.Errorf("PolicyInUseException", "The policy %s is attached to %d accounts.", p.ID, len(p.Targets))
	}
	state.ServiceControlPolicies.Delete(a.Txn, p.ID)
	return nil, nil
}

// maxControlPolicies is AWS's limit of service control policies of an account.
const maxControlPolicies = 5

func (a *apply) attachServiceControlPolicy(c command.AttachServiceControlPolicy) (any, *command.Error) {
	account, refusal := a.account(c.AccountID)
	if refusal != nil {
		return nil, refusal
	}
	if c.PolicyID == state.FullAccess {
		if c.Detach {
			state.BoundedAccounts.Put(a.Txn, &state.BoundedAccount{AccountID: account.ID})
		} else {
			state.BoundedAccounts.Delete(a.Txn, account.ID)
		}
		return nil, nil
	}
	old, refusal := a.controlPolicy(c.PolicyID)
	if refusal != nil {
		return nil, refusal
	}
	has := slices.Contains(old.Targets, account.ID)
	switch {
	case c.Detach && !has:
		return nil, command.Errorf("PolicyNotAttachedException", "The policy %s is not attached to the account %s.", old.ID, account.ID)
	case !c.Detach && has:
		return nil, command.Errorf("DuplicatePolicyAttachmentException", "The policy %s is attached to the account %s already.", old.ID, account.ID)
	case !c.Detach:
		attached := slices.Collect(state.ServiceControlPolicies.List(a.View, state.ByAccount, account.ID))
		if len(attached) >= maxControlPolicies {
			return nil, command.Errorf("ConstraintViolationException", "An account has at most %d service control policies.", maxControlPolicies)
		}
	}
	p := *old
	p.Targets = targets(old.Targets, account.ID, c.Detach)
	state.ServiceControlPolicies.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) setQuota(c command.SetQuota) (any, *command.Error) {
	if _, refusal := a.account(c.AccountID); refusal != nil {
		return nil, refusal
	}
	d, ok := state.FindQuota(c.Code)
	if !ok {
		return nil, command.Errorf("NoSuchResourceException", "There is no quota %s.", c.Code)
	}
	if c.Reset {
		state.AccountQuotas.Delete(a.Txn, state.QuotaKey(c.AccountID, d.Code))
		return nil, nil
	}
	if c.Value < 0 || c.Value > state.Unlimited {
		return nil, command.Errorf("IllegalArgumentException", "A quota is from 0 to %d.", state.Unlimited)
	}
	state.AccountQuotas.Put(a.Txn, &state.AccountQuota{AccountID: c.AccountID, Code: d.Code, Value: c.Value, Changed: a.now})
	return nil, nil
}

// checkQuotas checks what the account has after the change was made.
func (a *apply) checkQuotas(account string) *command.Error {
	vcpus, instances := map[string]int64{}, int64(0)
	for i := range state.Instances.Of(a.View, account) {
		if i.Live() {
			instances++
		}
		if i.Holds() {
			vcpus[state.QuotaOfType(i.Type)] += int64(i.Shape.VCPUs)
		}
	}
	for _, d := range state.QuotaDefs() { // the order of the list, not of the map
		if n, quota := vcpus[d.Code], a.Quota(account, d.Code); n > quota {
			return command.Errorf("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of %d allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.", quota)
		}
	}
	if quota := a.Quota(account, state.QuotaInstances); instances > quota {
		return command.Errorf("InstanceLimitExceeded", "Your quota allows for %d instances. You requested to have %d.", quota, instances)
	}
	return a.checkVolumeQuotas(account)
}

// checkVolumeQuotas is checkQuotas' part about volumes.
func (a *apply) checkVolumeQuotas(account string) *command.Error {
	var volumes, gib int64
	iops := map[string]int64{}
	for v := range state.Volumes.Of(a.View, account) {
		if v.State != state.VolumeDeleting {
			volumes++
			gib += v.SizeGiB
			iops[v.Type] += v.IOPS
		}
	}
	if quota := a.Quota(account, state.QuotaStorage); gib > quota {
		return command.Errorf("VolumeLimitExceeded", "You have exceeded your maximum of %d gibibytes of volumes.", quota)
	}
	if quota := a.Quota(account, state.QuotaVolumes); volumes > quota {
		return command.Errorf("VolumeLimitExceeded", "You have exceeded your maximum of %d volumes.", quota)
	}
	for _, t := range []struct{ kind, code string }{{"io1", state.QuotaIOPSio1}, {"io2", state.QuotaIOPSio2}} {
		if quota := a.Quota(account, t.code); iops[t.kind] > quota {
			return command.Errorf("MaxIOPSLimitExceeded", "You have exceeded your maximum of %d IOPS of %s volumes.", quota, t.kind)
		}
	}
	return nil
}
