// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Parse checks and compiles a document. The error is an *Error whose message is AWS's for MalformedPolicyDocument.
func Parse(kind Kind, text string) (*Document, error) {
	if len(text) > MaxText {
		return nil, malformed(msgSize)
	}
	root, ok := readJSON(text)
	if !ok || root.shape != shapeObject {
		return nil, malformed(msgSyntax)
	}
	d := &Document{Kind: kind, Version: "2008-10-17"}
	var statements *node
	for i, m := range root.members {
		switch {
		case m.name == "Version" && m.value.shape == shapeText:
			d.Version = m.value.text
		case m.name == "Id" && m.value.shape == shapeText:
			d.ID = m.value.text
		case m.name == "Statement":
			statements = &root.members[i].value
		default:
			return nil, malformed(msgSyntax)
		}
	}
	if err := checkVersion(d); err != nil {
		return nil, err
	}
	if statements == nil {
		return nil, malformed(msgSyntax)
	}
	list := []node{*statements}
	if statements.shape == shapeArray {
		list = statements.items
	}
	if len(list) == 0 {
		return nil, malformed(msgSyntax)
	}
	if err := d.parseStatements(text, list); err != nil {
		return nil, err
	}
	return d, nil
}

// checkVersion knows the two versions that there are; only documents with principals may have the older one.
func checkVersion(d *Document) error {
	switch d.Version {
	case "2012-10-17":
		return nil
	case "2008-10-17":
		if d.Kind.delegates() {
			return nil
		}
		return malformed(msgVersion)
	}
	return malformed(msgSyntax)
}

func (d *Document) parseStatements(text string, list []node) error {
	sids := map[string]bool{}
	for i, n := range list {
		s, err := d.parseStatement(n)
		if err != nil {
			return err
		}
		if s.Sid != "" && sids[s.Sid] {
			return malformed(msgUniqueSid)
		}
		sids[s.Sid] = true
		s.Index, s.Start, s.End = i, position(text, n.start), position(text, n.end)
		d.Statements = append(d.Statements, *s)
	}
	return nil
}

// fields are the members of a statement.
type fields map[string]node

var statementFields = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}

