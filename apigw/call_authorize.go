// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hivecloud/hive/apigw/awserr"
)

// Authorize asks whether the principal may do this action with these resources; none means the action as a whole
// ("*"). A handler calls it after it has found the resources and before it changes or answers anything. The error, if
// any, is the handler's answer: UnauthorizedOperation or AccessDenied, or DryRunOperation for a dry run that may.
//
// Where EC2 resources get tags while they are made (RequestTags), the caller also needs ec2:CreateTags for them, with
// the action as ec2:CreateAction: that is asked here, for every action.
func (c *Call) Authorize(resources ...Resource) error {
	if err := c.AuthorizeAction(c.Service+":"+c.Action, resources...); err != nil {
		return err
	}
	if tagged := c.taggedOnCreate(resources); len(tagged) > 0 {
		if err := c.AuthorizeAction("ec2:CreateTags", tagged...); err != nil {
			return err
		}
	}
	c.authorized.Store(true)
	if c.DryRun {
		return awserr.DryRunOperation()
	}
	return nil
}

// Admit makes who the handler found to be calling the caller of an unsigned call, and stands for Authorize: the proof that
// came with the call, and what the handler checked it against, decided. It panics in a signed call: a broken invariant.
func (c *Call) Admit(p Principal) {
	if c.Principal.AccountID != "" {
		panic("apigw: admit another caller into a signed call")
	}
	c.Account, c.Principal = p.AccountID, p
	c.authorized.Store(true)
}

// Proven stands for Authorize in a call that is decided by a proof of its own, whoever signed it. See Admit.
func (c *Call) Proven() { c.authorized.Store(true) }

// Signed tells whether the call came with a signature, whose principal it has.
func (c *Call) Signed() bool { return c.Principal.AccountID != "" }

// AuthorizeAction asks about another action that this call implies, iam:PassRole with the role for one. It does not
// stand for Authorize; a handler calls it before.
func (c *Call) AuthorizeAction(action string, resources ...Resource) error {
	resources = slices.Clone(resources) // the caller's may be asked about from elsewhere at the same time
	for i := range resources {
		if resources[i].Account == "" {
			resources[i].Account = c.Account
		}
	}
	d, err := c.authorizer.Authorize(c.ctx, AuthzRequest{
		Principal: c.Principal, Action: action, Resources: resources, Region: c.Region,
		SourceIP: c.SourceIP, UserAgent: c.UserAgent, SecureTransport: c.Secure, Time: c.Time, Keys: c.Keys,
	})
	if err != nil {
		return fmt.Errorf("authorize %s: %w", action, err)
	}
	c.asked = append(c.asked, resources...)
	if !d.Allowed {
		return c.refusal(action, d)
	}
	return nil
}

// AuthorizedBy says that AuthorizeAction has allowed all that the call's own action stands for: kms:ReEncrypt is
// kms:ReEncryptFrom and kms:ReEncryptTo, and no permission of its own. It panics when none was asked.
func (c *Call) AuthorizedBy(actions ...string) {
	if len(c.asked) < len(actions) {
		panic("apigw: " + c.Action + " was not authorized")
	}
	c.authorized.Store(true)
}

// refusal phrases a refusal in the service's way.
func (c *Call) refusal(action string, d Decision) error {
	resource := d.Resource
	if c.Service == "ec2" {
		if resource == "*" {
			return awserr.Unauthorized(c.Principal.ARN, action, "", d.Reason, "")
		}
		return awserr.Unauthorized(c.Principal.ARN, action, resource, d.Reason, d.Encoded)
	}
	if resource == "" {
		resource = "*"
	}
	return awserr.AccessDenied(c.Principal.ARN, action, resource, d.Reason)
}

// taggedOnCreate are the resources that an EC2 call makes with tags, as ec2:CreateTags is asked about them.
func (c *Call) taggedOnCreate(resources []Resource) []Resource {
	if c.Service != "ec2" || c.Action == "CreateTags" {
		return nil
	}
	var out []Resource
	for _, r := range resources {
		if len(r.RequestTags) == 0 {
			continue
		}
		r.Conditions = maps.Clone(r.Conditions)
		if r.Conditions == nil {
			r.Conditions = map[string]string{}
		}
		r.Conditions["ec2:CreateAction"] = c.Action
		out = append(out, r)
	}
	return out
}
