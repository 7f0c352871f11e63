// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
)

// Region is the door to the region's truth.
type Region interface {
	// View is a linearizable snapshot: it holds everything that was acknowledged before the call.
	View(ctx context.Context) (*state.View, error)
	// Propose puts a command into the region's log and waits until the local state has it. A refusal is a
	// *command.Error; any other error means that the outcome is unknown.
	Propose(ctx context.Context, cmd command.Command, result any) error
}

// Sealer keeps material; *seal.Ring is one.
type Sealer interface {
	Seal(account, keyID string, secret seal.Secret) (box []byte, version int, err error)
	Open(account, keyID string, version int, box []byte) (seal.Secret, error)
}

// Config is what a Service needs.
type Config struct {
	Region Region // required
	Sealer Sealer // required
	Name   string // the region's name, for ARNs; required
	Log    hclog.Logger
}

// Service answers the KMS API. Its exported methods are the actions, RotateDue and Default; any number of calls may run at once.
type Service struct {
	region Region
	sealer Sealer
	name   string
	log    hclog.Logger
}

// Members declares what each action implements of its input.
var Members = apigw.Members{
	"CreateKey": {"Description", "KeySpec=SYMMETRIC_DEFAULT", "CustomerMasterKeySpec=SYMMETRIC_DEFAULT", "KeyUsage=ENCRYPT_DECRYPT", "Origin=AWS_KMS", "MultiRegion=false",
		"Policy", "BypassPolicyLockoutSafetyCheck", "Tags.*"},
	"DescribeKey":                     {"KeyId"},
	"ListKeys":                        {"Limit", "Marker"},
	"UpdateKeyDescription":            {"KeyId", "Description"},
	"EnableKey":                       {"KeyId"},
	"DisableKey":                      {"KeyId"},
	"ScheduleKeyDeletion":             {"KeyId", "PendingWindowInDays"},
	"CancelKeyDeletion":               {"KeyId"},
	"CreateAlias":                     {"AliasName", "TargetKeyId"},
	"UpdateAlias":                     {"AliasName", "TargetKeyId"},
	"DeleteAlias":                     {"AliasName"},
	"ListAliases":                     {"KeyId", "Limit", "Marker"},
	"EnableKeyRotation":               {"KeyId", "RotationPeriodInDays"},
	"DisableKeyRotation":              {"KeyId"},
	"GetKeyRotationStatus":            {"KeyId"},
	"RotateKeyOnDemand":               {"KeyId"},
	"ListKeyRotations":                {"KeyId", "Limit", "Marker"},
	"Encrypt":                         {"KeyId", "Plaintext", "EncryptionContext", "EncryptionAlgorithm=SYMMETRIC_DEFAULT"},
	"Decrypt":                         {"KeyId", "CiphertextBlob", "EncryptionContext", "EncryptionAlgorithm=SYMMETRIC_DEFAULT"},
	"ReEncrypt":                       {"CiphertextBlob", "SourceKeyId", "SourceEncryptionContext", "SourceEncryptionAlgorithm=SYMMETRIC_DEFAULT", "DestinationKeyId", "DestinationEncryptionContext", "DestinationEncryptionAlgorithm=SYMMETRIC_DEFAULT"},
	"GenerateDataKey":                 {"KeyId", "KeySpec", "NumberOfBytes", "EncryptionContext"},
	"GenerateDataKeyWithoutPlaintext": {"KeyId", "KeySpec", "NumberOfBytes", "EncryptionContext"},
	"GenerateRandom":                  {"NumberOfBytes"},
	"GetKeyPolicy":                    {"KeyId", "PolicyName=default"},
	"PutKeyPolicy":                    {"KeyId", "PolicyName=default", "Policy", "BypassPolicyLockoutSafetyCheck"},
	"ListKeyPolicies":                 {"KeyId", "Limit", "Marker"},
	"TagResource":                     {"KeyId", "Tags.*"},
	"UntagResource":                   {"KeyId", "TagKeys"},
	"ListResourceTags":                {"KeyId", "Limit", "Marker"},
}

