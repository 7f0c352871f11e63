// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
)

// Context answers what conditions and variables ask about. Keys come in lower case: AWS does not distinguish the case
// of condition keys, tag keys within them included.
type Context interface {
	// Value returns the values of a key; none when the request has no such key. It must be quick and may be called
	// for the same key many times.
	Value(key string) []string
}

// Keys is a Context made of a map with keys in lower case.
type Keys map[string][]string

var _ Context = Keys(nil)

// Value returns a key's values.
func (k Keys) Value(key string) []string { return k[key] }

// NewKeys lowers the keys of a map.
func NewKeys(keys map[string][]string) Keys {
	out := make(Keys, len(keys))
	for key, values := range keys {
		out[strings.ToLower(key)] = values
	}
	return out
}

// Request is one question: may this principal do this action with this resource? A call that touches several resources
// asks once for each.
type Request struct {
	Principal Principal
	Action    string // "ec2:RunInstances"
	Resource  string // an ARN, or "*" for actions without resources
	// ResourceAccount owns the resource; empty means the principal's account.
	ResourceAccount string
	// ResourceDecides says that the resource's own policy has to allow too, within one account as well: KMS keys and
	// the trust policies of roles.
	ResourceDecides bool
	Context         Context // nil has no keys
	// Brief wants the decision and not the statements that allow it: Matched holds denying ones only.
	Brief bool
}

// derived are the keys that follow from the request itself, when its Context does not have them.
func (r *Request) derived(key string) string {
	p := &r.Principal
	switch key {
	case "aws:principalarn":
		if p.RoleARN != "" {
			return p.RoleARN
		}
		return p.ARN
	case "aws:principalaccount":
		return p.Account
	case "aws:userid":
		return p.UserID
	case "aws:username":
		return p.UserName
	case "aws:principaltype":
		return p.kind()
	case "aws:resourceaccount":
		if r.ResourceAccount != "" {
			return r.ResourceAccount
		}
		return p.Account
	}
	return ""
}

// kind is the value of aws:PrincipalType.
func (p *Principal) kind() string {
	switch {
	case p.Root:
		return "Account"
	case p.RoleARN != "":
		return "AssumedRole"
	case p.Account == "":
		return "Anonymous"
	case strings.Contains(p.ARN, ":federated-user/"):
		return "FederatedUser"
	}
	return "User"
}

// Source is a document and where it comes from.
type Source struct {
	// ID names the document in answers: a policy's ARN, or "PolicyInputList.1".
	ID string
	// Type is AWS's PolicySourceType: "user", "group", "role", "aws-managed", "user-managed", "resource", "none".
	Type     string
	Document *Document
}

// Layer is a set of documents that together allow or do not. A nil *Layer does not exist and bounds nothing; an empty
// one allows nothing.
type Layer struct{ Sources []Source }

// NewLayer is a layer of these sources.
func NewLayer(sources ...Source) *Layer { return &Layer{Sources: sources} }

// Set is every document that applies to a request.
type Set struct {
	Identity []Source // of the user with its groups, or of the role
	Resource []Source // of the resource
	Boundary *Layer   // the permissions boundary
	Session  *Layer   // what the session was limited to
	// SCPs and RCPs are one layer for each level of the organization, from the root to the account: each must allow.
	SCPs []Layer
	RCPs []Layer
	// Endpoint is the policy of the VPC endpoint that the request came through.
	Endpoint *Layer
}
