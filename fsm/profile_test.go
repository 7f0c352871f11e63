// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"testing"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

const profileOwner = "123456789012"

// profiled is a region with an account, a role and two profiles of it.
func profiled(t *testing.T) *fsmtest.Region {
	t.Helper()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, profileOwner)
	for _, c := range []command.Command{
		command.CreateRole{Role: state.Role{AccountID: profileOwner, Name: "r", ID: "AROA1", Path: "/", MaxSession: 3600, Trust: `{"Version":"2012-10-17","Statement":[]}`}},
		command.CreateInstanceProfile{Profile: state.InstanceProfile{AccountID: profileOwner, Name: "p", ID: "AIPA1", Path: "/"}},
		command.CreateInstanceProfile{Profile: state.InstanceProfile{AccountID: profileOwner, Name: "q", ID: "AIPA2", Path: "/"}},
		command.SetProfileRole{AccountID: profileOwner, Profile: "p", Role: "r"},
	} {
		if err := r.Propose(t.Context(), c, nil); err != nil {
			t.Fatalf("%T: %v", c, err)
		}
	}
	return r
}

func codeOf(err error) string {
	if e, ok := err.(*command.Error); ok {
		return e.Code
	}
	return ""
}

// TestProfiles_RulesOfAssociations goes through the life of an association of an instance that is not there, which every
// command refuses, and through what needs none.
func TestProfiles_RulesOfAssociations(t *testing.T) {
	t.Parallel()
	r := profiled(t)
	row := state.ProfileAssociation{ID: "iip-assoc-1", AccountID: profileOwner, InstanceID: "i-none", Profile: "p", ProfileID: "AIPA1"}
	for name, c := range map[string]struct {
		command command.Command
		code    string
	}{
		"no such instance":    {command.AssociateProfile{Association: row}, "InvalidInstanceID.NotFound"},
		"no such association": {command.DisassociateProfile{AccountID: profileOwner, AssociationID: "iip-assoc-1"}, "InvalidAssociationID.NotFound"},
		"nothing to replace":  {command.ReplaceProfile{AssociationID: "iip-assoc-1", Association: row}, "InvalidAssociationID.NotFound"},
	} {
		if err := r.Propose(t.Context(), c.command, nil); codeOf(err) != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
}
