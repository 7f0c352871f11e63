// SPDX-License-Identifier: Apache-2.0

package cloudtrail

import (
	"maps"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz/authztest"
	"github.com/hivecloud/hive/apigw/page"
)

func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	authztest.Service{Name: "cloudtrail", Actions: slices.Sorted(maps.Keys(Members)), Run: func(t *testing.T, action string, a apigw.Authorizer, _ bool) (int, error) {
		if action != "LookupEvents" {
			t.Fatal("there is no call of the action")
		}
		s, err := New(newNodes(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := page.NewTokens([]byte("0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		call := &apigw.Call{Account: alice, Region: "hive-1", Service: "cloudtrail", Action: action, Time: time.Now(),
			Principal: apigw.Principal{AccountID: alice, ARN: "arn:aws:iam::" + alice + ":user/admin"}}
		_, err = s.LookupEvents(apigw.WithCall(t.Context(), call, apigw.CallConfig{Authorizer: a, Tokens: tokens}), &sdk.LookupEventsInput{})
		return 0, err
	}}.Test(t)
}