// New returns the service. It does no I/O.
func New(cfg Config) (*Service, error) {
	if cfg.Region == nil || cfg.Sealer == nil || cfg.Name == "" {
		return nil, errors.New("kms service: a region, its name and a sealer are required")
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	return &Service{region: cfg.Region, sealer: cfg.Sealer, name: cfg.Name, log: cfg.Log.Named("kms")}, nil
}

// keyForm is what KMS takes as an id at all.
var keyForm = regexp.MustCompile(`^[a-zA-Z0-9:/_-]+$`)

func notFound(format string, args ...any) error {
	return awserr.New("NotFoundException", format, args...)
}

// hidden is the refusal of a key or alias of another account that does not let the caller in. It does not tell whether there is one.
// See https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
func hidden(call *apigw.Call, action, arn string) error {
	return awserr.AccessDenied(call.Principal.ARN, cmp.Or(action, "kms:"+call.Action), arn,
		"because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access")
}

func (s *Service) keyARN(account, id string) string {
	return apigw.ARN("kms", s.name, account, "key/"+id)
}

func (s *Service) aliasARN(account, name string) string {
	return apigw.ARN("kms", s.name, account, name)
}

// key is a key under the ARN by which a caller named it: what a stranger learns of it.
type key struct {
	*state.KMSKey
	as string
}

// find is the key that a key id, key ARN, alias or alias ARN names. ARNs may name keys of other accounts: their policy
// decides. Aliases of AWS's that nobody used yet come into being by it. action is the permission that is wanted, when it is not the call's.
func (s *Service) find(ctx context.Context, call *apigw.Call, v *state.View, action string, id *string) (key, error) {
	if id == nil || *id == "" {
		return key{}, awserr.New("ValidationException", "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null")
	}
	account, name := call.Account, *id
	if !keyForm.MatchString(name) || len(name) > 2048 {
		return key{}, awserr.New("ValidationException", "1 validation error detected: Value '%.128s' at 'keyId' failed to satisfy constraint: Member must have at most 2048 letters, digits, colons, slashes, dashes or underscores", name)
	}
	if strings.HasPrefix(name, "arn:") {
		service, region, owner, resource, ok := apigw.ParseARN(name)
		if !ok || service != "kms" {
			return key{}, awserr.New("InvalidArnException", "Invalid arn %.128s", name)
		}
		if region != s.name {
			return key{}, notFound("Invalid arn %.64s", region)
		}
		account, name = owner, resource
		if rest, isKey := strings.CutPrefix(resource, "key/"); isKey {
			name = rest
		} else if !strings.HasPrefix(resource, "alias/") {
			return key{}, awserr.New("InvalidArnException", "Invalid arn %.128s", *id)
		}
	}
	if strings.HasPrefix(name, "alias/") {
		return s.named(ctx, call, v, action, account, name)
	}
	k, ok := state.KMSKeys.Get(v, account, strings.ToLower(name))
	if _, err := uuid.Parse(name); err != nil {
		return key{}, notFound("Invalid keyId '%.128s'", name)
	}
	switch {
	case !ok && account != call.Account:
		return key{}, hidden(call, action, s.keyARN(account, name))
	case !ok:
		return key{}, notFound("Key '%s' does not exist", s.keyARN(account, name))
	}
	return key{k, s.keyARN(account, name)}, nil
}

// named is the key of an alias.
func (s *Service) named(ctx context.Context, call *apigw.Call, v *state.View, action, account, name string) (key, error) {
	alias, ok := state.KMSAliases.Get(v, account, state.KMSAliasKey(account, name))
	if ok {
		k, ok := state.KMSKeys.Get(v, account, alias.KeyID)
		if !ok {
			return key{}, fmt.Errorf("alias %s names the key %s, which is not there", name, alias.KeyID)
		}
		return key{k, s.aliasARN(account, name)}, nil
	}
	if account == call.Account && awsAlias(name) {
		// Who may not use such a key at all does not bring it into being either.
		any := apigw.Resource{ARN: s.keyARN(account, "*"), Account: account, Type: "key"}
		if err := call.AuthorizeAction("kms:"+call.Action, any); err != nil {
			return key{}, err
		}
		k, err := s.Default(ctx, account, name)
		return key{k, s.aliasARN(account, name)}, err
	}
	if account != call.Account {
		return key{}, hidden(call, action, s.aliasARN(account, name))
	}
	return key{}, notFound("Alias %s is not found.", s.aliasARN(account, name))
}

// authorize asks about a key: its policy has to allow, in its own account too.
func (s *Service) authorize(call *apigw.Call, k key, with ...func(*apigw.Resource)) error {
	return s.authorizeAs(call, "", k, with...)
}

// authorizeAs asks about another action than the call's, when action is not empty.
func (s *Service) authorizeAs(call *apigw.Call, action string, k key, with ...func(*apigw.Resource)) error {
	r, err := s.resource(k.KMSKey)
	if err != nil {
		return err
	}
	for _, w := range with {
		w(&r)
	}
	if action == "" {
		err = call.Authorize(r)
	} else {
		err = call.AuthorizeAction(action, r)
	}
	var refused *awserr.Error
	if k.AccountID != call.Account && errors.As(err, &refused) && refused.Code == "AccessDenied" {
		return hidden(call, action, k.as)
	}
	return err
}

// resource is a key as policies see it.
func (s *Service) resource(k *state.KMSKey) (apigw.Resource, error) {
	document, err := policy.Parse(policy.Resource, k.Policy)
	if err != nil {
		return apigw.Resource{}, fmt.Errorf("policy of key %s: %w", k.ID, err)
	}
	tags := map[string]string{}
	for _, t := range k.Tags {
		tags[t.Key] = t.Value
	}
	return apigw.Resource{ARN: s.keyARN(k.AccountID, k.ID), Account: k.AccountID, Type: "key", Tags: tags, Policy: document, PolicyDecides: true,
		Conditions: map[string]string{"kms:CallerAccount": k.AccountID, "kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT", "kms:KeyOrigin": "AWS_KMS"}}, nil
}

// usable refuses a key that may not encrypt or decrypt now.
func (s *Service) usable(k *state.KMSKey) error {
	switch k.State {
	case state.KMSDisabled:
		return awserr.New("DisabledException", "%s is disabled.", s.keyARN(k.AccountID, k.ID))
	case state.KMSPendingDeletion:
		return awserr.New("KMSInvalidStateException", "%s is pending deletion.", s.keyARN(k.AccountID, k.ID))
	}
	return nil
}

// own refuses keys of other accounts, which only a few actions take, and keys that AWS manages where change is set.
func (s *Service) own(call *apigw.Call, k key, change bool) error {
	if k.AccountID != call.Account {
		return hidden(call, "", k.as)
	}
	if change && k.Manager == "AWS" {
		return awserr.AccessDenied(call.Principal.ARN, "kms:"+call.Action, s.keyARN(k.AccountID, k.ID), "because the key is managed by AWS")
	}
	return nil
}

// page is what a list was asked for.
func pageSize(limit *int32, most, usual int32) (int, error) {
	if limit == nil {
		return int(usual), nil
	}
	if *limit < 1 || *limit > most {
		return 0, awserr.New("ValidationException", "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value from 1 to %d", *limit, most)
	}
	return int(*limit), nil
}

// cut is one page of rows, which are in the order of their ids, behind a marker.
func cut[R any](call *apigw.Call, rows []R, id func(R) string, marker *string, size int) (out []R, next *string, err error) {
	out, next, err = apigw.PageOf(call, rows, id, marker, size)
	if errors.Is(err, apigw.ErrPageToken) {
		err = awserr.New("InvalidMarkerException", "The marker is not valid.")
	}
	return out, next, err
}
