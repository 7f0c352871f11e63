// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/policy"
)

// keys are the condition keys of one resource on top of those of the request.
type keys struct{ request, resource policy.Keys }

var _ policy.Context = keys{}

// Value finds a key of the resource, or else of the request.
func (k keys) Value(key string) []string {
	if v := k.resource[key]; len(v) > 0 {
		return v
	}
	return k.request[key]
}

// requestKeys are AWS's global condition keys, as far as they depend on caller and request.
func requestKeys(r apigw.AuthzRequest, tags map[string]string) policy.Keys {
	k := make(policy.Keys, 24)
	set := func(key, value string) {
		if value != "" {
			k[key] = []string{value}
		}
	}
	set("aws:sourceip", r.SourceIP)
	set("aws:useragent", r.UserAgent)
	set("aws:requestedregion", r.Region)
	set("aws:currenttime", r.Time.UTC().Format(time.RFC3339))
	set("aws:epochtime", strconv.FormatInt(r.Time.Unix(), 10))
	set("aws:securetransport", strconv.FormatBool(r.SecureTransport))
	set("aws:principalisawsservice", "false")
	set("aws:viaawsservice", "false")
	if strings.HasPrefix(r.Action, "ec2:") {
		set("ec2:region", r.Region)
	}
	for key, value := range tags {
		k["aws:principaltag/"+strings.ToLower(key)] = []string{value}
	}
	for key, values := range r.Keys {
		k[strings.ToLower(key)] = values
	}
	if s := r.Principal.Session; s != nil {
		sessionKeys(k, r, s)
	}
	return k
}

// sessionKeys are those that only temporary credentials have: a condition on MFA finds no key with long-term ones.
func sessionKeys(k policy.Keys, r apigw.AuthzRequest, s *apigw.Session) {
	k["aws:multifactorauthpresent"] = []string{strconv.FormatBool(s.MFA)}
	k["aws:tokenissuetime"] = []string{s.Issued.UTC().Format(time.RFC3339)}
	if s.MFA {
		k["aws:multifactorauthage"] = []string{strconv.FormatInt(int64(r.Time.Sub(s.Issued).Seconds()), 10)}
	}
	if s.SourceIdentity != "" {
		k["aws:sourceidentity"] = []string{s.SourceIdentity}
	}
	if s.InstanceARN != "" {
		k["aws:ec2sourceinstancearn"], k["ec2:sourceinstancearn"] = []string{s.InstanceARN}, []string{s.InstanceARN}
	}
	if s.Provider != "" {
		k["aws:federatedprovider"] = []string{s.Provider}
	}
	for key, value := range s.Tags {
		k["aws:principaltag/"+strings.ToLower(key)] = []string{value}
	}
}

// tagPrefixes are how services besides aws: call the tags of their resources.
var tagPrefixes = map[string]string{"ec2": "ec2:resourcetag/", "iam": "iam:resourcetag/", "ssm": "ssm:resourcetag/"}

// resourceKeys are the keys that depend on the resource.
func resourceKeys(action string, r *apigw.Resource) policy.Keys {
	if len(r.Tags)+len(r.RequestTags)+len(r.RemovedTags)+len(r.Conditions)+len(r.Keys) == 0 && r.Account == "" {
		return nil
	}
	k := make(policy.Keys, 2*len(r.Tags)+len(r.RequestTags)+len(r.Conditions)+len(r.Keys)+2)
	service, _, _ := strings.Cut(action, ":")
	for key, value := range r.Tags {
		values := []string{value}
		k["aws:resourcetag/"+strings.ToLower(key)] = values
		if prefix := tagPrefixes[service]; prefix != "" {
			k[prefix+strings.ToLower(key)] = values
		}
	}
	touched := slices.Clone(r.RemovedTags)
	for key, value := range r.RequestTags {
		k["aws:requesttag/"+strings.ToLower(key)] = []string{value}
		touched = append(touched, key)
	}
	if len(touched) > 0 {
		slices.Sort(touched)
		k["aws:tagkeys"] = slices.Compact(touched)
	}
	for key, value := range r.Conditions {
		if value != "" {
			k[strings.ToLower(key)] = []string{value}
		}
	}
	for key, values := range r.Keys {
		k[strings.ToLower(key)] = values
	}
	if r.Account != "" {
		k["aws:resourceaccount"] = []string{r.Account}
	}
	return k
}
