// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz/authztest"
)

func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	authztest.Service{
		Name: "sts", Actions: slices.Sorted(maps.Keys(Members)),
		Skip: map[string]string{"GetCallerIdentity": "it needs no permission and none can be taken away"},
		Run: func(t *testing.T, action string, a apigw.Authorizer, _ bool) (int, error) {
			svc, made, as := world(t)
			ctx := as(made[0].AdminKey.ID)
			call := apigw.CallFrom(ctx)
			call.Action = action
			ctx = apigw.WithCall(ctx, call, apigw.CallConfig{Authorizer: a})
			if action != "GetAccessKeyInfo" {
				t.Fatal("there is no call of the action")
			}
			_, err := svc.GetAccessKeyInfo(ctx, &sdk.GetAccessKeyInfoInput{AccessKeyId: aws.String(made[0].AdminKey.ID)})
			return 0, err
		},
	}.Test(t)
}

func TestGetCallerIdentity_CannotBeDenied(t *testing.T) {
	t.Parallel()
	svc, made, as := world(t)
	ctx := as(made[0].AdminKey.ID)
	call := apigw.CallFrom(ctx)
	call.Action = "GetCallerIdentity"
	deny := authztest.By(t, authztest.Statement{"Effect": "Deny", "Action": "*", "Resource": "*"})
	if _, err := svc.GetCallerIdentity(apigw.WithCall(ctx, call, apigw.CallConfig{Authorizer: deny}), &sdk.GetCallerIdentityInput{}); err != nil {
		t.Error(err)
	}
}
