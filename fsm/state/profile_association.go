// SPDX-License-Identifier: Apache-2.0

package state

// ProfileAssociation gives an instance the role of an instance profile. An instance has at most one. It ends when the
// instance is terminated; the profile may be deleted before, and then the instance gets no credentials.
type ProfileAssociation struct {
	ID         string // iip-assoc- and 17 hex digits
	AccountID  string
	InstanceID string
	Profile    string // the profile's name
	ProfileID  string // AIPA...: a later profile of the same name is another one
	Since      Time
}

// ProfileAssociations by id, account and instance.
var ProfileAssociations = &Table[ProfileAssociation]{name: "profile_associations", id: 60, since: 2,
	key:     func(p *ProfileAssociation) string { return p.ID },
	account: func(p *ProfileAssociation) string { return p.AccountID },
	indexes: map[Index]func(*ProfileAssociation) []string{
		ByAccount:  func(p *ProfileAssociation) []string { return one(p.AccountID) },
		ByInstance: func(p *ProfileAssociation) []string { return one(p.InstanceID) },
	}}

// InstanceProfileOf is an instance's association, if it has one.
func (v *View) InstanceProfileOf(instanceID string) (*ProfileAssociation, bool) {
	return ProfileAssociations.First(v, ByInstance, instanceID)
}

// Profile is the profile that an association names; false when it was deleted since.
func (v *View) Profile(p *ProfileAssociation) (*InstanceProfile, bool) {
	profile, ok := InstanceProfiles.Get(v, p.AccountID, InstanceProfileKey(p.AccountID, p.Profile))
	if !ok || profile.ID != p.ProfileID {
		return nil, false
	}
	return profile, true
}
