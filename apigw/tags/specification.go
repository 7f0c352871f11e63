// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"slices"

	"github.com/hivecloud/hive/apigw/awserr"
)

// Specification is a TagSpecification parameter: tags for the resources of one type that an action creates.
type Specification struct {
	ResourceType string // "instance", "volume"
	Tags         []Tag
}

// ByType checks tag specifications and returns the tags of each resource type. allowed are the types that the action
// creates; any other is InvalidParameterValue, as is one that is named twice or has no tags at all.
func ByType(specs []Specification, allowed ...string) (map[string][]Tag, error) {
	out := make(map[string][]Tag, len(specs))
	for _, s := range specs {
		switch {
		case s.ResourceType == "":
			return nil, awserr.InvalidParameterValue("Tag specification resource type must have a value")
		case !slices.Contains(allowed, s.ResourceType):
			return nil, awserr.InvalidParameterValue("'%s' is not a valid taggable resource type for this operation.", s.ResourceType)
		case out[s.ResourceType] != nil:
			return nil, awserr.InvalidParameterValue("Tag specification resource type '%s' must be specified only once", s.ResourceType)
		case len(s.Tags) == 0:
			return nil, awserr.InvalidParameterValue("Tag specification must have at least one tag")
		}
		if err := Check(s.Tags); err != nil {
			return nil, err
		}
		out[s.ResourceType] = s.Tags
	}
	return out, nil
}
