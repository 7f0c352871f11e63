// SPDX-License-Identifier: Apache-2.0

package policy

import "unicode"

// Kind is what a document is attached to; the grammar depends on it.
type Kind int

// Kinds of documents.
const (
	Identity Kind = iota // of a user, group or role, managed or inline; permissions boundaries too
	Trust                // who may assume a role: a resource policy without resources
	Resource             // of a key or a bucket
	SCP                  // service control policies
	Session              // given when a session is made
)

// delegates reports whether documents of the kind name principals.
func (k Kind) delegates() bool { return k == Trust || k == Resource }

// Sizes that AWS allows, in characters without whitespace (see Size). The sum of inline policies counts for each
// user, group and role.
const (
	MaxManaged     = 6144
	MaxInlineUser  = 2048
	MaxInlineGroup = 5120
	MaxInlineRole  = 10240
	MaxTrust       = 2048
	MaxSession     = 2048
	MaxSCP         = 5120
	MaxKey         = 32 << 10  // of a KMS key
	MaxBucket      = 20 << 10  // of a bucket
	MaxText        = 128 << 10 // of any document with its whitespace: what the API takes at all
)

// Size is the length of a document as AWS's quotas count it: characters without whitespace.
func Size(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// Error is why a document is refused, in AWS's words: the message of MalformedPolicyDocument.
type Error struct{ Message string }

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Messages of AWS that have no parameters.
const (
	msgSyntax       = "Syntax errors in policy."
	msgVersion      = "Policy document must be version 2012-10-17 or greater."
	msgActions      = "Policy statement must contain actions."
	msgResources    = "Policy statement must contain resources."
	msgPrincipal    = "Policy document should not specify a principal."
	msgVendor       = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	msgColon        = "Actions/Condition can contain only one colon."
	msgUniqueSid    = "Statement IDs (SID) in a single policy must be unique."
	msgSid          = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
	msgAssumeRole   = "AssumeRole policy may only specify STS AssumeRole actions."
	msgLegacy       = "The policy failed legacy parsing"
	msgFederated    = "Federated principals must be valid domain names or SAML metadata ARNs"
	msgSize         = "Cannot exceed quota for PolicySize: 131072"
	msgIAMResources = `IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.`
)

func malformed(message string) error { return &Error{Message: message} }
