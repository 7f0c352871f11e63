// SPDX-License-Identifier: Apache-2.0

package servicequotas

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz/authztest"
	"github.com/hivecloud/hive/fsm/fsmtest"
)

// inputs are one input of each action that succeeds for who may.
var inputs = map[string]any{
	"ListServices":                &sdk.ListServicesInput{},
	"ListServiceQuotas":           &sdk.ListServiceQuotasInput{ServiceCode: aws.String("ec2")},
	"GetServiceQuota":             &sdk.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-1216C47A")},
	"ListAWSDefaultServiceQuotas": &sdk.ListAWSDefaultServiceQuotasInput{ServiceCode: aws.String("ec2")},
	"GetAWSDefaultServiceQuota":   &sdk.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-1216C47A")},
}

func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	authztest.Service{Name: "servicequotas", Actions: slices.Sorted(maps.Keys(Members)), Run: func(t *testing.T, action string, a apigw.Authorizer, _ bool) (int, error) {
		region := fsmtest.NewRegion(t)
		region.AddAccount(t, alice)
		s, err := New(region)
		if err != nil {
			t.Fatal(err)
		}
		if inputs[action] == nil {
			t.Fatal("there is no input of the action")
		}
		call := apigw.CallFrom(as(t, alice, action))
		call.Principal.ARN = "arn:aws:iam::" + alice + ":user/admin"
		ctx := apigw.WithCall(t.Context(), call, apigw.CallConfig{Authorizer: a, Tokens: tokens(t)})
		out := reflect.ValueOf(s).MethodByName(action).Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(inputs[action])})
		err, _ = out[1].Interface().(error)
		return 0, err
	}}.Test(t)
}
