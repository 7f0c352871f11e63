// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/policy/managed"
	"github.com/hivecloud/hive/apigw/tags"
	"github.com/hivecloud/hive/fsm/state"
)

var (
	anyName    = regexp.MustCompile(`^[\w+=,.@-]+$`)
	path       = regexp.MustCompile(`^(/|/[!-\x7e]+/)$`)
	pathPrefix = regexp.MustCompile(`^/[!-\x7f]{0,511}$`)
	policyARN  = regexp.MustCompile(`^arn:aws:iam::(aws|[0-9]{12}):policy/[\x21-\x7e]+$`)
)

// null is IAM's refusal of a parameter that is missing.
func null(field string) error {
	return awserr.ValidationError("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", field)
}

// checkName checks a name that must be given: letters, digits and +=,.@_- up to a length.
func checkName(field string, name *string, longest int) (string, error) {
	switch {
	case name == nil || *name == "":
		return "", null(field)
	case len(*name) > longest:
		return "", awserr.ValidationError("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", field, longest)
	case !anyName.MatchString(*name):
		return "", awserr.ValidationError("The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", field)
	}
	return *name, nil
}

// checkPath is a path, "/" when none is given.
func checkPath(field string, p *string) (string, error) {
	if p == nil {
		return "/", nil
	}
	if !path.MatchString(*p) || len(*p) > 512 {
		return "", awserr.ValidationError("The specified value for %s is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.", field)
	}
	return *p, nil
}

// checkPrefix is the prefix of paths that a list is about.
func checkPrefix(p *string) (string, error) {
	if p != nil && !pathPrefix.MatchString(*p) {
		return "", awserr.ValidationError("The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric characters and/or / characters.")
	}
	return aws.ToString(p), nil
}

// checkDocument checks a policy document.
func checkDocument(kind policy.Kind, field string, text *string) (string, error) {
	if text == nil || *text == "" {
		return "", null(field)
	}
	if _, err := policy.Parse(kind, *text); err != nil {
		return "", malformed(err)
	}
	return *text, nil
}

// malformed is the answer to a policy that does not parse.
func malformed(err error) error {
	var fault *policy.Error
	if errors.As(err, &fault) {
		return awserr.New("MalformedPolicyDocument", "%s", fault.Message)
	}
	return err
}

// checkPolicyARN checks the form of a policy's ARN, and of one of AWS's own that it exists.
func checkPolicyARN(field string, arn *string) (string, error) {
	if arn == nil || *arn == "" {
		return "", null(field)
	}
	if len(*arn) < 20 || !policyARN.MatchString(*arn) {
		return "", awserr.New("InvalidInput", "ARN %s is not valid.", *arn)
	}
	if _, known := managed.Lookup(*arn); strings.HasPrefix(*arn, "arn:aws:iam::aws:") && !known {
		return "", awserr.NoSuchEntity("Policy %s does not exist or is not attachable.", *arn)
	}
	return *arn, nil
}

// tagsOf checks tags and makes a map of them; nil for none.
func tagsOf(in []types.Tag) (map[string]string, error) {
	if len(in) == 0 {
		return nil, nil
	}
	out := map[string]string{}
	var set []tags.Tag
	for _, t := range in {
		key, value := aws.ToString(t.Key), aws.ToString(t.Value)
		if _, twice := out[key]; twice {
			return nil, awserr.New("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		out[key] = value
		set = append(set, tags.Tag{Key: key, Value: value})
	}
	if err := tags.Check(set); err != nil {
		return nil, awserr.ValidationError("%s", err.Error())
	}
	return out, nil
}

// shownTags are tags as the API shows them, in the order of their keys.
func shownTags(set map[string]string) []types.Tag {
	var out []types.Tag
	for _, key := range sortedKeys(set) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(set[key])})
	}
	return out
}

// encode is a document as IAM answers it: percent-encoded by RFC 3986.
func encode(document string) *string {
	return aws.String(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

// newID is a unique id of IAM's: a prefix and 17 characters.
func newID(prefix string) string {
	var b [11]byte
	_, _ = rand.Read(b[:])
	return prefix + base32.StdEncoding.EncodeToString(b[:])[:17]
}

// shownBoundary is a permissions boundary as the API shows it.
func shownBoundary(arn string) *types.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &types.AttachedPermissionsBoundary{PermissionsBoundaryType: types.PermissionsBoundaryAttachmentTypePolicy, PermissionsBoundaryArn: &arn}
}

// optional is nil for "".
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// shownInline are inline policies as details of an account show them.
func shownInline(in []state.InlinePolicy) []types.PolicyDetail {
	out := []types.PolicyDetail{}
	for _, p := range in {
		out = append(out, types.PolicyDetail{PolicyName: aws.String(p.Name), PolicyDocument: encode(p.Document)})
	}
	return out
}

// shownAttached are attached policies as the API shows them.
func shownAttached(arns []string) []types.AttachedPolicy {
	out := []types.AttachedPolicy{}
	for _, arn := range arns {
		out = append(out, types.AttachedPolicy{PolicyArn: aws.String(arn), PolicyName: aws.String(arn[strings.LastIndexByte(arn, '/')+1:])})
	}
	return out
}
