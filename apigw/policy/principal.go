// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Principal is who asks. The zero Principal is an anonymous caller.
type Principal struct {
	Account string // 12 digits
	ARN     string // of the user, the role's session, the federated user or the root user
	// RoleARN is the role of a session: "arn:aws:iam::123456789012:role/r".
	RoleARN string
	// UserID is AIDA..., AROA...:SESSION, ACCOUNT:NAME of a federated user, or the account's id for root.
	UserID   string
	UserName string // of an IAM user
	// Service is a service's principal ("ec2.amazonaws.com"); it has no account.
	Service string
	// Federated is the identity provider that vouches for a caller without an account: an OIDC provider's ARN.
	Federated string
	Root      bool // the account's root user
}

// grant is how closely a resource's policy names the caller; AWS bounds the effect of each by other layers.
type grant int

const (
	grantNone    grant = iota
	grantAccount       // its account: the account's own policies decide
	grantRole          // its role, or everyone: boundary and session policy still bound it
	grantExact         // the user or the session itself
)

// principals is a statement's Principal or NotPrincipal.
type principals struct {
	except    bool // NotPrincipal
	everyone  bool
	accounts  []string
	arns      []string
	ids       []string // unique ids that stand where a user or role was deleted
	services  []string
	federated []string
	canonical []string
}

// grants returns how closely the list names the caller.
func (p *principals) grants(who *Principal) grant {
	best := grantNone
	if p.everyone {
		best = grantRole
	}
	switch {
	case who.Service != "" && slices.Contains(p.services, who.Service), who.Federated != "" && slices.Contains(p.federated, who.Federated):
		return grantExact
	case who.Account == "":
		return best
	case slices.Contains(p.arns, who.ARN):
		return grantExact
	case who.RoleARN == "" && slices.Contains(p.ids, who.UserID):
		return grantExact
	case who.RoleARN != "" && (slices.Contains(p.arns, who.RoleARN) || slices.Contains(p.ids, before(who.UserID, ":"))):
		return grantRole
	case best == grantNone && slices.Contains(p.accounts, who.Account):
		return grantAccount
	}
	return best
}

// exempts reports whether NotPrincipal leaves the caller out: everything that the caller is has to be listed, the
// account and the role of a session too, as AWS documents.
func (p *principals) exempts(who *Principal) bool {
	switch {
	case p.everyone:
		return true
	case who.Service != "":
		return slices.Contains(p.services, who.Service)
	case who.Federated != "" && who.Account == "":
		return slices.Contains(p.federated, who.Federated)
	case who.Account == "" || !slices.Contains(p.accounts, who.Account):
		return false
	case who.Root:
		return true
	case !slices.Contains(p.arns, who.ARN) && !slices.Contains(p.ids, who.UserID):
		return false
	}
	return who.RoleARN == "" || slices.Contains(p.arns, who.RoleARN)
}

func before(text, cut string) string {
	head, _, _ := strings.Cut(text, cut)
	return head
}

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	uniqueID  = regexp.MustCompile(`^A(IDA|ROA|GPA)[A-Z0-9]{12,124}$`)
	callerARN = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::([0-9]{12}):(root|user/.+|role/.+|assumed-role/[^/]+/.+|federated-user/.+)$`)
	domain    = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)
)

// parsePrincipals reads the value of Principal or NotPrincipal.
func parsePrincipals(n node, except bool) (*principals, error) {
	p := &principals{except: except}
	if n.shape == shapeText {
		if n.text != "*" {
			return nil, malformed(msgSyntax)
		}
		p.everyone = true
		return p, nil
	}
	if n.shape != shapeObject || len(n.members) == 0 {
		return nil, malformed(msgSyntax)
	}
	for _, m := range n.members {
		values, ok := m.value.texts()
		if !ok || len(values) == 0 {
			return nil, malformed(msgSyntax)
		}
		for _, v := range values {
			if err := p.add(m.name, v); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

func (p *principals) add(kind, value string) error {
	refuse := &Error{Message: fmt.Sprintf("Invalid principal in policy: %q:%q", strings.ToUpper(kind), value)}
	switch kind {
	case "AWS":
		refuse.Message = fmt.Sprintf("Invalid principal in policy: %q:%q", kind, value)
		return p.addAWS(value, refuse)
	case "Service":
		if !domain.MatchString(value) {
			return refuse
		}
		p.services = append(p.services, value)
	case "Federated":
		if !domain.MatchString(value) && !strings.HasPrefix(value, "arn:") && value != "*" {
			return malformed(msgFederated)
		}
		p.federated = append(p.federated, value)
	case "CanonicalUser":
		p.canonical = append(p.canonical, value)
	default:
		return malformed(msgSyntax)
	}
	return nil
}

func (p *principals) addAWS(value string, refuse *Error) error {
	caller := callerARN.FindStringSubmatch(value)
	switch {
	case value == "*":
		p.everyone = true
	case accountID.MatchString(value):
		p.accounts = append(p.accounts, value)
	case uniqueID.MatchString(value):
		p.ids = append(p.ids, value)
	case caller == nil || strings.ContainsAny(value, "*?"):
		return refuse
	case caller[3] == "root":
		p.accounts = append(p.accounts, caller[2])
	default:
		p.arns = append(p.arns, value)
	}
	return nil
}

// PrincipalARNs are the users, roles and sessions that the document's statements name, in their order: for callers
// that refuse the names of what does not exist.
func (d *Document) PrincipalARNs() []string {
	var out []string
	for i := range d.Statements {
		if p := d.Statements[i].principals; p != nil {
			out = append(out, p.arns...)
		}
	}
	return out
}
