// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/principals"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/tenant"
)

// region is a region with two accounts and the principals of their keys, as the gateway finds them.
func region(t *testing.T) (svc *Service, made []*tenant.Tenant, as func(keyID string) context.Context) {
	t.Helper()
	region, ring := fsmtest.NewRegion(t), seal.Generate()
	row, _ := region.FSM.View().Region()
	for _, name := range []string{"acme", "rival"} {
		m, err := tenant.New(tenant.Spec{Name: name, Admin: "admin", AdminKey: true, RootKey: true, Zones: row.Zones}, ring)
		if err != nil {
			t.Fatal(err)
		}
		if err := region.Propose(t.Context(), m.Command, nil); err != nil {
			t.Fatal(err)
		}
		made = append(made, m)
	}
	store, err := principals.New(region, ring)
	if err != nil {
		t.Fatal(err)
	}
	if svc, err = New(Config{Region: region, Keys: ring}); err != nil {
		t.Fatal(err)
	}
	return svc, made, func(keyID string) context.Context {
		p, err := store.Lookup(t.Context(), keyID)
		if err != nil {
			t.Fatal(err)
		}
		return apigw.WithCall(t.Context(), &apigw.Call{Account: p.AccountID, Principal: p, Service: "sts", Action: "Test"}, apigw.CallConfig{})
	}
}

func TestGetCallerIdentity(t *testing.T) {
	t.Parallel()
	svc, made, as := region(t)
	for _, m := range made {
		account := m.Command.Account.ID
		for key, want := range map[string][2]string{
			m.RootKey.ID:  {"arn:aws:iam::" + account + ":root", account},
			m.AdminKey.ID: {"arn:aws:iam::" + account + ":user/admin", m.Command.Users[1].ID},
		} {
			out, err := svc.GetCallerIdentity(as(key), &sdk.GetCallerIdentityInput{})
			if err != nil {
				t.Fatal(err)
			}
			if *out.Account != account || *out.Arn != want[0] || *out.UserId != want[1] {
				t.Errorf("got %s %s %s, want %s %v", *out.Account, *out.Arn, *out.UserId, account, want)
			}
		}
	}
}

func TestGetAccessKeyInfo_KnowsKeysOfAnyAccount(t *testing.T) {
	t.Parallel()
	svc, made, as := region(t)
	ctx := as(made[0].RootKey.ID)
	for _, m := range made {
		out, err := svc.GetAccessKeyInfo(ctx, &sdk.GetAccessKeyInfoInput{AccessKeyId: aws.String(m.AdminKey.ID)})
		if err != nil || *out.Account != m.Command.Account.ID {
			t.Errorf("got %v, %v", out, err)
		}
	}
	for _, id := range []*string{nil, aws.String("short"), aws.String("AKIAAAAAAAAAAAAAAAAA")} {
		if _, err := svc.GetAccessKeyInfo(ctx, &sdk.GetAccessKeyInfoInput{AccessKeyId: id}); !errors.Is(err, &awserr.Error{Code: "ValidationError"}) {
			t.Errorf("%v: %v", aws.ToString(id), err)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("made a service of nothing")
	}
}
