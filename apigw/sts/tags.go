// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
)

// sessionTags checks the tags of a call. Keys are compared without their case.
func sessionTags(list []types.Tag) (map[string]string, error) {
	if len(list) > maxTags {
		return nil, awserr.ValidationError("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to %d", maxTags)
	}
	out, seen := map[string]string{}, map[string]bool{}
	for _, t := range list {
		key, value := aws.ToString(t.Key), aws.ToString(t.Value)
		lower := strings.ToLower(key)
		switch {
		case key == "" || utf8.RuneCountInString(key) > 128:
			return nil, violated(key, "tags.member.key", "Member must have length between 1 and 128")
		case utf8.RuneCountInString(value) > 256:
			return nil, violated(value, "tags.member.value", "Member must have length less than or equal to 256")
		case strings.HasPrefix(lower, "aws:"):
			return nil, awserr.New("InvalidParameterValue", "Tag keys that begin with aws: are reserved: %.128s", key)
		case seen[lower]:
			return nil, awserr.New("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[lower], out[key] = true, value
	}
	return out, nil
}

// inherit joins a call's tags with the transitive tags of the session that calls: those pass on and cannot be changed.
func inherit(from *apigw.Session, tags map[string]string, transitive []string, into *apigw.Session) error {
	all, keys := maps.Clone(tags), slices.Clone(transitive)
	for _, key := range transitive {
		if !hasKey(tags, key) {
			return awserr.New("InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
		}
	}
	if from != nil {
		for _, key := range from.TransitiveTags {
			if hasKey(tags, key) {
				return awserr.New("InvalidParameterValue", "The tag key %.128s is a transitive tag of the calling session and cannot be set again.", key)
			}
			for name, value := range from.Tags {
				if strings.EqualFold(name, key) {
					all[name] = value
				}
			}
			keys = append(keys, key)
		}
	}
	if len(all) > maxTags {
		return awserr.New("InvalidParameterValue", "A session has at most %d tags, inherited ones included.", maxTags)
	}
	slices.Sort(keys)
	into.Tags, into.TransitiveTags = all, slices.Compact(keys)
	return nil
}

func hasKey(tags map[string]string, key string) bool {
	for name := range tags {
		if strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}
