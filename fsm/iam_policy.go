// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// maxPolicy is AWS's quota of a managed policy, in characters without white space.
const maxPolicy = 6144

// maxInline are AWS's quotas of all inline policies of one owner, in characters without white space.
var maxInline = map[command.IdentityKind]int{command.KindUser: 2048, command.KindGroup: 5120, command.KindRole: 10240}

// size counts a policy as IAM's quotas do: white space is free.
func size(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// awsManaged is the beginning of the ARNs of AWS's own policies; proposers check that they exist.
const awsManaged = "arn:aws:iam::aws:policy/"

// attachable checks that policies may be attached in an account: AWS's own, and the account's. Empty names are skipped.
func (a *apply) attachable(account string, arns ...string) *command.Error {
	for _, arn := range arns {
		if arn == "" || strings.HasPrefix(arn, awsManaged) {
			continue
		}
		if _, ok := state.ManagedPolicies.Get(a.View, account, arn); !ok {
			return command.Errorf(noSuchEntity, "Policy %s does not exist or is not attachable.", arn)
		}
	}
	return nil
}

// managed finds a managed policy of an account.
func (a *apply) managed(account, arn string) (*state.ManagedPolicy, *command.Error) {
	p, ok := state.ManagedPolicies.Get(a.View, account, arn)
	if !ok {
		return nil, notFound(command.KindPolicy, arn)
	}
	return p, nil
}

func policyFits(document string) *command.Error {
	if size(document) > maxPolicy {
		return command.Errorf(limitExceeded, "Cannot exceed quota for PolicySize: %d", maxPolicy)
	}
	return nil
}

func (a *apply) createManagedPolicy(c command.CreateManagedPolicy) (any, *command.Error) {
	p := c.Policy
	if taken(state.ManagedPolicies.Of(a.View, p.AccountID), func(p *state.ManagedPolicy) string { return p.Name }, p.Name, "") {
		return nil, command.Errorf(entityExists, "A policy called %s already exists. Duplicate names are not allowed.", p.Name)
	}
	if refusal := policyFits(c.Document); refusal != nil {
		return nil, refusal
	}
	if len(p.Tags) > maxTags {
		return nil, command.Errorf(limitExceeded, "The number of tags has reached the maximum limit of %d.", maxTags)
	}
	p.Versions, p.Default, p.Next = []state.PolicyVersion{{ID: "v1", Document: c.Document, Created: a.now}}, "v1", 2
	p.Created, p.Updated = a.now, a.now
	state.ManagedPolicies.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) createPolicyVersion(c command.CreatePolicyVersion) (any, *command.Error) {
	old, refusal := a.managed(c.AccountID, c.ARN)
	if refusal != nil {
		return nil, refusal
	}
	if len(old.Versions) >= maxPolicyVersions {
		return nil, command.Errorf(limitExceeded, "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxPolicyVersions)
	}
	if refusal := policyFits(c.Document); refusal != nil {
		return nil, refusal
	}
	p := *old
	v := state.PolicyVersion{ID: fmt.Sprint("v", p.Next), Document: c.Document, Created: a.now}
	p.Versions = append(slices.Clone(p.Versions), v)
	p.Next++
	p.Updated = a.now
	if c.SetDefault {
		p.Default = v.ID
	}
	state.ManagedPolicies.Put(a.Txn, &p)
	return v.ID, nil
}

// version finds a version of a managed policy.
func (a *apply) version(account, arn, id string) (*state.ManagedPolicy, *command.Error) {
	p, refusal := a.managed(account, arn)
	if refusal != nil {
		return nil, refusal
	}
	if _, ok := p.Version(id); !ok {
		return nil, command.Errorf(noSuchEntity, "Policy %s version %s does not exist or is not attachable.", arn, id)
	}
	return p, nil
}

func (a *apply) setDefaultPolicyVersion(c command.SetDefaultPolicyVersion) (any, *command.Error) {
	old, refusal := a.version(c.AccountID, c.ARN, c.Version)
	if refusal != nil {
		return nil, refusal
	}
	p := *old
	p.Default, p.Updated = c.Version, a.now
	state.ManagedPolicies.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) deletePolicyVersion(c command.DeletePolicyVersion) (any, *command.Error) {
	old, refusal := a.version(c.AccountID, c.ARN, c.Version)
	switch {
	case refusal != nil:
		return nil, refusal
	case old.Default == c.Version:
		return nil, command.Errorf(deleteConflict, "Cannot delete the default version of a policy.")
	}
	p := *old
	p.Versions = slices.DeleteFunc(slices.Clone(p.Versions), func(v state.PolicyVersion) bool { return v.ID == c.Version })
	p.Updated = a.now
	state.ManagedPolicies.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) deleteManagedPolicy(c command.DeleteManagedPolicy) (any, *command.Error) {
	p, refusal := a.managed(c.AccountID, c.ARN)
	switch {
	case refusal != nil:
		return nil, refusal
	case a.PolicyUses(c.AccountID)[c.ARN] != state.PolicyUse{}:
		return nil, command.Errorf(deleteConflict, "Cannot delete a policy attached to entities.")
	case len(p.Versions) > 1:
		return nil, command.Errorf(deleteConflict, "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	state.ManagedPolicies.Delete(a.Txn, c.ARN)
	return nil, nil
}

// holder is owner for those that can hold policies.
func (a *apply) holder(account string, kind command.IdentityKind, name string) (*owner, *command.Error) {
	o, refusal := a.owner(account, kind, name)
	if refusal == nil && o.attached == nil {
		return nil, command.Errorf("InvalidInput", "A %s holds no policies.", kind)
	}
	return o, refusal
}

func (a *apply) attachPolicy(c command.AttachPolicy) (any, *command.Error) {
	o, refusal := a.holder(c.AccountID, c.Kind, c.Name)
	if refusal != nil {
		return nil, refusal
	}
	_, attached := slices.BinarySearch(*o.attached, c.ARN)
	switch {
	case c.Detach && !attached:
		return nil, command.Errorf(noSuchEntity, "Policy %s was not found.", c.ARN)
	case c.Detach:
		*o.attached = removed(*o.attached, c.ARN)
	case attached:
		return nil, nil
	default:
		if refusal := a.attachable(c.AccountID, c.ARN); refusal != nil {
			return nil, refusal
		}
		if len(*o.attached) >= maxAttached {
			title := strings.ToUpper(string(c.Kind[:1])) + string(c.Kind[1:])
			return nil, command.Errorf(limitExceeded, "Cannot exceed quota for PoliciesPer%s: %d", title, maxAttached)
		}
		*o.attached = added(*o.attached, c.ARN)
	}
	o.put()
	return nil, nil
}

func (a *apply) putInlinePolicy(c command.PutInlinePolicy) (any, *command.Error) {
	o, refusal := a.holder(c.AccountID, c.Kind, c.Name)
	if refusal != nil {
		return nil, refusal
	}
	at := slices.IndexFunc(*o.inline, func(p state.InlinePolicy) bool { return p.Name == c.Policy })
	rest := slices.Clone(*o.inline)
	if at >= 0 {
		rest = slices.Delete(rest, at, at+1)
	}
	switch {
	case c.Remove && at < 0:
		return nil, command.Errorf(noSuchEntity, "The %s policy with name %s cannot be found.", c.Kind, c.Policy)
	case !c.Remove:
		rest = append(rest, state.InlinePolicy{Name: c.Policy, Document: c.Document})
		slices.SortFunc(rest, func(x, y state.InlinePolicy) int { return strings.Compare(x.Name, y.Name) })
		sum := 0
		for _, p := range rest {
			sum += size(p.Document)
		}
		if limit := maxInline[c.Kind]; sum > limit {
			return nil, command.Errorf(limitExceeded, "Maximum policy size of %d bytes exceeded for %s %s", limit, c.Kind, c.Name)
		}
	case len(rest) == 0:
		rest = nil
	}
	*o.inline = rest
	o.put()
	return nil, nil
}

func (a *apply) setBoundary(c command.SetBoundary) (any, *command.Error) {
	o, refusal := a.owner(c.AccountID, c.Kind, c.Name)
	switch {
	case refusal != nil:
		return nil, refusal
	case o.boundary == nil:
		return nil, command.Errorf("InvalidInput", "A %s has no permissions boundary.", c.Kind)
	}
	if refusal := a.attachable(c.AccountID, c.ARN); refusal != nil {
		return nil, refusal
	}
	*o.boundary = c.ARN
	o.put()
	return nil, nil
}
