// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"regexp"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/state"
)

// Words that stand for accounts in owners and users.
const (
	ownerSelf        = "self"
	ownerMarketplace = "aws-marketplace"
	ownerBackupVault = "aws-backup-vault"
	groupAll         = "all"
)

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

var imageMembers = apigw.Members{
	"DescribeImages": {"ImageIds", "Owners", "ExecutableUsers", "IncludeDeprecated", "IncludeDisabled", "Filters.*", "MaxResults", "NextToken"},
	"RegisterImage": {"Name", "Description", "Architecture", "RootDeviceName", "VirtualizationType", "BootMode", "TpmSupport", "ImdsSupport",
		"SriovNetSupport", "EnaSupport", "TagSpecifications.*", "BlockDeviceMappings.DeviceName", "BlockDeviceMappings.NoDevice",
		"BlockDeviceMappings.VirtualName", "BlockDeviceMappings.Ebs.SnapshotId", "BlockDeviceMappings.Ebs.VolumeSize", "BlockDeviceMappings.Ebs.VolumeType",
		"BlockDeviceMappings.Ebs.Iops", "BlockDeviceMappings.Ebs.Throughput", "BlockDeviceMappings.Ebs.DeleteOnTermination",
		"BlockDeviceMappings.Ebs.Encrypted=false", "BlockDeviceMappings.Ebs.EbsCardIndex=0"},
	"DeregisterImage":         {"ImageId", "DeleteAssociatedSnapshots"},
	"EnableImage":             {"ImageId"},
	"DisableImage":            {"ImageId"},
	"EnableImageDeprecation":  {"ImageId", "DeprecateAt"},
	"DisableImageDeprecation": {"ImageId"},
	"DescribeImageAttribute":  {"ImageId", "Attribute"},
	"ModifyImageAttribute": {"ImageId", "Attribute", "Value", "OperationType", "UserIds", "UserGroups", "Description.Value", "ImdsSupport.Value",
		"LaunchPermission.Add.UserId", "LaunchPermission.Add.Group", "LaunchPermission.Remove.UserId", "LaunchPermission.Remove.Group"},
	"ResetImageAttribute": {"ImageId", "Attribute"},
}

// visibleImage finds an image that the account owns or may launch. A disabled image is its owner's alone.
func visibleImage(v *state.View, account, id string) (*state.Image, bool) {
	i, ok := state.Images.Get(v, state.AnyAccount, id)
	if !ok || !i.MayLaunch(account) {
		return nil, false
	}
	return i, true
}

// imageResource names an image for Authorize. Images have no account in their resource names.
func imageResource(c *apigw.Call, v *state.View, i *state.Image) apigw.Resource {
	r := resource(c, v, types.ResourceTypeImage, i.ID)
	r.ARN, r.Account, r.Conditions = apigw.ARN("ec2", c.Region, "", "image/"+i.ID), i.AccountID, imageConditions(v, i)
	return r
}

// newImageResource names an image that the call makes: policies cannot know its id.
func newImageResource(c *apigw.Call, v *state.View, i *state.Image) apigw.Resource {
	r := imageResource(c, v, i)
	r.ARN = apigw.ARN("ec2", c.Region, "", "image/*")
	delete(r.Conditions, "ec2:ImageID")
	return r
}

// describedImages are DescribeImages' filters. Its pages may be of any size; AWS documents no bounds.
var describedImages = described[types.Image]{
	id:      func(i types.Image) string { return valueOf(i.ImageId) },
	tags:    func(i types.Image) []types.Tag { return i.Tags },
	filters: imageFilters,
	limits:  page.Range{Min: 1, Max: 1000, Clamp: true},
}

