// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// runProfile finds the rule of a command about instance profiles of instances.
func (a *apply) runProfile(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.AssociateProfile:
		return nil, a.associateProfile(c.Association)
	case command.DisassociateProfile:
		return nil, a.disassociateProfile(c.AccountID, c.AssociationID)
	case command.ReplaceProfile:
		if refusal := a.disassociateProfile(c.Association.AccountID, c.AssociationID); refusal != nil {
			return nil, refusal
		}
		return nil, a.associateProfile(c.Association)
	}
	return a.runPlacement(c)
}

// associateProfile gives an instance a profile. The instance may be pending, running, stopping or stopped.
func (a *apply) associateProfile(p state.ProfileAssociation) *command.Error {
	i, refusal := a.instance(p.AccountID, p.InstanceID)
	if refusal != nil {
		return refusal
	}
	if !i.Live() {
		return command.Errorf("IncorrectInstanceState", "The instance '%s' is not in a valid state for this operation.", i.ID)
	}
	if _, has := a.InstanceProfileOf(i.ID); has {
		return command.Errorf("IncorrectState", "There is an existing association for instance %s", i.ID)
	}
	return a.putProfile(p)
}

// putProfile writes an association with a profile that is there.
func (a *apply) putProfile(p state.ProfileAssociation) *command.Error {
	if _, ok := a.Profile(&p); !ok {
		return command.Errorf("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", p.Profile)
	}
	if _, ok := state.ProfileAssociations.Get(a.View, state.AnyAccount, p.ID); ok {
		return command.Errorf("InternalError", "The association id %s is in use.", p.ID)
	}
	p.Since = a.now
	state.ProfileAssociations.Put(a.Txn, &p)
	return nil
}

func (a *apply) disassociateProfile(account, id string) *command.Error {
	p, ok := state.ProfileAssociations.Get(a.View, account, id)
	if !ok {
		return command.Errorf("InvalidAssociationID.NotFound", "An invalid association-id of '%s' was given", id)
	}
	state.ProfileAssociations.Delete(a.Txn, p.ID)
	return nil
}

// dropProfile ends the association of an instance that is gone.
func (a *apply) dropProfile(instanceID string) {
	if p, ok := a.InstanceProfileOf(instanceID); ok {
		state.ProfileAssociations.Delete(a.Txn, p.ID)
	}
}
