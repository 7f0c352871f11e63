// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// IdentityKind says what a name of IAM's names.
type IdentityKind string

// Kinds of identities and what else has tags.
const (
	KindUser     IdentityKind = "user"
	KindGroup    IdentityKind = "group"
	KindRole     IdentityKind = "role"
	KindPolicy   IdentityKind = "policy"
	KindProfile  IdentityKind = "instance-profile"
	KindProvider IdentityKind = "oidc-provider"
)

// identityCommands lists a zero value of every command of IAM's.
func identityCommands() []Command {
	return []Command{
		CreateUser{}, UpdateUser{}, DeleteUser{}, CreateGroup{}, UpdateGroup{}, DeleteGroup{}, ChangeMembership{}, CreateRole{}, UpdateRole{},
		DeleteRole{}, CreateInstanceProfile{}, SetProfileRole{}, DeleteInstanceProfile{}, CreateManagedPolicy{}, CreatePolicyVersion{}, SetDefaultPolicyVersion{}, DeletePolicyVersion{},
		DeleteManagedPolicy{}, AttachPolicy{}, PutInlinePolicy{}, SetBoundary{}, TagIdentity{}, SetAccountAlias{}, SetPasswordPolicy{},
		SetLoginProfile{}, CreateOIDCProvider{}, UpdateOIDCProvider{}, DeleteOIDCProvider{}, ReportKeyUses{},
	}
}

// CreateManagedPolicy makes a managed policy; its document becomes version v1.
type CreateManagedPolicy struct {
	Policy   state.ManagedPolicy
	Document string
}

// Type is the command's number.
func (CreateManagedPolicy) Type() Type { return 123 }

// Since is the command's format level.
func (CreateManagedPolicy) Since() int { return 2 }

// CreatePolicyVersion adds a version to a managed policy. The answer is its id.
type CreatePolicyVersion struct {
	AccountID, ARN, Document string
	SetDefault               bool
}

// Type is the command's number.
func (CreatePolicyVersion) Type() Type { return 124 }

// Since is the command's format level.
func (CreatePolicyVersion) Since() int { return 2 }

// SetDefaultPolicyVersion puts a version in force.
type SetDefaultPolicyVersion struct {
	AccountID, ARN, Version string
}

// Type is the command's number.
func (SetDefaultPolicyVersion) Type() Type { return 125 }

// Since is the command's format level.
func (SetDefaultPolicyVersion) Since() int { return 2 }

// DeletePolicyVersion removes a version that is not in force.
type DeletePolicyVersion struct {
	AccountID, ARN, Version string
}

// Type is the command's number.
func (DeletePolicyVersion) Type() Type { return 126 }

// Since is the command's format level.
func (DeletePolicyVersion) Since() int { return 2 }

// DeleteManagedPolicy removes a managed policy that is attached to nothing.
type DeleteManagedPolicy struct {
	AccountID, ARN string
}

// Type is the command's number.
func (DeleteManagedPolicy) Type() Type { return 127 }

// Since is the command's format level.
func (DeleteManagedPolicy) Since() int { return 2 }

// AttachPolicy attaches a managed policy to a user, group or role, or detaches it.
type AttachPolicy struct {
	AccountID string
	Kind      IdentityKind
	Name, ARN string
	Detach    bool
}

// Type is the command's number.
func (AttachPolicy) Type() Type { return 128 }

// Since is the command's format level.
func (AttachPolicy) Since() int { return 2 }

// PutInlinePolicy writes a policy into the row of a user, group or role, or removes it.
type PutInlinePolicy struct {
	AccountID              string
	Kind                   IdentityKind
	Name, Policy, Document string
	Remove                 bool
}

// Type is the command's number.
func (PutInlinePolicy) Type() Type { return 129 }

// Since is the command's format level.
func (PutInlinePolicy) Since() int { return 2 }

// SetBoundary bounds what a user or role may be allowed by a managed policy; an empty ARN takes the boundary away.
type SetBoundary struct {
	AccountID string
	Kind      IdentityKind
	Name, ARN string
}

// Type is the command's number.
func (SetBoundary) Type() Type { return 130 }

// Since is the command's format level.
func (SetBoundary) Since() int { return 2 }

// TagIdentity sets and removes tags of something of IAM's. Name is the ARN for policies and providers.
type TagIdentity struct {
	AccountID string
	Kind      IdentityKind
	Name      string
	Set       map[string]string
	Remove    []string
}

// Type is the command's number.
func (TagIdentity) Type() Type { return 131 }

// Since is the command's format level.
func (TagIdentity) Since() int { return 2 }

// SetAccountAlias gives an account its alias, or takes it away.
type SetAccountAlias struct {
	AccountID, Alias string
	Remove           bool
}

// Type is the command's number.
func (SetAccountAlias) Type() Type { return 132 }

// Since is the command's format level.
func (SetAccountAlias) Since() int { return 2 }

// SetPasswordPolicy writes an account's password policy; nil removes it.
type SetPasswordPolicy struct {
	AccountID string
	Policy    *state.PasswordPolicy
}

// Type is the command's number.
func (SetPasswordPolicy) Type() Type { return 133 }

// Since is the command's format level.
func (SetPasswordPolicy) Since() int { return 2 }

// SetLoginProfile makes, changes or removes a user's password for the console.
type SetLoginProfile struct {
	AccountID, User string
	Create, Remove  bool
	Hash            *string // argon2id in PHC form
	ResetRequired   *bool
}

// Type is the command's number.
func (SetLoginProfile) Type() Type { return 134 }

// Since is the command's format level.
func (SetLoginProfile) Since() int { return 2 }

// CreateOIDCProvider makes an identity provider that trust policies may name.
type CreateOIDCProvider struct {
	Provider state.OIDCProvider
}

// Type is the command's number.
func (CreateOIDCProvider) Type() Type { return 135 }

// Since is the command's format level.
func (CreateOIDCProvider) Since() int { return 2 }

// UpdateOIDCProvider changes a provider's thumbprints or clients.
type UpdateOIDCProvider struct {
	AccountID, ARN          string
	Thumbprints             []string // nil leaves them
	AddClient, RemoveClient string
}

// Type is the command's number.
func (UpdateOIDCProvider) Type() Type { return 136 }

// Since is the command's format level.
func (UpdateOIDCProvider) Since() int { return 2 }

// DeleteOIDCProvider removes an identity provider.
type DeleteOIDCProvider struct {
	AccountID, ARN string
}

// Type is the command's number.
func (DeleteOIDCProvider) Type() Type { return 137 }

// Since is the command's format level.
func (DeleteOIDCProvider) Since() int { return 2 }

// ReportKeyUses says which access keys signed requests on a node lately.
type ReportKeyUses struct {
	NodeID string
	Uses   []state.KeyUse
}

// Type is the command's number.
func (ReportKeyUses) Type() Type { return 138 }

// Since is the command's format level.
func (ReportKeyUses) Since() int { return 2 }
