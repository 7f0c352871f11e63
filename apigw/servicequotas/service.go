// SPDX-License-Identifier: Apache-2.0

package servicequotas

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"
)

// Region reads the region's truth.
type Region interface {
	// View is a linearizable snapshot: it holds everything that was acknowledged before the call.
	View(ctx context.Context) (*state.View, error)
}

// Service answers the Service Quotas API. Its exported methods are the actions; any number of calls may run at once.
type Service struct{ region Region }

// Members declares what each action implements of its input.
var Members = apigw.Members{
	"ListServices":                {"MaxResults", "NextToken"},
	"ListServiceQuotas":           {"ServiceCode", "QuotaCode", "MaxResults", "NextToken", "QuotaAppliedAtLevel=ACCOUNT", "QuotaAppliedAtLevel=ALL"},
	"GetServiceQuota":             {"ServiceCode", "QuotaCode"},
	"ListAWSDefaultServiceQuotas": {"ServiceCode", "MaxResults", "NextToken"},
	"GetAWSDefaultServiceQuota":   {"ServiceCode", "QuotaCode"},
}

// New returns the service. It does no I/O.
func New(region Region) (*Service, error) {
	if region == nil {
		return nil, errors.New("servicequotas service: no region")
	}
	return &Service{region}, nil
}

// services are those that have quotas, in the order of codes.
var services = []types.ServiceInfo{
	{ServiceCode: aws.String("ebs"), ServiceName: aws.String("Amazon Elastic Block Store (Amazon EBS)")},
	{ServiceCode: aws.String("ec2"), ServiceName: aws.String("Amazon Elastic Compute Cloud (Amazon EC2)")},
	{ServiceCode: aws.String("kms"), ServiceName: aws.String("AWS Key Management Service (AWS KMS)")},
}

func serviceOf(code *string) (types.ServiceInfo, error) {
	if code == nil {
		return types.ServiceInfo{}, awserr.New("IllegalArgumentException", "The service code is required.")
	}
	for _, s := range services {
		if *s.ServiceCode == *code {
			return s, nil
		}
	}
	return types.ServiceInfo{}, awserr.New("NoSuchResourceException", "The request failed because the specified service does not exist.")
}

// cut is one page of rows in the order of their ids.
func cut[R any](call *apigw.Call, rows []R, id func(R) string, max *int32, token *string) (out []R, next *string, err error) {
	size := 100
	if max != nil {
		if *max < 1 || *max > 100 {
			return nil, nil, awserr.New("IllegalArgumentException", "MaxResults must be from 1 to 100.")
		}
		size = int(*max)
	}
	out, next, err = apigw.PageOf(call, rows, id, token, size)
	if errors.Is(err, apigw.ErrPageToken) {
		err = awserr.New("InvalidPaginationTokenException", "Invalid input was provided.")
	}
	return out, next, err
}

// ListServices lists the services that have quotas.
// See https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServices.html
func (s *Service) ListServices(ctx context.Context, in *sdk.ListServicesInput) (*sdk.ListServicesOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	rows, next, err := cut(call, services, func(i types.ServiceInfo) string { return *i.ServiceCode }, in.MaxResults, in.NextToken)
	return &sdk.ListServicesOutput{Services: rows, NextToken: next}, err
}

// quotas are the quotas of a service as the account has them, or by default.
func (s *Service) quotas(ctx context.Context, call *apigw.Call, code *string, defaults bool, asked ...apigw.Resource) ([]types.ServiceQuota, error) {
	info, err := serviceOf(code)
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(asked...); err != nil {
		return nil, err
	}
	out := []types.ServiceQuota{}
	for _, d := range state.QuotaDefs() {
		if d.Service != *info.ServiceCode {
			continue
		}
		value, arn := v.Quota(call.Account, d.Code), call.ARN(d.Service+"/"+d.Code)
		if defaults {
			value, arn = v.QuotaDefault(d), apigw.ARN("servicequotas", call.Region, "", d.Service+"/"+d.Code)
		}
		out = append(out, types.ServiceQuota{ServiceCode: info.ServiceCode, ServiceName: info.ServiceName, QuotaArn: aws.String(arn), QuotaCode: aws.String(d.Code), QuotaName: aws.String(d.Title),
			Value: aws.Float64(float64(value)), Unit: aws.String(d.Unit), Adjustable: false, GlobalQuota: false, QuotaAppliedAtLevel: types.AppliedLevelEnumAccount})
	}
	return out, nil
}

func quotaCode(q types.ServiceQuota) string { return *q.QuotaCode }

// ListServiceQuotas lists the account's quotas of a service.
// See https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
func (s *Service) ListServiceQuotas(ctx context.Context, in *sdk.ListServiceQuotasInput) (*sdk.ListServiceQuotasOutput, error) {
	call := apigw.CallFrom(ctx)
	all, err := s.quotas(ctx, call, in.ServiceCode, false)
	if err != nil {
		return nil, err
	}
	if in.QuotaCode != nil {
		one, err := pick(all, in.QuotaCode)
		if err != nil {
			return nil, err
		}
		all = []types.ServiceQuota{one}
	}
	rows, next, err := cut(call, all, quotaCode, in.MaxResults, in.NextToken)
	return &sdk.ListServiceQuotasOutput{Quotas: rows, NextToken: next}, err
}

// ListAWSDefaultServiceQuotas lists what accounts have of a service unless an operator decided otherwise.
// See https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListAWSDefaultServiceQuotas.html
func (s *Service) ListAWSDefaultServiceQuotas(ctx context.Context, in *sdk.ListAWSDefaultServiceQuotasInput) (*sdk.ListAWSDefaultServiceQuotasOutput, error) {
	call := apigw.CallFrom(ctx)
	all, err := s.quotas(ctx, call, in.ServiceCode, true)
	if err != nil {
		return nil, err
	}
	rows, next, err := cut(call, all, quotaCode, in.MaxResults, in.NextToken)
	return &sdk.ListAWSDefaultServiceQuotasOutput{Quotas: rows, NextToken: next}, err
}

func pick(all []types.ServiceQuota, code *string) (types.ServiceQuota, error) {
	for _, q := range all {
		if *q.QuotaCode == aws.ToString(code) {
			return q, nil
		}
	}
	return types.ServiceQuota{}, awserr.New("NoSuchResourceException", "The request failed because the specified quota does not exist.")
}

// GetServiceQuota tells one quota of the account.
// See https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
func (s *Service) GetServiceQuota(ctx context.Context, in *sdk.GetServiceQuotaInput) (*sdk.GetServiceQuotaOutput, error) {
	call := apigw.CallFrom(ctx)
	quota := apigw.Resource{Type: "quota", ARN: call.ARN(aws.ToString(in.ServiceCode) + "/" + aws.ToString(in.QuotaCode))}
	all, err := s.quotas(ctx, call, in.ServiceCode, false, quota)
	if err != nil {
		return nil, err
	}
	q, err := pick(all, in.QuotaCode)
	return &sdk.GetServiceQuotaOutput{Quota: &q}, err
}

// GetAWSDefaultServiceQuota tells one quota's default.
// See https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetAWSDefaultServiceQuota.html
func (s *Service) GetAWSDefaultServiceQuota(ctx context.Context, in *sdk.GetAWSDefaultServiceQuotaInput) (*sdk.GetAWSDefaultServiceQuotaOutput, error) {
	all, err := s.quotas(ctx, apigw.CallFrom(ctx), in.ServiceCode, true)
	if err != nil {
		return nil, err
	}
	q, err := pick(all, in.QuotaCode)
	return &sdk.GetAWSDefaultServiceQuotaOutput{Quota: &q}, err
}
