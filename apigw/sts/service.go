// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/fsm/state"
)

// Region reads the region's truth.
type Region interface {
	// View is a linearizable snapshot: it holds everything that was acknowledged before the call.
	View(ctx context.Context) (*state.View, error)
}

// Messages opens the encoded authorization messages of refusals; *authz.Messages is one.
type Messages interface {
	// Open decodes a message for callers of the account that it was made for; any error means that it is not valid.
	Open(account, encoded string) (string, error)
}

// Config is what a Service needs.
type Config struct {
	Region Region       // required
	Keys   session.Keys // required: what sessions are sealed with; *seal.Ring in an agent
	// Messages are those of the Authorizer. Without them no message is valid.
	Messages Messages
}

// Service answers the STS API. Its exported methods are the actions; any number of calls may run at once.
type Service struct {
	region   Region
	keeper   *session.Keeper
	messages Messages
	oidc     *verifiers
}

// Members declares what each action implements of its input.
var Members = apigw.Members{
	"GetCallerIdentity":          {},
	"GetAccessKeyInfo":           {"AccessKeyId"},
	"AssumeRole":                 {"RoleArn", "RoleSessionName", "Policy", "PolicyArns.*", "DurationSeconds", "ExternalId", "SourceIdentity", "Tags.*", "TransitiveTagKeys"},
	"AssumeRoleWithWebIdentity":  {"RoleArn", "RoleSessionName", "WebIdentityToken", "Policy", "PolicyArns.*", "DurationSeconds"},
	"GetFederationToken":         {"Name", "Policy", "PolicyArns.*", "DurationSeconds", "Tags.*"},
	"GetSessionToken":            {"DurationSeconds"},
	"DecodeAuthorizationMessage": {"EncodedMessage"},
}

// Unsigned are the actions that need no signature.
var Unsigned = []string{"AssumeRoleWithWebIdentity"}

// New returns the service. It does no I/O.
func New(cfg Config) (*Service, error) {
	if cfg.Region == nil {
		return nil, errors.New("sts service: no region")
	}
	keeper, err := session.New(cfg.Keys)
	if err != nil {
		return nil, err
	}
	return &Service{region: cfg.Region, keeper: keeper, messages: cfg.Messages, oidc: newVerifiers()}, nil
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

// GetAccessKeyInfo says whose an access key is, of any account: that is what the action is for. Keys of sessions are
// in no row; the caller's own is known from its token.
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
	if id == call.Principal.AccessKeyID {
		return &sdk.GetAccessKeyInfoOutput{Account: aws.String(call.Account)}, nil
	}
	key, ok := state.AccessKeys.Get(v, state.AnyAccount, id)
	if !ok {
		return nil, awserr.ValidationError("Access key %.128s is not valid", id)
	}
	return &sdk.GetAccessKeyInfoOutput{Account: aws.String(key.AccountID)}, nil
}

// DecodeAuthorizationMessage opens the encoded message of an UnauthorizedOperation of the caller's account.
// See https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
func (s *Service) DecodeAuthorizationMessage(ctx context.Context, in *sdk.DecodeAuthorizationMessageInput) (*sdk.DecodeAuthorizationMessageOutput, error) {
	call := apigw.CallFrom(ctx)
	message := aws.ToString(in.EncodedMessage)
	if err := checkLength("encodedMessage", message, 1, 10_240); err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	invalid := awserr.New("InvalidAuthorizationMessageException", "The encoded authorization message is invalid.")
	if s.messages == nil {
		return nil, invalid
	}
	text, err := s.messages.Open(call.Account, message)
	if err != nil {
		return nil, invalid
	}
	return &sdk.DecodeAuthorizationMessageOutput{DecodedMessage: &text}, nil
}

// issue makes the credentials of a session that begins now.
func (s *Service) issue(c session.Claims, now time.Time, seconds int32) (*types.Credentials, error) {
	c.Session.Issued = now
	c.Session.Expires = now.Add(time.Duration(seconds) * time.Second)
	made, err := s.keeper.Issue(c)
	if err != nil {
		return nil, err
	}
	return &types.Credentials{AccessKeyId: &made.AccessKeyID, SecretAccessKey: aws.String(made.Secret.Reveal()),
		SessionToken: aws.String(made.Token.Reveal()), Expiration: &made.Expires}, nil
}