func (d *Document) parseStatement(n node) (*Statement, error) {
	if n.shape != shapeObject {
		return nil, malformed(msgSyntax)
	}
	f := fields{}
	for _, m := range n.members {
		if !slices.Contains(statementFields, m.name) {
			return nil, malformed(msgSyntax)
		}
		f[m.name] = m.value
	}
	if err := f.check(d.Kind); err != nil {
		return nil, err
	}
	s := &Statement{Effect: Effect(f["Effect"].text)}
	if s.Effect != Allow && s.Effect != Deny || f["Effect"].shape != shapeText {
		return nil, malformed(msgSyntax)
	}
	variables := d.Version == "2012-10-17"
	for _, step := range []func() error{
		func() error { return s.parseSid(f, d.Kind) },
		func() error { return s.parsePrincipal(f) },
		func() error { return s.parseActions(f, d.Kind) },
		func() error { return s.parseResources(f, variables) },
		func() (err error) {
			if c, ok := f["Condition"]; ok {
				s.conditions, err = parseConditions(c, variables)
			}
			return err
		},
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// check refuses the fields that the kind of document must not have and misses those that it must. The words differ:
// IAM's older check speaks of identity policies, a newer one of documents with principals.
func (f fields) check(kind Kind) error {
	has := func(names ...string) int {
		n := 0
		for _, name := range names {
			if _, ok := f[name]; ok {
				n++
			}
		}
		return n
	}
	if has("Action", "NotAction") > 1 || has("Resource", "NotResource") > 1 || has("Principal", "NotPrincipal") > 1 {
		return malformed(msgSyntax)
	}
	missing := func(field, identity string) error {
		if kind.delegates() {
			return malformed("Missing required field " + field)
		}
		return malformed(identity)
	}
	switch {
	case has("Effect") == 0:
		return missing("Effect", msgSyntax)
	case !kind.delegates() && has("Principal", "NotPrincipal") > 0:
		return malformed(msgPrincipal)
	case kind == Trust && has("NotPrincipal") > 0:
		return malformed("Has prohibited field NotPrincipal")
	case kind.delegates() && has("Principal", "NotPrincipal") == 0:
		return malformed("Missing required field Principal")
	case has("Action", "NotAction") == 0:
		return missing("Action", msgActions)
	case kind == Trust && has("Resource") > 0:
		return malformed("Has prohibited field Resource")
	case kind == Trust && has("NotResource") > 0:
		return malformed("Has prohibited field NotResource")
	case kind != Trust && has("Resource", "NotResource") == 0:
		return missing("Resource", msgResources)
	}
	return nil
}

var plainSid = regexp.MustCompile(`^[0-9A-Za-z]*$`)

// parseSid: the ids of statements in the policies of keys and buckets may hold anything.
func (s *Statement) parseSid(f fields, kind Kind) error {
	n, ok := f["Sid"]
	if !ok {
		return nil
	}
	if n.shape != shapeText {
		return malformed(msgSyntax)
	}
	if kind != Resource && !plainSid.MatchString(n.text) {
		return malformed(msgSid)
	}
	s.Sid = n.text
	return nil
}

func (s *Statement) parsePrincipal(f fields) error {
	var err error
	if n, ok := f["Principal"]; ok {
		s.principals, err = parsePrincipals(n, false)
	}
	if n, ok := f["NotPrincipal"]; ok {
		s.principals, err = parsePrincipals(n, true)
	}
	return err
}

var vendor = regexp.MustCompile(`^([0-9A-Za-z.-]+|\*)$`)

func (s *Statement) parseActions(f fields, kind Kind) error {
	n, ok := f["Action"]
	if !ok {
		n, s.Except = f["NotAction"], true
	}
	var read bool
	if s.Actions, read = n.texts(); !read {
		return malformed(msgSyntax)
	}
	if len(s.Actions) == 0 {
		return malformed(msgActions)
	}
	for _, a := range s.Actions {
		if err := checkAction(a, kind); err != nil {
			return err
		}
		p, _ := compilePattern(strings.ToLower(a), patternOptions{wildcards: true})
		s.actions = append(s.actions, p)
	}
	return nil
}

func checkAction(action string, kind Kind) error {
	service, name, ok := strings.Cut(action, ":")
	switch {
	case kind == Trust && action != "*" && !strings.EqualFold(service, "sts"):
		return malformed(msgAssumeRole)
	case action == "*":
		return nil
	case !ok:
		return malformed(msgVendor)
	case strings.Contains(name, ":"):
		return malformed(msgColon)
	case !vendor.MatchString(service):
		return malformed(fmt.Sprintf("Vendor %s is not valid", service))
	case name == "" || strings.ContainsAny(name, " \t\r\n"):
		return malformed(msgSyntax)
	}
	return nil
}

func (s *Statement) parseResources(f fields, variables bool) error {
	n, ok := f["Resource"]
	if !ok {
		if n, ok = f["NotResource"]; !ok {
			return nil
		}
		s.Outside = true
	}
	var read bool
	if s.Resources, read = n.texts(); !read {
		return malformed(msgSyntax)
	}
	if len(s.Resources) == 0 {
		return malformed(msgResources)
	}
	for _, r := range s.Resources {
		if err := checkResource(r); err != nil {
			return err
		}
		p, ok := compileARN(r, patternOptions{wildcards: true, variables: variables})
		if !ok {
			return malformed(msgSyntax)
		}
		s.resources = append(s.resources, p)
	}
	return nil
}

var (
	partition = regexp.MustCompile(`^(aws|aws-cn|aws-us-gov|.*[*?].*)$`)
	iamPath   = regexp.MustCompile(`^([*?$].*|(user|federated-user|role|group|instance-profile|mfa|server-certificate|policy|sms-mfa|saml-provider|oidc-provider|report|access-report)([/*?$].*)?|root)$`)
)

// checkResource refuses what can never name anything.
func checkResource(r string) error {
	if r == "*" {
		return nil
	}
	rest, ok := strings.CutPrefix(r, "arn:")
	if !ok {
		return malformed(fmt.Sprintf(`Resource %s must be in ARN format or "*".`, r))
	}
	parts := strings.SplitN(rest, ":", arnFields-1)
	if !partition.MatchString(parts[0]) {
		return malformed(fmt.Sprintf("Partition %q is not valid for resource %q.", parts[0], r))
	}
	if len(parts) < arnFields-1 {
		return nil
	}
	service, region, path := parts[1], parts[2], parts[4]
	switch {
	case service == "iam" && region != "" && region != "*":
		return malformed(fmt.Sprintf("IAM resource %s cannot contain region information.", r))
	case service == "iam" && !iamPath.MatchString(path):
		return malformed(msgIAMResources)
	case service == "s3" && region != "" && region != "*":
		return malformed(fmt.Sprintf("Resource %s can not contain region information.", r))
	}
	return nil
}
