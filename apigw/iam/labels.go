// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// labelled is something that has tags: how commands call it, and what it is to policies.
type labelled struct {
	kind     command.IdentityKind
	name     string
	resource apigw.Resource
}

// findLabelled finds it by its name, or by its ARN.
func findLabelled(v *state.View, call *apigw.Call, kind command.IdentityKind, name *string) (labelled, error) {
	switch kind {
	case command.KindPolicy:
		p, err := findPolicy(v, call.Account, name)
		if err != nil {
			return labelled{}, err
		}
		return labelled{kind, *p.Arn, policyResource(call.Account, *p.Arn, p.tags)}, nil
	case command.KindProfile:
		p, err := findProfile(v, call.Account, name)
		if err != nil {
			return labelled{}, err
		}
		return labelled{kind, p.Name, profileResource(p)}, nil
	case command.KindProvider:
		p, err := findProvider(v, call.Account, name)
		if err != nil {
			return labelled{}, err
		}
		return labelled{kind, p.ARN, providerResource(p)}, nil
	}
	h, err := findHolder(v, call, kind, name)
	return labelled{kind, h.name, h.resource}, err
}

// tag sets tags.
func (s *Service) tag(ctx context.Context, kind command.IdentityKind, name *string, in []types.Tag) error {
	set, err := tagsOf(in)
	if err != nil {
		return err
	}
	if set == nil {
		return null("tags")
	}
	return s.relabel(ctx, kind, name, set, nil)
}

// untag removes tags; keys that are not there are no error.
func (s *Service) untag(ctx context.Context, kind command.IdentityKind, name *string, keys []string) error {
	if len(keys) == 0 {
		return null("tagKeys")
	}
	return s.relabel(ctx, kind, name, nil, keys)
}

func (s *Service) relabel(ctx context.Context, kind command.IdentityKind, name *string, set map[string]string, remove []string) error {
	call, v, err := s.open(ctx)
	if err != nil {
		return err
	}
	l, err := findLabelled(v, call, kind, name)
	if err != nil {
		return err
	}
	l.resource.RequestTags, l.resource.RemovedTags = set, remove
	if err := call.Authorize(l.resource); err != nil {
		return err
	}
	if strings.HasPrefix(l.name, "arn:aws:iam::aws:policy/") {
		return awserr.New("InvalidInput", "AWS managed policies cannot be tagged.")
	}
	return s.change(ctx, command.TagIdentity{AccountID: call.Account, Kind: kind, Name: l.name, Set: set, Remove: remove}, nil)
}

// labels is one page of tags.
func (s *Service) labels(ctx context.Context, kind command.IdentityKind, name *string, maxItems *int32, marker *string) ([]types.Tag, *string, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	l, err := findLabelled(v, call, kind, name)
	if err != nil {
		return nil, nil, err
	}
	if err := call.Authorize(l.resource); err != nil {
		return nil, nil, err
	}
	return listed(call, sortedKeys(l.resource.Tags), func(k string) string { return k }, maxItems, marker, func(k string) types.Tag { return types.Tag{Key: aws.String(k), Value: aws.String(l.resource.Tags[k])} })
}
