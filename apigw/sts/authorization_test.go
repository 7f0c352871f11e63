// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/apigw/authz/authztest"
)

// calling is a call of acme's user bob, decided by a.
func (w *world) calling(action string, a apigw.Authorizer) context.Context {
	p := apigw.Principal{AccountID: acme, AccessKeyID: w.keys[acme+"/bob"].ID, ARN: "arn:aws:iam::" + acme + ":user/bob", UserID: "AIDA" + acme + "bob",
		UserName: "bob", Type: apigw.PrincipalUser, Status: apigw.Active}
	return apigw.WithCall(w.t.Context(), &apigw.Call{Account: acme, Principal: p, Service: "sts", Action: action, Time: time.Now()}, apigw.CallConfig{Authorizer: a})
}

func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	authztest.Service{
		Name: "sts", Actions: slices.Sorted(maps.Keys(Members)),
		Skip: map[string]string{
			"GetCallerIdentity":         "it needs no permission and none can be taken away",
			"GetSessionToken":           "it needs no permission",
			"AssumeRoleWithWebIdentity": "the role's trust policy alone decides: web_identity_test.go",
		},
		Run: func(t *testing.T, action string, a apigw.Authorizer, _ bool) (int, error) {
			w := newWorld(t)
			ctx := w.calling(action, a)
			tags := []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}
			var err error
			switch action {
			case "AssumeRole":
				in := assume(w.addRole("r", trustAcme, nil))
				in.Tags, in.TransitiveTagKeys, in.SourceIdentity, in.ExternalId = tags, []string{"team"}, aws.String("me"), aws.String("external")
				_, err = w.svc.AssumeRole(ctx, in)
			case "GetFederationToken":
				_, err = w.svc.GetFederationToken(ctx, &sdk.GetFederationTokenInput{Name: aws.String("guest"), Tags: tags})
			case "GetAccessKeyInfo":
				_, err = w.svc.GetAccessKeyInfo(ctx, &sdk.GetAccessKeyInfoInput{AccessKeyId: aws.String(w.keys[rival+"/admin"].ID)})
			case "DecodeAuthorizationMessage":
				sealed, sealErr := w.svc.messages.(*authz.Messages).Seal(acme, "{}")
				w.must(sealErr)
				_, err = w.svc.DecodeAuthorizationMessage(ctx, &sdk.DecodeAuthorizationMessageInput{EncodedMessage: &sealed})
			default:
				err = errors.New("there is no call of the action")
			}
			return 0, err
		},
	}.Test(t)
}

func TestGetCallerIdentity_CannotBeDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deny := authztest.By(t, authztest.Statement{"Effect": "Deny", "Action": "*", "Resource": "*"})
	if _, err := w.svc.GetCallerIdentity(w.calling("GetCallerIdentity", deny), &sdk.GetCallerIdentityInput{}); err != nil {
		t.Error(err)
	}
}
