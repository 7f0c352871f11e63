// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"context"
	"errors"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"
)

// Region reads the region's truth.
type Region interface {
	// View is a linearizable snapshot: it holds everything that was acknowledged before the call.
	View(ctx context.Context) (*state.View, error)
}

// Service answers the STS API. Its exported methods are the actions; any number of calls may run at once.
type Service struct{ region Region }

// Members declares what each action implements of its input.
var Members = apigw.Members{"GetCallerIdentity": {}, "GetAccessKeyInfo": {"AccessKeyId"}}

// New returns the service. It does no I/O.
func New(region Region) (*Service, error) {
	if region == nil {
		return nil, errors.New("sts service: no region")
	}
	return &Service{region: region}, nil
}

// GetCallerIdentity says who signed the request. It needs no permission; Authorize is asked so that the call is audited
// as every other.
// See https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (s *Service) GetCallerIdentity(ctx context.Context, _ *sdk.GetCallerIdentityInput) (*sdk.GetCallerIdentityOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	p := call.Principal
	return &sdk.GetCallerIdentityOutput{Account: aws.String(p.AccountID), Arn: aws.String(p.ARN), UserId: aws.String(p.UserID)}, nil
}

var keyID = regexp.MustCompile(`^\w{16,128}$`)

// GetAccessKeyInfo says whose an access key is, of any account: that is what the action is for.
// See https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
func (s *Service) GetAccessKeyInfo(ctx context.Context, in *sdk.GetAccessKeyInfoInput) (*sdk.GetAccessKeyInfoOutput, error) {
	call := apigw.CallFrom(ctx)
	id := aws.ToString(in.AccessKeyId)
	if !keyID.MatchString(id) {
		return nil, awserr.ValidationError("1 validation error detected: Value at 'accessKeyId' failed to satisfy constraint: Member must have 16 to 128 letters, digits or underscores")
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	key, ok := state.AccessKeys.Get(v, state.AnyAccount, id)
	if !ok {
		return nil, awserr.ValidationError("Access key %.128s is not valid", id)
	}
	return &sdk.GetAccessKeyInfoOutput{Account: aws.String(key.AccountID)}, nil
}
