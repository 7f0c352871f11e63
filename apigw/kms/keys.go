// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/google/uuid"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// metadata is a key as DescribeKey tells it.
func (s *Service) metadata(k *state.KMSKey) *types.KeyMetadata {
	m := &types.KeyMetadata{
		KeyId: aws.String(k.ID), Arn: aws.String(s.keyARN(k.AccountID, k.ID)), AWSAccountId: aws.String(k.AccountID), CreationDate: aws.Time(k.Created.Std()),
		Description: aws.String(k.Description), Enabled: k.State == state.KMSEnabled, KeyState: types.KeyState(k.State), KeyManager: types.KeyManagerType(k.Manager),
		KeySpec: types.KeySpecSymmetricDefault,
		//lint:ignore SA1019 AWS still answers with it, and older clients read it.
		CustomerMasterKeySpec: types.CustomerMasterKeySpecSymmetricDefault, KeyUsage: types.KeyUsageTypeEncryptDecrypt,
		Origin: types.OriginTypeAwsKms, MultiRegion: aws.Bool(false), EncryptionAlgorithms: []types.EncryptionAlgorithmSpec{types.EncryptionAlgorithmSpecSymmetricDefault},
	}
	if k.State == state.KMSPendingDeletion {
		m.DeletionDate = aws.Time(k.DeleteAt.Std())
	}
	return m
}

// CreateKey makes a symmetric key.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
func (s *Service) CreateKey(ctx context.Context, in *sdk.CreateKeyInput) (*sdk.CreateKeyOutput, error) {
	call := apigw.CallFrom(ctx)
	if len(aws.ToString(in.Description)) > 8192 {
		return nil, awserr.New("ValidationException", "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 8192")
	}
	tags, err := checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	text := defaultPolicy(call.Account)
	if in.Policy != nil {
		text = *in.Policy
		if err := s.checkPolicy(call, text, in.BypassPolicyLockoutSafetyCheck); err != nil {
			return nil, err
		}
	}
	id := uuid.NewString()
	m, err := s.newMaterial(call.Account, id, 1)
	if err != nil {
		return nil, err
	}
	requested := map[string]string{}
	for _, t := range tags {
		requested[t.Key] = t.Value
	}
	if err := call.Authorize(apigw.Resource{ARN: "*", RequestTags: requested, Conditions: map[string]string{"kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT", "kms:KeyOrigin": "AWS_KMS"}}); err != nil {
		return nil, err
	}
	k := state.KMSKey{ID: id, AccountID: call.Account, Description: aws.ToString(in.Description), Manager: "CUSTOMER", Policy: text, Materials: []state.KMSMaterial{m}, Tags: tags}
	if err := s.region.Propose(ctx, command.CreateKMSKey{Key: k}, nil); err != nil {
		return nil, err
	}
	made, err := s.again(ctx, call.Account, id)
	if err != nil {
		return nil, err
	}
	return &sdk.CreateKeyOutput{KeyMetadata: s.metadata(made)}, nil
}

// again reads a key that was just changed.
func (s *Service) again(ctx context.Context, account, id string) (*state.KMSKey, error) {
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	k, ok := state.KMSKeys.Get(v, account, id)
	if !ok {
		return nil, notFound("Key '%s' does not exist", s.keyARN(account, id))
	}
	return k, nil
}

// asked is the key that a request names, authorized.
func (s *Service) asked(ctx context.Context, id *string, own, change bool) (*apigw.Call, *state.View, *state.KMSKey, error) {
	call := apigw.CallFrom(ctx)
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	k, err := s.find(ctx, call, v, "", id)
	if err != nil {
		return nil, nil, nil, err
	}
	if own {
		if err := s.own(call, k, change); err != nil {
			return nil, nil, nil, err
		}
	}
	return call, v, k.KMSKey, s.authorize(call, k)
}

// DescribeKey describes a key.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html
func (s *Service) DescribeKey(ctx context.Context, in *sdk.DescribeKeyInput) (*sdk.DescribeKeyOutput, error) {
	_, _, k, err := s.asked(ctx, in.KeyId, false, false)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeKeyOutput{KeyMetadata: s.metadata(k)}, nil
}

