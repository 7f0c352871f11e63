// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz/authztest"
	"github.com/hivecloud/hive/fsm/command"
)

// calls are one call of each action that succeeds for who may; key is an access key of admin.
var calls = map[string]func(s *Service, ctx context.Context, key string) error{
	"CreateAccessKey": func(s *Service, ctx context.Context, _ string) error {
		_, err := s.CreateAccessKey(ctx, &sdk.CreateAccessKeyInput{UserName: aws.String("admin")})
		return err
	},
	"UpdateAccessKey": func(s *Service, ctx context.Context, key string) error {
		_, err := s.UpdateAccessKey(ctx, &sdk.UpdateAccessKeyInput{UserName: aws.String("admin"), AccessKeyId: &key, Status: "Inactive"})
		return err
	},
	"DeleteAccessKey": func(s *Service, ctx context.Context, key string) error {
		_, err := s.DeleteAccessKey(ctx, &sdk.DeleteAccessKeyInput{UserName: aws.String("admin"), AccessKeyId: &key})
		return err
	},
	"ListAccessKeys": func(s *Service, ctx context.Context, _ string) error {
		_, err := s.ListAccessKeys(ctx, &sdk.ListAccessKeysInput{UserName: aws.String("admin")})
		return err
	},
	"GetUser": func(s *Service, ctx context.Context, _ string) error {
		_, err := s.GetUser(ctx, &sdk.GetUserInput{})
		return err
	},
	"ListUsers": func(s *Service, ctx context.Context, _ string) error {
		_, err := s.ListUsers(ctx, &sdk.ListUsersInput{})
		return err
	},
	"ListAccountAliases": func(s *Service, ctx context.Context, _ string) error {
		_, err := s.ListAccountAliases(ctx, &sdk.ListAccountAliasesInput{})
		return err
	},
}

// counting counts what is proposed.
type counting struct {
	Region
	n int
}

func (c *counting) Propose(ctx context.Context, cmd command.Command, result any) error {
	c.n++
	return c.Region.Propose(ctx, cmd, result)
}

func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	authztest.Service{Name: "iam", Actions: slices.Sorted(maps.Keys(Members)), Run: func(t *testing.T, action string, a apigw.Authorizer, _ bool) (int, error) {
		w := newWorld(t)
		key := do(w, w.ctx(alice, "admin"), w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{}).AccessKey.AccessKeyId
		region := &counting{Region: w.region}
		svc, err := New(Config{Region: region, Sealer: w.ring})
		if err != nil {
			t.Fatal(err)
		}
		run := calls[action]
		if run == nil {
			t.Fatal("there is no call of the action")
		}
		ctx := w.ctx(alice, "admin")
		call := apigw.CallFrom(ctx)
		call.Action = action
		err = run(svc, apigw.WithCall(ctx, call, apigw.CallConfig{Authorizer: a, Tokens: w.tokens}), *key)
		return region.n, err
	}}.Test(t)
}
