// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz/authztest"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// inputs are one input of each action that succeeds for who may. KeyId, TargetKeyId and CiphertextBlob are filled in with a
// key and what it encrypted.
var inputs = map[string]any{
	"CreateKey":                       &sdk.CreateKeyInput{},
	"DescribeKey":                     &sdk.DescribeKeyInput{},
	"ListKeys":                        &sdk.ListKeysInput{},
	"UpdateKeyDescription":            &sdk.UpdateKeyDescriptionInput{Description: aws.String("d")},
	"EnableKey":                       &sdk.EnableKeyInput{},
	"DisableKey":                      &sdk.DisableKeyInput{},
	"ScheduleKeyDeletion":             &sdk.ScheduleKeyDeletionInput{},
	"CancelKeyDeletion":               &sdk.CancelKeyDeletionInput{},
	"CreateAlias":                     &sdk.CreateAliasInput{AliasName: aws.String("alias/new")},
	"UpdateAlias":                     &sdk.UpdateAliasInput{AliasName: aws.String("alias/old")},
	"DeleteAlias":                     &sdk.DeleteAliasInput{AliasName: aws.String("alias/old")},
	"ListAliases":                     &sdk.ListAliasesInput{},
	"EnableKeyRotation":               &sdk.EnableKeyRotationInput{},
	"DisableKeyRotation":              &sdk.DisableKeyRotationInput{},
	"GetKeyRotationStatus":            &sdk.GetKeyRotationStatusInput{},
	"RotateKeyOnDemand":               &sdk.RotateKeyOnDemandInput{},
	"ListKeyRotations":                &sdk.ListKeyRotationsInput{},
	"Encrypt":                         &sdk.EncryptInput{Plaintext: []byte("p"), EncryptionContext: map[string]string{"a": "b"}},
	"Decrypt":                         &sdk.DecryptInput{},
	"GenerateDataKey":                 &sdk.GenerateDataKeyInput{KeySpec: types.DataKeySpecAes256},
	"GenerateDataKeyWithoutPlaintext": &sdk.GenerateDataKeyWithoutPlaintextInput{KeySpec: types.DataKeySpecAes256},
	"GenerateRandom":                  &sdk.GenerateRandomInput{NumberOfBytes: aws.Int32(8)},
	"GetKeyPolicy":                    &sdk.GetKeyPolicyInput{},
	"PutKeyPolicy":                    &sdk.PutKeyPolicyInput{Policy: aws.String(defaultPolicy(alice))},
	"ListKeyPolicies":                 &sdk.ListKeyPoliciesInput{},
	"TagResource":                     &sdk.TagResourceInput{Tags: []types.Tag{{TagKey: aws.String("a"), TagValue: aws.String("b")}}},
	"UntagResource":                   &sdk.UntagResourceInput{TagKeys: []string{"a"}},
	"ListResourceTags":                &sdk.ListResourceTagsInput{},
}

// counting counts what is proposed.
type counting struct {
	Region
	n int
}

func (c *counting) Propose(ctx context.Context, cmd command.Command, result any) error {
	c.n++
	return c.Region.Propose(ctx, cmd, result)
}