// ListKeys lists the account's keys.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html
func (s *Service) ListKeys(ctx context.Context, in *sdk.ListKeysInput) (*sdk.ListKeysOutput, error) {
	call := apigw.CallFrom(ctx)
	size, err := pageSize(in.Limit, 1000, 100)
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	rows, next, err := cut(call, slices.Collect(state.KMSKeys.Of(v, call.Account)), func(k *state.KMSKey) string { return k.ID }, in.Marker, size)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListKeysOutput{Keys: []types.KeyListEntry{}, NextMarker: next, Truncated: next != nil}
	for _, k := range rows {
		out.Keys = append(out.Keys, types.KeyListEntry{KeyId: aws.String(k.ID), KeyArn: aws.String(s.keyARN(k.AccountID, k.ID))})
	}
	return out, nil
}

// UpdateKeyDescription changes a key's description.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html
func (s *Service) UpdateKeyDescription(ctx context.Context, in *sdk.UpdateKeyDescriptionInput) (*sdk.UpdateKeyDescriptionOutput, error) {
	_, _, k, err := s.asked(ctx, in.KeyId, true, true)
	if err != nil {
		return nil, err
	}
	text := aws.ToString(in.Description)
	if in.Description == nil || len(text) > 8192 {
		return nil, awserr.New("ValidationException", "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have at most 8192 characters")
	}
	return &sdk.UpdateKeyDescriptionOutput{}, s.region.Propose(ctx, command.ModifyKMSKey{AccountID: k.AccountID, KeyID: k.ID, Description: &text}, nil)
}

// EnableKey lets a key be used.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html
func (s *Service) EnableKey(ctx context.Context, in *sdk.EnableKeyInput) (*sdk.EnableKeyOutput, error) {
	return &sdk.EnableKeyOutput{}, s.enable(ctx, in.KeyId, true)
}

// DisableKey keeps a key from being used.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html
func (s *Service) DisableKey(ctx context.Context, in *sdk.DisableKeyInput) (*sdk.DisableKeyOutput, error) {
	return &sdk.DisableKeyOutput{}, s.enable(ctx, in.KeyId, false)
}

func (s *Service) enable(ctx context.Context, id *string, on bool) error {
	_, _, k, err := s.asked(ctx, id, true, true)
	if err != nil {
		return err
	}
	return s.region.Propose(ctx, command.ModifyKMSKey{AccountID: k.AccountID, KeyID: k.ID, Enabled: &on}, nil)
}

// ScheduleKeyDeletion has a key deleted after 7 to 30 days.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
func (s *Service) ScheduleKeyDeletion(ctx context.Context, in *sdk.ScheduleKeyDeletionInput) (*sdk.ScheduleKeyDeletionOutput, error) {
	days := int32(30)
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	if days < 7 || days > 30 {
		return nil, awserr.New("ValidationException", "1 validation error detected: Value '%d' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value from 7 to 30", days)
	}
	_, _, k, err := s.asked(ctx, in.KeyId, true, true)
	if err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.ScheduleKMSDeletion{AccountID: k.AccountID, KeyID: k.ID, Days: int(days)}, nil); err != nil {
		return nil, err
	}
	k, err = s.again(ctx, k.AccountID, k.ID)
	if err != nil {
		return nil, err
	}
	return &sdk.ScheduleKeyDeletionOutput{KeyId: aws.String(s.keyARN(k.AccountID, k.ID)), DeletionDate: aws.Time(k.DeleteAt.Std()), KeyState: types.KeyState(k.State), PendingWindowInDays: &days}, nil
}

// CancelKeyDeletion keeps a key; it is disabled then.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html
func (s *Service) CancelKeyDeletion(ctx context.Context, in *sdk.CancelKeyDeletionInput) (*sdk.CancelKeyDeletionOutput, error) {
	_, _, k, err := s.asked(ctx, in.KeyId, true, true)
	if err != nil {
		return nil, err
	}
	return &sdk.CancelKeyDeletionOutput{KeyId: aws.String(s.keyARN(k.AccountID, k.ID))}, s.region.Propose(ctx, command.ScheduleKMSDeletion{AccountID: k.AccountID, KeyID: k.ID}, nil)
}
