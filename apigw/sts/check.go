// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/policy/managed"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/fsm/state"

	"github.com/hivecloud/hive/apigw"
)

// Limits of the STS API reference.
const (
	minDuration     = 900     // seconds
	maxRoleDuration = 43_200  // seconds
	maxUserDuration = 129_600 // seconds
	hour            = 3_600   // seconds
	maxPolicyARNs   = 10
	maxTags         = 50
)

var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]*$`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]*$`)
	accountARN  = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}|aws):policy/[\w+=,.@/-]+$`)
)

// violated is how AWS phrases a value that its model does not allow.
func violated(value, member, rule string) error {
	return awserr.ValidationError("1 validation error detected: Value '%.256s' at '%s' failed to satisfy constraint: %s", value, member, rule)
}

// checkLength refuses a value that is missing or that has too few or too many characters.
func checkLength(member, value string, shortest, longest int) error {
	n := utf8.RuneCountInString(value)
	switch {
	case n == 0:
		return awserr.ValidationError("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
	case n < shortest:
		return violated(value, member, fmt.Sprintf("Member must have length greater than or equal to %d", shortest))
	case n > longest:
		return violated(value, member, fmt.Sprintf("Member must have length less than or equal to %d", longest))
	}
	return nil
}

func checkText(member, value string, shortest, longest int, form *regexp.Regexp) error {
	if err := checkLength(member, value, shortest, longest); err != nil {
		return err
	}
	if !form.MatchString(value) {
		return violated(value, member, "Member must satisfy regular expression pattern: "+strings.Trim(form.String(), "^$"))
	}
	return nil
}

// checkOptional is checkText for a member that may be missing.
func checkOptional(member string, value *string, shortest, longest int, form *regexp.Regexp) error {
	if value == nil {
		return nil
	}
	return checkText(member, *value, shortest, longest, form)
}

// duration is the number of seconds that a caller asks for, or the default.
func duration(asked *int32, usual, longest int32) (int32, error) {
	switch {
	case asked == nil:
		return usual, nil
	case *asked < minDuration:
		return 0, violated(fmt.Sprint(*asked), "durationSeconds", fmt.Sprintf("Member must have value greater than or equal to %d", minDuration))
	case *asked > longest:
		return 0, violated(fmt.Sprint(*asked), "durationSeconds", fmt.Sprintf("Member must have value less than or equal to %d", longest))
	}
	return *asked, nil
}

// limits are the session policies of a call.
type limits struct {
	policy *string
	arns   []types.PolicyDescriptorType
}

// addTo checks session policies and puts them into the session. v shows the managed policies of the account.
func (l limits) addTo(in *apigw.Session, v *state.View, account string) error {
	if l.policy != nil {
		if err := checkLength("policy", *l.policy, 1, policy.MaxSession); err != nil {
			return err
		}
		if _, err := policy.Parse(policy.Session, *l.policy); err != nil {
			return awserr.New("MalformedPolicyDocument", "%s", err.Error())
		}
		in.Policies = []string{*l.policy}
	}
	if len(l.arns) > maxPolicyARNs {
		return violated(fmt.Sprintf("%d policies", len(l.arns)), "policyArns", fmt.Sprintf("Member must have length less than or equal to %d", maxPolicyARNs))
	}
	for _, p := range l.arns {
		arn := ""
		if p.Arn != nil {
			arn = *p.Arn
		}
		if !accountARN.MatchString(arn) {
			return awserr.ValidationError("ARN %.256s is not valid.", arn)
		}
		if !policyExists(v, account, arn) {
			return awserr.NoSuchEntity("Policy %.256s does not exist or is not attachable.", arn)
		}
		in.PolicyARNs = append(in.PolicyARNs, arn)
	}
	return nil
}

// policyExists: a session takes managed policies of AWS and of the account that the session belongs to.
func policyExists(v *state.View, account, arn string) bool {
	if _, ok := managed.Lookup(arn); ok {
		return true
	}
	_, ok := state.ManagedPolicies.Get(v, account, arn)
	return ok
}

// checkPacked refuses a session whose policies and tags do not fit into a token, and says how full it is (nil: nothing
// to say).
func checkPacked(in *apigw.Session) (*int32, error) {
	percent := session.Packed(in)
	switch {
	case percent == 0:
		return nil, nil
	case percent > 100 && len(in.Tags) > 0:
		return nil, awserr.New("PackedPolicyTooLarge", "Packed size of session tags consumes %d%% of allotted space.", percent)
	case percent > 100:
		return nil, awserr.New("PackedPolicyTooLarge", "Packed size of session policies consumes %d%% of allotted space.", percent)
	}
	n := int32(percent)
	return &n, nil
}
