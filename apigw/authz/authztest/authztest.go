// SPDX-License-Identifier: Apache-2.0

package authztest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/policy/actions"
)

// Recorder allows everything and keeps what was asked.
type Recorder struct {
	mu    sync.Mutex
	asked []apigw.AuthzRequest
}

var _ apigw.Authorizer = (*Recorder)(nil)

// Authorize allows.
func (r *Recorder) Authorize(_ context.Context, q apigw.AuthzRequest) (apigw.Decision, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, q)
	return apigw.Decision{Allowed: true}, nil
}

// About are the resources that were asked about for one action ("ec2:RunInstances").
func (r *Recorder) About(action string) []apigw.Resource {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []apigw.Resource
	for _, q := range r.asked {
		if q.Action == action {
			out = append(out, q.Resources...)
		}
	}
	return out
}

// others are statements that allow what was asked besides the action itself.
func (r *Recorder) others(action string) []string {
	var out []string
	for _, q := range r.asked {
		if q.Action != action && !slices.Contains(out, q.Action) {
			out = append(out, q.Action)
		}
	}
	return out
}

// Statement is one statement of a policy, as JSON members.
type Statement map[string]any

type fixed policy.Set

func (f fixed) Of(context.Context, apigw.Principal) (authz.Holdings, error) {
	return authz.Holdings{Set: policy.Set(f)}, nil
}

// By is the real Authorizer for callers who all have one policy of these statements.
func By(t testing.TB, statements ...Statement) *authz.Authorizer {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	d, err := policy.Parse(policy.Identity, string(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	messages, err := authz.NewMessages([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := authz.New(authz.Config{Policies: fixed{Identity: []policy.Source{{ID: "test", Document: d}}}, Messages: messages})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Service is what is tested.
type Service struct {
	Name    string // "ec2"
	Actions []string
	// Run makes a world of its own and calls the action once, so that it succeeds when allowed. It returns how many
	// commands were proposed, and the error.
	Run func(t *testing.T, action string, a apigw.Authorizer, dry bool) (changes int, err error)
	// DryRun tells whether an action has a dry run; nil means that none has.
	DryRun func(action string) bool
	// Skip are actions without a call that succeeds or that can be refused, and why.
	Skip map[string]string
	Exceptions
}

// Exceptions are where handlers may ask for less than the reference says.
type Exceptions struct {
	// Keys are condition keys that no resource has here, and why: "ec2:KmsKeyId", or "snapshot ec2:KmsKeyId" for one type.
	Keys map[string]string
	// Types are resource types that an action need not name here, and why: "CopyImage snapshot"; "CopyImage *" for all.
	Types map[string]string
}

// Test tests every action of the service.
func (s Service) Test(t *testing.T) {
	for _, action := range s.Actions {
		if s.Skip[action] != "" {
			continue
		}
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			s.one(t, action)
		})
	}
}

func (s Service) one(t *testing.T, action string) {
	full := s.Name + ":" + action
	seen := &Recorder{}
	if _, err := s.Run(t, action, seen, false); err != nil {
		t.Fatalf("the call fails when it is allowed: %v", err)
	}
	s.CheckDemand(t, full, seen.About(full))
	arns := []string{}
	for _, r := range seen.About(full) {
		arns = append(arns, r.ARN)
	}
	if len(arns) == 0 {
		arns = []string{"*"}
	}
	allow := []Statement{{"Effect": "Allow", "Action": full, "Resource": arns}}
	if others := seen.others(full); len(others) > 0 {
		allow = append(allow, Statement{"Effect": "Allow", "Action": others, "Resource": "*"})
	}
	denied := append(slices.Clone(allow), Statement{"Effect": "Deny", "Action": full, "Resource": arns[len(arns)-1]})
	if _, err := s.Run(t, action, By(t, allow...), false); err != nil {
		t.Errorf("allowed on %v and refused: %v", arns, err)
	}
	s.refused(t, action, By(t, denied...), false)
	s.refused(t, action, By(t, Statement{"Effect": "Allow", "NotAction": full, "Resource": "*"}), s.DryRun != nil && s.DryRun(action))
	if s.DryRun == nil || !s.DryRun(action) {
		return
	}
	if changes, err := s.Run(t, action, By(t, allow...), true); code(err) != "DryRunOperation" || changes > 0 {
		t.Errorf("dry run: %v, %d changes", err, changes)
	}
}

// refused wants the refusal of the service, in its words, and nothing changed.
func (s Service) refused(t *testing.T, action string, a apigw.Authorizer, dry bool) {
	t.Helper()
	want := "AccessDenied"
	if s.Name == "ec2" {
		want = "UnauthorizedOperation"
	}
	changes, err := s.Run(t, action, a, dry)
	if code(err) != want || changes > 0 || !strings.Contains(err.Error(), " is not authorized to perform: "+s.Name+":"+action) {
		t.Errorf("refused with %v after %d changes; want %s", err, changes, want)
	}
}

// code is an error's AWS code, of a handler's error or of an SDK's.
func code(err error) string {
	var own *awserr.Error
	var client interface{ ErrorCode() string }
	switch {
	case errors.As(err, &own):
		return own.Code
	case errors.As(err, &client):
		return client.ErrorCode()
	}
	return ""
}

// CheckDemand compares what a handler asked for an action with the reference.
func (e Exceptions) CheckDemand(t *testing.T, action string, asked []apigw.Resource) {
	t.Helper()
	demand, ok := actions.Lookup(action)
	if !ok {
		t.Fatalf("the reference does not know %s", action)
	}
	var named []string
	for _, r := range asked {
		if r.ARN == "*" {
			continue // the action as a whole, with what is asked of it (tags of what is to be made)
		}
		named = append(named, r.Type)
		known, ok := demand.Resource(r.Type)
		if !ok {
			t.Errorf("it asks about %s, which is no resource of the action (%q)", r.ARN, r.Type)
			continue
		}
		e.checkKeys(t, known.Keys, r)
	}
	for _, typ := range demand.Required() {
		if !slices.Contains(named, typ) && e.Types[demand.Name+" "+typ] == "" && e.Types[demand.Name+" *"] == "" {
			t.Errorf("it does not ask about the %s; it asks about %v", typ, named)
		}
	}
	if len(demand.Resources) > 0 && len(named) == 0 && e.Types[demand.Name+" *"] == "" {
		t.Errorf("it asks about no resource; the reference has some")
	}
}

// gateway are the keys that come with every request or are tested apart.
var gateway = []string{"aws:RequestTag/${TagKey}", "aws:TagKeys", "ec2:Region"}

// checkKeys wants every condition key of the reference to be supplied or to be an exception.
func (e Exceptions) checkKeys(t *testing.T, wanted []string, r apigw.Resource) {
	t.Helper()
	for _, key := range wanted {
		switch {
		case slices.Contains(gateway, key):
		case strings.HasSuffix(key, ":ResourceTag/${TagKey}"):
			if r.Tags == nil && e.Keys[r.Type+" "+key] == "" {
				t.Errorf("%s comes without its tags", r.ARN)
			}
		case e.Keys[key] == "" && e.Keys[r.Type+" "+key] == "" && r.Conditions[key] == "" && len(r.Keys[key]) == 0:
			t.Errorf("%s comes without %s", r.ARN, key)
		}
	}
}
