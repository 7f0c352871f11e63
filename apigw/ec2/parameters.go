// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/filter"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/apigw/tags"
	"github.com/hivecloud/hive/fsm/state"
)

// filtersOf are the caller's filters.
func filtersOf(in []types.Filter) []filter.Filter {
	var out []filter.Filter
	for _, f := range in {
		out = append(out, filter.Filter{Name: valueOf(f.Name), Values: f.Values})
	}
	return out
}

// tagMap is a resource's tags by key.
func tagMap(list []types.Tag) map[string]string {
	out := make(map[string]string, len(list))
	for _, t := range list {
		out[valueOf(t.Key)] = valueOf(t.Value)
	}
	return out
}

// tagsByType checks tag specifications against the resource types that an action makes.
func tagsByType(in []types.TagSpecification, allowed ...types.ResourceType) (map[types.ResourceType][]state.Tag, error) {
	var specs []tags.Specification
	for _, s := range in {
		spec := tags.Specification{ResourceType: string(s.ResourceType)}
		for _, t := range s.Tags {
			spec.Tags = append(spec.Tags, tags.Tag{Key: valueOf(t.Key), Value: valueOf(t.Value)})
		}
		specs = append(specs, spec)
	}
	var names []string
	for _, t := range allowed {
		names = append(names, string(t))
	}
	byType, err := tags.ByType(specs, names...)
	if err != nil {
		return nil, err
	}
	out := map[types.ResourceType][]state.Tag{}
	for name, list := range byType {
		for _, t := range list {
			out[types.ResourceType(name)] = state.MergeTags(out[types.ResourceType(name)], []state.Tag{{Key: t.Key, Value: t.Value}})
		}
	}
	return out, nil
}

// resource names one of the caller's resources, with its tags, for Authorize.
func resource(c *apigw.Call, v *state.View, kind types.ResourceType, id string) apigw.Resource {
	set := map[string]string{}
	for _, t := range v.TagsOf(c.Account, id) {
		set[t.Key] = t.Value
	}
	r := c.Resource(string(kind), id, set)
	if read := conditionsOf[kind]; read != nil {
		r.Conditions = read(c, v, id)
	}
	return r
}

// pageOf is the caller's page. ids is the name of the id list in AWS's message, or "" when none was sent.
func pageOf(maxResults *int32, token *string, ids string) page.Request {
	return page.Request{MaxResults: maxResults, NextToken: token, IDs: ids}
}
