// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// RegisterImage makes an image over existing snapshots.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html
func (s *Service) RegisterImage(ctx context.Context, in *sdk.RegisterImageInput) (*sdk.RegisterImageOutput, error) {
	call := apigw.CallFrom(ctx)
	tags, err := tagsByType(in.TagSpecifications, types.ResourceTypeImage)
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	image, err := imageOf(v, call.Account, in)
	if err != nil {
		return nil, err
	}
	touched := []apigw.Resource{tagging(newImageResource(call, v, image), tags[types.ResourceTypeImage])}
	for _, d := range image.Devices {
		if d.SnapshotID != "" {
			touched = append(touched, resource(call, v, types.ResourceTypeSnapshot, d.SnapshotID))
		}
	}
	if err := call.Authorize(touched...); err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.RegisterImage{Image: *image, Tags: tags[types.ResourceTypeImage]}, nil); err != nil {
		return nil, fmt.Errorf("register image %s: %w", image.ID, err)
	}
	return &sdk.RegisterImageOutput{ImageId: aws.String(image.ID)}, nil
}

// ownedImage finds an image of the caller's for a change and authorizes the call for it. An image that is shared with the
// caller is AuthFailure, as in EC2; one that it cannot see does not exist.
func (s *Service) ownedImage(ctx context.Context, call *apigw.Call, id string) (*state.Image, error) {
	if id == "" {
		return nil, awserr.MissingParameter("ImageId")
	}
	if err := ids.Image.Check(id); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	i, ok := visibleImage(v, call.Account, id)
	if !ok {
		return nil, notFound(ids.Image, id)
	}
	if i.AccountID != call.Account {
		return nil, awserr.New("AuthFailure", "Not authorized for image:%s", id)
	}
	return i, call.Authorize(imageResource(call, v, i))
}

// DeregisterImage removes an image and, where asked, those of its snapshots that no other image uses.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html
func (s *Service) DeregisterImage(ctx context.Context, in *sdk.DeregisterImageInput) (*sdk.DeregisterImageOutput, error) {
	call := apigw.CallFrom(ctx)
	image, err := s.ownedImage(ctx, call, valueOf(in.ImageId))
	if err != nil {
		return nil, err
	}
	var done command.Deregistered
	c := command.DeregisterImage{AccountID: call.Account, ImageID: image.ID, DeleteSnapshots: valueOf(in.DeleteAssociatedSnapshots)}
	if err := s.region.Propose(ctx, c, &done); err != nil {
		return nil, fmt.Errorf("deregister image %s: %w", image.ID, err)
	}
	out := &sdk.DeregisterImageOutput{Return: aws.Bool(true)}
	for _, o := range done.Snapshots {
		out.DeleteSnapshotResults = append(out.DeleteSnapshotResults, types.DeleteSnapshotReturnCode{SnapshotId: aws.String(o.SnapshotID), ReturnCode: types.SnapshotReturnCodes(o.Code)})
	}
	return out, nil
}

// modifyImage proposes a change of an image of the caller's.
func (s *Service) modifyImage(ctx context.Context, id *string, change func(*apigw.Call, *state.Image) (command.ModifyImage, error)) error {
	call := apigw.CallFrom(ctx)
	image, err := s.ownedImage(ctx, call, valueOf(id))
	if err != nil {
		return err
	}
	c, err := change(call, image)
	if err != nil {
		return err
	}
	c.AccountID, c.ImageID = call.Account, image.ID
	if err := s.region.Propose(ctx, c, nil); err != nil {
		return fmt.Errorf("modify image %s: %w", image.ID, err)
	}
	return nil
}

// EnableImage makes a disabled image available again, to its owner alone.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImage.html
func (s *Service) EnableImage(ctx context.Context, in *sdk.EnableImageInput) (*sdk.EnableImageOutput, error) {
	err := s.modifyImage(ctx, in.ImageId, func(*apigw.Call, *state.Image) (command.ModifyImage, error) {
		return command.ModifyImage{State: aws.String(state.ImageAvailable)}, nil
	})
	if err != nil {
		return nil, err
	}
	return &sdk.EnableImageOutput{Return: aws.Bool(true)}, nil
}

// DisableImage takes an image out of use and away from everybody it was shared with.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableImage.html
func (s *Service) DisableImage(ctx context.Context, in *sdk.DisableImageInput) (*sdk.DisableImageOutput, error) {
	err := s.modifyImage(ctx, in.ImageId, func(*apigw.Call, *state.Image) (command.ModifyImage, error) {
		return command.ModifyImage{State: aws.String(state.ImageDisabled), ResetLaunch: true}, nil
	})
	if err != nil {
		return nil, err
	}
	return &sdk.DisableImageOutput{Return: aws.Bool(true)}, nil
}

// EnableImageDeprecation sets the time from which others no longer see the image in lists.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageDeprecation.html
func (s *Service) EnableImageDeprecation(ctx context.Context, in *sdk.EnableImageDeprecationInput) (*sdk.EnableImageDeprecationOutput, error) {
	err := s.modifyImage(ctx, in.ImageId, func(call *apigw.Call, i *state.Image) (command.ModifyImage, error) {
		at, err := deprecation(in.DeprecateAt, call.Time, i)
		return command.ModifyImage{Deprecation: &at}, err
	})
	if err != nil {
		return nil, err
	}
	return &sdk.EnableImageDeprecationOutput{Return: aws.Bool(true)}, nil
}

// DisableImageDeprecation cancels the deprecation.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableImageDeprecation.html
func (s *Service) DisableImageDeprecation(ctx context.Context, in *sdk.DisableImageDeprecationInput) (*sdk.DisableImageDeprecationOutput, error) {
	err := s.modifyImage(ctx, in.ImageId, func(*apigw.Call, *state.Image) (command.ModifyImage, error) {
		return command.ModifyImage{Deprecation: new(state.Time)}, nil
	})
	if err != nil {
		return nil, err
	}
	return &sdk.DisableImageDeprecationOutput{Return: aws.Bool(true)}, nil
}
