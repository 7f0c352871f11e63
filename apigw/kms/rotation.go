// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// EnableKeyRotation has a key rotated every 90 to 2560 days, 365 unless said otherwise.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html
func (s *Service) EnableKeyRotation(ctx context.Context, in *sdk.EnableKeyRotationInput) (*sdk.EnableKeyRotationOutput, error) {
	days := int32(yearly)
	if in.RotationPeriodInDays != nil {
		days = *in.RotationPeriodInDays
	}
	if days < 90 || days > 2560 {
		return nil, awserr.New("ValidationException", "1 validation error detected: Value '%d' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value from 90 to 2560", days)
	}
	return &sdk.EnableKeyRotationOutput{}, s.setRotation(ctx, in.KeyId, true, int(days))
}

// DisableKeyRotation ends the automatic rotation of a key.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html
func (s *Service) DisableKeyRotation(ctx context.Context, in *sdk.DisableKeyRotationInput) (*sdk.DisableKeyRotationOutput, error) {
	return &sdk.DisableKeyRotationOutput{}, s.setRotation(ctx, in.KeyId, false, 0)
}

func (s *Service) setRotation(ctx context.Context, id *string, on bool, days int) error {
	_, _, k, err := s.asked(ctx, id, true, true)
	if err != nil {
		return err
	}
	return s.region.Propose(ctx, command.ModifyKMSKey{AccountID: k.AccountID, KeyID: k.ID, Rotation: &on, RotationDays: days}, nil)
}

// GetKeyRotationStatus tells whether and when a key is rotated by itself.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
func (s *Service) GetKeyRotationStatus(ctx context.Context, in *sdk.GetKeyRotationStatusInput) (*sdk.GetKeyRotationStatusOutput, error) {
	_, _, k, err := s.asked(ctx, in.KeyId, false, false)
	if err != nil {
		return nil, err
	}
	out := &sdk.GetKeyRotationStatusOutput{KeyId: aws.String(s.keyARN(k.AccountID, k.ID)), KeyRotationEnabled: k.Rotation && k.State != state.KMSPendingDeletion}
	if out.KeyRotationEnabled {
		out.RotationPeriodInDays, out.NextRotationDate = aws.Int32(int32(k.RotationDays)), aws.Time(k.NextRotation.Std())
	}
	return out, nil
}

// RotateKeyOnDemand gives a key new material now.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html
func (s *Service) RotateKeyOnDemand(ctx context.Context, in *sdk.RotateKeyOnDemandInput) (*sdk.RotateKeyOnDemandOutput, error) {
	_, _, k, err := s.asked(ctx, in.KeyId, true, true)
	if err != nil {
		return nil, err
	}
	if err := s.rotate(ctx, k, true); err != nil {
		return nil, err
	}
	return &sdk.RotateKeyOnDemandOutput{KeyId: aws.String(s.keyARN(k.AccountID, k.ID))}, nil
}

// ListKeyRotations lists the rotations of a key that are done.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html
func (s *Service) ListKeyRotations(ctx context.Context, in *sdk.ListKeyRotationsInput) (*sdk.ListKeyRotationsOutput, error) {
	size, err := pageSize(in.Limit, 1000, 100)
	if err != nil {
		return nil, err
	}
	call, _, k, err := s.asked(ctx, in.KeyId, true, false)
	if err != nil {
		return nil, err
	}
	done, next, err := cut(call, k.Materials[1:], func(m state.KMSMaterial) string { return fmt.Sprintf("%08d", m.Version) }, in.Marker, size)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListKeyRotationsOutput{Rotations: []types.RotationsListEntry{}, NextMarker: next, Truncated: next != nil}
	for _, m := range done {
		kind := types.RotationTypeAutomatic
		if m.OnDemand {
			kind = types.RotationTypeOnDemand
		}
		out.Rotations = append(out.Rotations, types.RotationsListEntry{KeyId: aws.String(s.keyARN(k.AccountID, k.ID)), RotationDate: aws.Time(m.Created.Std()), RotationType: kind})
	}
	return out, nil
}