func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	skip := map[string]string{"ReEncrypt": "its permissions are kms:ReEncryptFrom and kms:ReEncryptTo: TestReEncrypt_WantsBothPermissions"}
	authztest.Service{Name: "kms", Actions: slices.Sorted(maps.Keys(Members)), Skip: skip, Run: func(t *testing.T, action string, a apigw.Authorizer, _ bool) (int, error) {
		w := newWorld(t)
		id := aws.String("01234567-89ab-4cde-8f01-23456789abcd") // the same in every world
		material, err := w.newMaterial(alice, *id, 1)
		if err != nil {
			t.Fatal(err)
		}
		key := state.KMSKey{ID: *id, AccountID: alice, Policy: defaultPolicy(alice), Materials: []state.KMSMaterial{material}}
		if err := w.region.Propose(t.Context(), command.CreateKMSKey{Key: key}, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := w.CreateAlias(w.as(t, alice, "CreateAlias"), &sdk.CreateAliasInput{AliasName: aws.String("alias/old"), TargetKeyId: id}); err != nil {
			t.Fatal(err)
		}
		made, err := w.Encrypt(w.as(t, alice, "Encrypt"), &sdk.EncryptInput{KeyId: id, Plaintext: []byte("p")})
		if err != nil {
			t.Fatal(err)
		}
		if action == "CancelKeyDeletion" {
			if err := w.region.Propose(t.Context(), command.ScheduleKMSDeletion{AccountID: alice, KeyID: *id, Days: 7}, nil); err != nil {
				t.Fatal(err)
			}
		}
		given, ok := inputs[action]
		if !ok {
			t.Fatal("there is no input of the action")
		}
		in := reflect.New(reflect.TypeOf(given).Elem())
		in.Elem().Set(reflect.ValueOf(given).Elem())
		for field, value := range map[string]any{"KeyId": id, "TargetKeyId": id, "CiphertextBlob": made.CiphertextBlob} {
			if f := in.Elem().FieldByName(field); f.IsValid() {
				f.Set(reflect.ValueOf(value))
			}
		}
		region := &counting{Region: w.Service.region}
		svc := *w.Service
		svc.region = region
		w.Service = &svc
		ctx := apigw.WithCall(t.Context(), apigw.CallFrom(w.as(t, alice, action)), apigw.CallConfig{Authorizer: a, Tokens: w.tokens})
		out := reflect.ValueOf(w.Service).MethodByName(action).Call([]reflect.Value{reflect.ValueOf(ctx), in})
		err, _ = out[1].Interface().(error)
		return region.n, err
	}, Exceptions: authztest.Exceptions{}}.Test(t)
}

// ReEncrypt is two permissions and none of its own; each of them can be refused by itself.
func TestReEncrypt_WantsBothPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	from, to := w.key(t, alice, nil).Arn, w.key(t, alice, nil).Arn
	made, err := w.Encrypt(w.as(t, alice, "Encrypt"), &sdk.EncryptInput{KeyId: from, Plaintext: []byte("p")})
	if err != nil {
		t.Fatal(err)
	}
	out := authztest.Statement{"Effect": "Allow", "Action": "kms:ReEncryptFrom", "Resource": *from}
	in := authztest.Statement{"Effect": "Allow", "Action": "kms:ReEncryptTo", "Resource": *to}
	for what, c := range map[string]struct {
		statements []authztest.Statement
		code       string
	}{
		"both":               {[]authztest.Statement{out, in}, ""},
		"the source alone":   {[]authztest.Statement{out}, "AccessDenied"},
		"the target alone":   {[]authztest.Statement{in}, "AccessDenied"},
		"the wrong way":      {[]authztest.Statement{{"Effect": "Allow", "Action": "kms:ReEncrypt*", "Resource": *to}}, "AccessDenied"},
		"no such permission": {[]authztest.Statement{{"Effect": "Allow", "Action": "kms:ReEncrypt", "Resource": "*"}}, "AccessDenied"},
		"both, one denied":   {[]authztest.Statement{out, in, {"Effect": "Deny", "Action": "kms:ReEncryptTo", "Resource": *to}}, "AccessDenied"},
	} {
		ctx := apigw.WithCall(t.Context(), apigw.CallFrom(w.as(t, alice, "ReEncrypt")), apigw.CallConfig{Authorizer: authztest.By(t, c.statements...), Tokens: w.tokens})
		_, err := w.ReEncrypt(ctx, &sdk.ReEncryptInput{CiphertextBlob: made.CiphertextBlob, DestinationKeyId: to})
		want(t, what, err, c.code)
	}
}

// A caller who may not use keys does not bring AWS's default key into being by asking for it.
func TestDefaultKey_IsNotMadeForWhoMayNotUseIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(a apigw.Authorizer) error {
		ctx := apigw.WithCall(t.Context(), apigw.CallFrom(w.as(t, alice, "DescribeKey")), apigw.CallConfig{Authorizer: a, Tokens: w.tokens})
		_, err := w.DescribeKey(ctx, &sdk.DescribeKeyInput{KeyId: aws.String("alias/aws/ebs")})
		return err
	}
	var refused *awserr.Error
	if err := ask(authztest.By(t, authztest.Statement{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"})); !errors.As(err, &refused) || refused.Code != "AccessDenied" {
		t.Errorf("got %v", err)
	}
	if n := state.KMSKeys.Count(w.region.FSM.View()); n != 0 {
		t.Errorf("%d keys were made", n)
	}
	if err := ask(w.authz); err != nil || state.KMSKeys.Count(w.region.FSM.View()) != 1 {
		t.Errorf("for who may: %v", err)
	}
}
