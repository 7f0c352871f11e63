// SPDX-License-Identifier: Apache-2.0

package servicequotas

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
)

const (
	alice = "111111111111"
	bob   = "222222222222"
)

func tokens(t *testing.T) *page.Tokens {
	t.Helper()
	tokens, err := page.NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func as(t *testing.T, account, action string) context.Context {
	t.Helper()
	call := &apigw.Call{Account: account, Service: "servicequotas", Action: action, Region: fsmtest.Name, Principal: apigw.Principal{AccountID: account}}
	return apigw.WithCall(t.Context(), call, apigw.CallConfig{Tokens: tokens(t)})
}

func TestQuotas_AreThoseThatAreEnforced(t *testing.T) {
	t.Parallel()
	region := fsmtest.NewRegion(t)
	region.AddAccount(t, alice)
	region.AddAccount(t, bob)
	if err := region.Propose(t.Context(), command.SetQuota{AccountID: alice, Code: "vcpus-standard", Value: 7}, nil); err != nil {
		t.Fatal(err)
	}
	s, err := New(region)
	if err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]float64{alice: 7, bob: 1024} { // 1024: the region's quota.vcpus
		out, err := s.GetServiceQuota(as(t, account, "GetServiceQuota"), &sdk.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-1216C47A")})
		if err != nil || *out.Quota.Value != want {
			t.Errorf("%s: %v, %v, want %v", account, out, err, want)
		}
	}
	out, err := s.GetAWSDefaultServiceQuota(as(t, alice, "GetAWSDefaultServiceQuota"), &sdk.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-1216C47A")})
	if err != nil || *out.Quota.Value != 1024 {
		t.Errorf("default: %v, %v", out, err)
	}
	_, err = s.GetServiceQuota(as(t, alice, "GetServiceQuota"), &sdk.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-0")})
	var refused *awserr.Error
	if !errors.As(err, &refused) || refused.Code != "NoSuchResourceException" {
		t.Errorf("no such quota: %v", err)
	}
	_, err = s.ListServiceQuotas(as(t, alice, "ListServiceQuotas"), &sdk.ListServiceQuotasInput{ServiceCode: aws.String("s4")})
	if !errors.As(err, &refused) || refused.Code != "NoSuchResourceException" {
		t.Errorf("no such service: %v", err)
	}
}

func TestLists_EveryPage(t *testing.T) {
	t.Parallel()
	region := fsmtest.NewRegion(t)
	region.AddAccount(t, alice)
	s, err := New(region)
	if err != nil {
		t.Fatal(err)
	}
	services, err := s.ListServices(as(t, alice, "ListServices"), &sdk.ListServicesInput{})
	if err != nil || len(services.Services) != 3 {
		t.Fatalf("%v, %v", services, err)
	}
	whole, err := s.ListServiceQuotas(as(t, alice, "ListServiceQuotas"), &sdk.ListServiceQuotasInput{ServiceCode: aws.String("ec2")})
	if err != nil || len(whole.Quotas) < 8 {
		t.Fatalf("%v, %v", whole, err)
	}
	n, in := 0, &sdk.ListServiceQuotasInput{ServiceCode: aws.String("ec2"), MaxResults: aws.Int32(3)}
	for {
		page, err := s.ListServiceQuotas(as(t, alice, "ListServiceQuotas"), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range page.Quotas {
			if *q.QuotaCode != *whole.Quotas[n].QuotaCode {
				t.Errorf("item %d is %s", n, *q.QuotaCode)
			}
			n++
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	if n != len(whole.Quotas) {
		t.Errorf("%d quotas in pages, %d in all", n, len(whole.Quotas))
	}
}
