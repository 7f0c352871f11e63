// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"fmt"
	"maps"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/policy/actions"
)

// Simulation is a question of the kind of SimulatePrincipalPolicy and SimulateCustomPolicy: which of these actions may
// somebody do with these resources?
type Simulation struct {
	// Caller is whom the simulation is about (CallerArn); its account owns the resources.
	Caller apigw.Principal
	// Held is what applies to the caller: StatePolicies.InView for a principal, Custom for given documents.
	Held      Holdings
	Actions   []string // "ec2:RunInstances"
	Resources []string // ARNs; none means "*"
	// ResourcePolicy applies to every resource; nil is none. ResourceOwner is the account of the resources, if another.
	ResourcePolicy *policy.Document
	ResourceOwner  string
	// Context are the condition keys of the request: nothing else is known, as in AWS's simulators, but who the caller is.
	Context map[string][]string
}

// Simulated is the answer for one action and one resource.
type Simulated struct {
	Action   string
	Resource string
	policy.Simulation
}

// Run answers for every action and resource, actions first.
func (s Simulation) Run() []Simulated {
	context := policy.NewKeys(s.Context)
	for key, value := range requestKeys(apigw.AuthzRequest{Principal: s.Caller, Time: time.Unix(0, 0)}, s.Held.Tags) {
		if _, given := context[key]; !given && ofCaller(key) {
			context[key] = value
		}
	}
	resources := s.Resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	set := s.Held.Set
	if s.ResourcePolicy != nil {
		set.Resource = []policy.Source{{ID: "ResourcePolicy", Type: "Resource Policy", Document: s.ResourcePolicy}}
	}
	var out []Simulated
	for _, action := range s.Actions {
		for _, resource := range resources {
			q := policy.Request{Principal: PrincipalOf(s.Caller), Action: action, Resource: resource, ResourceAccount: s.ResourceOwner, Context: context}
			out = append(out, Simulated{Action: action, Resource: resource, Simulation: policy.Simulate(q, set)})
		}
	}
	return out
}

// ofCaller tells which keys follow from the caller: its tags.
func ofCaller(key string) bool {
	const tags = "aws:principaltag/"
	return len(key) > len(tags) && key[:len(tags)] == tags
}

// Custom are holdings made of given documents (PolicyInputList and PermissionsBoundaryPolicyInputList), on top of base.
// The error is a *policy.Error about the first document that is none.
func Custom(base Holdings, policies, boundary []string) (Holdings, error) {
	out := Holdings{Set: base.Set, Tags: maps.Clone(base.Tags)}
	identity, err := inputs("PolicyInputList", policies)
	if err != nil {
		return Holdings{}, err
	}
	out.Set.Identity = append(append([]policy.Source(nil), base.Set.Identity...), identity...)
	if len(boundary) > 0 {
		bound, err := inputs("PermissionsBoundaryPolicyInputList", boundary)
		if err != nil {
			return Holdings{}, err
		}
		out.Set.Boundary = policy.NewLayer(bound...)
	}
	return out, nil
}

func inputs(list string, texts []string) ([]policy.Source, error) {
	var out []policy.Source
	for i, t := range texts {
		d, err := policy.Parse(policy.Identity, t)
		if err != nil {
			return nil, err
		}
		out = append(out, policy.Source{ID: fmt.Sprintf("%s.%d", list, i+1), Type: "IAM Policy", Document: d})
	}
	return out, nil
}

// KnownAction reports whether an action is one of AWS's, as far as Hive knows the service: the simulators refuse others.
func KnownAction(action string) bool {
	_, ok := actions.Lookup(action)
	return ok
}
