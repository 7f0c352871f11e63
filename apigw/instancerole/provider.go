// SPDX-License-Identifier: Apache-2.0

package instancerole

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

const (
	// lifetime of a session, as AWS's instance sessions have it.
	lifetime = 6 * time.Hour
	// renewal is how long before its end a session is replaced: never less than AWS's five minutes.
	renewal = 15 * time.Minute
)

// Errors of Credentials.
var (
	// ErrNoProfile is an instance without an instance profile: iam/ is then not found.
	ErrNoProfile = errors.New("the instance has no instance profile")
	// ErrProfileGone is an association whose profile was deleted, or has no role: AWS answers InstanceProfileNotFound.
	ErrProfileGone = errors.New("the instance profile or its role does not exist")
	// ErrNotTrusted is a role that ec2.amazonaws.com may not assume: AWS answers AssumeRoleUnauthorizedAccess.
	ErrNotTrusted = errors.New("EC2 cannot assume the role: its trust policy does not allow ec2.amazonaws.com")
	// ErrUnknownInstance is an instance that is not there, is terminated, runs elsewhere or belongs to a suspended account.
	ErrUnknownInstance = errors.New("the node has no such instance")
)

// Config is what a Provider needs.
type Config struct {
	// View is the node's local copy of the state; it must not block. Required.
	View   func() *state.View
	Keys   session.Keys // what sessions are sealed with; *seal.Ring in an agent. Required.
	Region string       // of instances' ARNs. Required.
	NodeID string       // whose instances are answered for. Required.
}

// Credentials are what a guest gets.
type Credentials struct {
	ProfileARN  string
	ProfileID   string
	Role        string // name: the last part of the metadata path
	AccessKeyID string
	Secret      seal.Secret
	Token       seal.Secret
	Updated     time.Time
	Expires     time.Time
}

// Provider makes credentials for the node's instances. It is safe for concurrent use.
type Provider struct {
	cfg    Config
	keeper *session.Keeper

	mu   sync.Mutex
	kept map[string]kept // by instance id
}

// kept is a session and the rows that it was made from: a changed row makes another session.
type kept struct {
	association *state.ProfileAssociation
	profile     *state.InstanceProfile
	role        *state.Role
	made        Credentials
}

// New returns a provider. It does no I/O.
func New(cfg Config) (*Provider, error) {
	if cfg.View == nil || cfg.Keys == nil || cfg.Region == "" || cfg.NodeID == "" {
		return nil, errors.New("instance roles: a view, keys, a region and a node are required")
	}
	keeper, err := session.New(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("instance roles: %w", err)
	}
	return &Provider{cfg: cfg, keeper: keeper, kept: map[string]kept{}}, nil
}

// Credentials returns the credentials of an instance's role as of now. The error is one of this package's.
func (p *Provider) Credentials(instanceID string, now time.Time) (Credentials, error) {
	v := p.cfg.View()
	found, err := p.find(v, instanceID)
	if err != nil {
		p.forget(instanceID)
		return Credentials{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old, ok := p.kept[instanceID]
	if ok && old.association == found.association && old.profile == found.profile && old.role == found.role && old.made.Expires.Sub(now) > renewal {
		return old.made, nil
	}
	if err := p.trusted(v, found.role, instanceID, now); err != nil {
		return Credentials{}, err
	}
	if found.made, err = p.make(found, instanceID, now); err != nil {
		return Credentials{}, err
	}
	p.sweep(v)
	p.kept[instanceID] = found
	return found.made, nil
}

// find looks up whose role an instance has.
func (p *Provider) find(v *state.View, instanceID string) (kept, error) {
	i, ok := state.Instances.Get(v, state.AnyAccount, instanceID)
	if !ok || !i.Live() || i.NodeID != p.cfg.NodeID {
		return kept{}, ErrUnknownInstance
	}
	if account, ok := state.Accounts.Get(v, i.AccountID, i.AccountID); !ok || account.Status != state.AccountActive {
		return kept{}, ErrUnknownInstance
	}
	association, ok := v.InstanceProfileOf(instanceID)
	if !ok {
		return kept{}, ErrNoProfile
	}
	profile, ok := v.Profile(association)
	if !ok {
		return kept{}, ErrProfileGone
	}
	role, ok := state.Roles.Get(v, profile.AccountID, state.RoleKey(profile.AccountID, profile.Role))
	if !ok {
		return kept{}, ErrProfileGone
	}
	return kept{association: association, profile: profile, role: role}, nil
}

// trusted asks the role's trust policy whether EC2 may assume it.
func (p *Provider) trusted(v *state.View, role *state.Role, instanceID string, now time.Time) error {
	trust, err := policy.Parse(policy.Trust, role.Trust)
	if err != nil {
		return fmt.Errorf("read trust policy of %s: %w", role.ARN(), errors.Join(ErrNotTrusted, err))
	}
	keys := policy.NewKeys(map[string][]string{
		"aws:SourceAccount": {role.AccountID}, "aws:SourceArn": {p.instanceARN(role.AccountID, instanceID)}, "aws:CurrentTime": {now.UTC().Format(time.RFC3339)},
		"sts:RoleSessionName": {instanceID}, "aws:PrincipalIsAWSService": {"true"}, "aws:PrincipalServiceName": {"ec2.amazonaws.com"},
	})
	d := policy.Evaluate(policy.Request{Principal: policy.Principal{Service: "ec2.amazonaws.com"}, Action: "sts:AssumeRole", Resource: role.ARN(),
		ResourceAccount: role.AccountID, ResourceDecides: true, Context: keys},
		policy.Set{Resource: []policy.Source{{ID: role.ARN(), Type: "resource", Document: trust}}})
	if !d.Allowed {
		return ErrNotTrusted
	}
	return nil
}

func (p *Provider) instanceARN(account, id string) string {
	return apigw.ARN("ec2", p.cfg.Region, account, "instance/"+id)
}

func (p *Provider) make(k kept, instanceID string, now time.Time) (Credentials, error) {
	made, err := p.keeper.Issue(session.Claims{AccountID: k.role.AccountID, Type: apigw.PrincipalAssumedRole, Session: apigw.Session{
		RoleARN: k.role.ARN(), RoleID: k.role.ID, Name: instanceID, Issued: now, Expires: now.Add(lifetime),
		InstanceARN: p.instanceARN(k.role.AccountID, instanceID)}})
	if err != nil {
		return Credentials{}, fmt.Errorf("make credentials of %s: %w", instanceID, err)
	}
	return Credentials{ProfileARN: k.profile.ARN(), ProfileID: k.profile.ID, Role: k.role.Name, AccessKeyID: made.AccessKeyID,
		Secret: made.Secret, Token: made.Token, Updated: now, Expires: made.Expires}, nil
}

// sweep forgets instances that are gone. It is called with mu held, when a session is made: seldom enough.
func (p *Provider) sweep(v *state.View) {
	for id := range p.kept {
		if i, ok := state.Instances.Get(v, state.AnyAccount, id); !ok || !i.Live() || i.NodeID != p.cfg.NodeID {
			delete(p.kept, id)
		}
	}
}

func (p *Provider) forget(instanceID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.kept, instanceID)
}