// DescribeImages lists the images that the account owns or may launch.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
func (s *Service) DescribeImages(ctx context.Context, in *sdk.DescribeImagesInput) (*sdk.DescribeImagesOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.Image.Check(in.ImageIds...); err != nil {
		return nil, err
	}
	if err := checkImageScope(in); err != nil {
		return nil, err
	}
	list, err := newListing(describedImages, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	images, err := namedImages(v, call.Account, in.ImageIds)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	scope := imageScope{view: v, account: call.Account, now: state.At(call.Time), in: in}
	images = slices.DeleteFunc(images, func(i *state.Image) bool { return !scope.includes(i) })
	shown, next, err := list.cut(call, translate(images, newRows(v, call.Account).image))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeImagesOutput{Images: shown, NextToken: next}, nil
}

// namedImages are the images that the caller names, or all that it can see.
func namedImages(v *state.View, account string, wanted []string) ([]*state.Image, error) {
	if len(wanted) > 0 {
		return pick(ids.Image, wanted, func(id string) (*state.Image, bool) { return visibleImage(v, account, id) })
	}
	var out []*state.Image
	for i := range state.Images.All(v) {
		if i.MayLaunch(account) {
			out = append(out, i)
		}
	}
	return out, nil
}

// checkImageScope checks the words in Owners and ExecutableUsers.
func checkImageScope(in *sdk.DescribeImagesInput) error {
	for _, o := range in.Owners {
		if !slices.Contains([]string{ownerSelf, aliasAmazon, ownerMarketplace, ownerBackupVault}, o) && !accountForm.MatchString(o) {
			return badUser(o)
		}
	}
	for _, u := range in.ExecutableUsers {
		if u != ownerSelf && u != groupAll && !accountForm.MatchString(u) {
			return badUser(u)
		}
	}
	return nil
}

func badUser(id string) error {
	return awserr.New("InvalidUserID.Malformed", "Invalid user id: \"%.128s\"", id)
}

// imageScope is what DescribeImages looks at besides filters.
type imageScope struct {
	view    *state.View
	account string
	now     state.Time
	in      *sdk.DescribeImagesInput
}

func (s imageScope) includes(i *state.Image) bool {
	if i.State == state.ImageDisabled && !valueOf(s.in.IncludeDisabled) {
		return false
	}
	// Who knows the id sees a deprecated image; so does its owner.
	deprecated := !i.Deprecation.IsZero() && i.Deprecation <= s.now
	if deprecated && !valueOf(s.in.IncludeDeprecated) && i.AccountID != s.account && len(s.in.ImageIds) == 0 {
		return false
	}
	return s.ofOwners(i) && s.forUsers(i)
}

// ofOwners tells whether one of the owners asked for owns the image. Nothing here is of the marketplace or a backup vault.
func (s imageScope) ofOwners(i *state.Image) bool {
	if len(s.in.Owners) == 0 {
		return true
	}
	return slices.ContainsFunc(s.in.Owners, func(o string) bool {
		switch o {
		case ownerSelf:
			return i.AccountID == s.account
		case aliasAmazon:
			owner, ok := state.Accounts.Get(s.view, state.AnyAccount, i.AccountID)
			return ok && owner.System
		}
		return i.AccountID == o
	})
}

// forUsers tells whether one of the users asked for has explicit launch permission: that of another account is shown
// to the image's owner only.
func (s imageScope) forUsers(i *state.Image) bool {
	if len(s.in.ExecutableUsers) == 0 {
		return true
	}
	return slices.ContainsFunc(s.in.ExecutableUsers, func(u string) bool {
		switch u {
		case groupAll:
			return i.Public
		case ownerSelf, s.account:
			return slices.Contains(i.LaunchAccounts, s.account)
		}
		return i.AccountID == s.account && slices.Contains(i.LaunchAccounts, u)
	})
}

// Deprecation dates, see EnableImageDeprecation.
const (
	deprecationYears       = 10
	publicDeprecationYears = 2
)

// deprecation checks a date and rounds it to the minute, as EC2 does.
func deprecation(at *time.Time, now time.Time, i *state.Image) (state.Time, error) {
	if at == nil {
		return 0, awserr.MissingParameter("DeprecateAt")
	}
	rounded := at.UTC().Round(time.Minute)
	latest := now.AddDate(deprecationYears, 0, 0)
	if i.Public {
		latest = i.Created.Std().AddDate(publicDeprecationYears, 0, 0)
	}
	if rounded.Before(now.Truncate(time.Minute)) {
		return 0, awserr.InvalidParameterValue("The value of DeprecateAt (%s) is in the past.", at.UTC().Format(time.RFC3339))
	}
	if rounded.After(latest) {
		return 0, awserr.InvalidParameterValue("The value of DeprecateAt (%s) is later than the upper limit %s.", at.UTC().Format(time.RFC3339), latest.Format(time.RFC3339))
	}
	return state.At(rounded), nil
}
