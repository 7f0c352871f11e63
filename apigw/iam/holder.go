// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// holder is a user, group or role, as something that holds policies.
type holder struct {
	kind     command.IdentityKind
	name     string
	attached []string
	inline   []state.InlinePolicy
	resource apigw.Resource
}

// findHolder finds a holder of a kind by name.
func findHolder(v *state.View, call *apigw.Call, kind command.IdentityKind, name *string) (holder, error) {
	switch kind {
	case command.KindUser:
		u, err := namedUser(v, call, name)
		if err != nil {
			return holder{}, err
		}
		return holder{kind, u.Name, u.AttachedTo(), u.Inline, userResource(u)}, nil
	case command.KindGroup:
		g, err := findGroup(v, call.Account, name)
		if err != nil {
			return holder{}, err
		}
		return holder{kind, g.Name, g.Attached, g.Inline, groupResource(g)}, nil
	}
	r, err := findRole(v, call.Account, name)
	if err != nil {
		return holder{}, err
	}
	return holder{kind, r.Name, r.Attached, r.Inline, roleResource(r)}, nil
}

// held finds a holder and authorizes the call for it.
func (s *Service) held(ctx context.Context, kind command.IdentityKind, name *string, conditions ...string) (*apigw.Call, holder, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, holder{}, err
	}
	h, err := findHolder(v, call, kind, name)
	if err != nil {
		return nil, holder{}, err
	}
	for i := 0; i+1 < len(conditions); i += 2 {
		h.resource = with(h.resource, conditions[i], conditions[i+1])
	}
	return call, h, call.Authorize(h.resource)
}

// attach attaches a managed policy, or detaches it.
func (s *Service) attach(ctx context.Context, kind command.IdentityKind, name, arn *string, detach bool) error {
	wanted, err := checkPolicyARN("policyArn", arn)
	if err != nil {
		return err
	}
	call, h, err := s.held(ctx, kind, name, policyKey, wanted)
	if err != nil {
		return err
	}
	return s.change(ctx, command.AttachPolicy{AccountID: call.Account, Kind: kind, Name: h.name, ARN: wanted, Detach: detach}, nil)
}

// attachedTo is one page of what is attached.
func (s *Service) attachedTo(ctx context.Context, kind command.IdentityKind, name, prefix *string, maxItems *int32, marker *string) ([]types.AttachedPolicy, *string, error) {
	under, err := checkPrefix(prefix)
	if err != nil {
		return nil, nil, err
	}
	call, h, err := s.held(ctx, kind, name)
	if err != nil {
		return nil, nil, err
	}
	var rows []types.AttachedPolicy
	for _, p := range shownAttached(h.attached) {
		_, resource, _ := strings.Cut(*p.PolicyArn, ":policy")
		if strings.HasPrefix(resource, under) {
			rows = append(rows, p)
		}
	}
	return listed(call, rows, func(p types.AttachedPolicy) string { return *p.PolicyArn }, maxItems, marker, func(p types.AttachedPolicy) types.AttachedPolicy { return p })
}

// putInline writes a policy into its owner, or removes it.
func (s *Service) putInline(ctx context.Context, kind command.IdentityKind, name, policyName, document *string, remove bool) error {
	p, err := checkName("policyName", policyName, 128)
	if err != nil {
		return err
	}
	text := ""
	if !remove {
		if text, err = checkDocument(policy.Identity, "policyDocument", document); err != nil {
			return err
		}
	}
	call, h, err := s.held(ctx, kind, name)
	if err != nil {
		return err
	}
	return s.change(ctx, command.PutInlinePolicy{AccountID: call.Account, Kind: kind, Name: h.name, Policy: p, Document: text, Remove: remove}, nil)
}

// inline finds an inline policy: its owner's name, its own, and its document as it is answered.
func (s *Service) inline(ctx context.Context, kind command.IdentityKind, name, policyName *string) (owner, own, document *string, err error) {
	wanted, err := checkName("policyName", policyName, 128)
	if err != nil {
		return nil, nil, nil, err
	}
	_, h, err := s.held(ctx, kind, name)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, p := range h.inline {
		if p.Name == wanted {
			return &h.name, aws.String(p.Name), encode(p.Document), nil
		}
	}
	return nil, nil, nil, awserr.NoSuchEntity("The %s policy with name %s cannot be found.", kind, wanted)
}

// inlineNames is one page of the names of inline policies.
func (s *Service) inlineNames(ctx context.Context, kind command.IdentityKind, name *string, maxItems *int32, marker *string) ([]string, *string, error) {
	call, h, err := s.held(ctx, kind, name)
	if err != nil {
		return nil, nil, err
	}
	return listed(call, h.inline, func(p state.InlinePolicy) string { return p.Name }, maxItems, marker, func(p state.InlinePolicy) string { return p.Name })
}

// bound sets a permissions boundary; a nil ARN takes it away.
func (s *Service) bound(ctx context.Context, kind command.IdentityKind, name, arn *string) error {
	wanted := ""
	var conditions []string
	if arn != nil {
		var err error
		if wanted, err = checkPolicyARN("permissionsBoundary", arn); err != nil {
			return err
		}
		conditions = []string{boundaryKey, wanted}
	}
	call, h, err := s.held(ctx, kind, name, conditions...)
	if err != nil {
		return err
	}
	return s.change(ctx, command.SetBoundary{AccountID: call.Account, Kind: kind, Name: h.name, ARN: wanted}, nil)
}
