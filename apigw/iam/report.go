// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"bytes"
	"context"
	"encoding/csv"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/tenant"
)

const rootUser = tenant.RootUser

// GetAccessKeyLastUsed says when a key last signed a request, to the minute.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
func (s *Service) GetAccessKeyLastUsed(ctx context.Context, in *sdk.GetAccessKeyLastUsedInput) (*sdk.GetAccessKeyLastUsedOutput, error) {
	if err := checkKeyID(in.AccessKeyId); err != nil {
		return nil, err
	}
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	k, ok := state.AccessKeys.Get(v, call.Account, *in.AccessKeyId)
	if !ok {
		return nil, awserr.NoSuchEntity("The Access Key with id %s cannot be found.", *in.AccessKeyId)
	}
	u, ok := state.Users.Get(v, call.Account, state.UserKey(call.Account, k.UserName))
	if !ok {
		return nil, awserr.NoSuchEntity("The user with name %s cannot be found.", k.UserName)
	}
	if err := call.Authorize(userResource(u)); err != nil {
		return nil, err
	}
	used := &types.AccessKeyLastUsed{Region: aws.String("N/A"), ServiceName: aws.String("N/A")}
	if use, ok := state.KeyUses.Get(v, call.Account, k.ID); ok {
		used = &types.AccessKeyLastUsed{LastUsedDate: aws.Time(use.At.Std()), Region: aws.String(use.Region), ServiceName: aws.String(use.Service)}
	}
	return &sdk.GetAccessKeyLastUsedOutput{UserName: shownName(u), AccessKeyLastUsed: used}, nil
}

// GenerateCredentialReport says that the report is there: it is made when it is asked for.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateCredentialReport.html
func (s *Service) GenerateCredentialReport(ctx context.Context, _ *sdk.GenerateCredentialReportInput) (*sdk.GenerateCredentialReportOutput, error) {
	if err := apigw.CallFrom(ctx).Authorize(); err != nil {
		return nil, err
	}
	return &sdk.GenerateCredentialReportOutput{State: types.ReportStateTypeComplete}, nil
}

// reportHead are the columns of the report (IAM User Guide, "Generate credential reports").
var reportHead = []string{"user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed", "password_next_rotation", "mfa_active",
	"access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date", "access_key_1_last_used_region", "access_key_1_last_used_service",
	"access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date", "access_key_2_last_used_region", "access_key_2_last_used_service",
	"cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated"}

// GetCredentialReport lists the account's users and the state of their credentials, as CSV.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetCredentialReport.html
func (s *Service) GetCredentialReport(ctx context.Context, _ *sdk.GetCredentialReportInput) (*sdk.GetCredentialReportOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	users := slices.Collect(state.Users.Of(v, call.Account))
	slices.SortStableFunc(users, func(a, b *state.User) int { // the root user first
		return map[bool]int{true: 0, false: 1}[a.Root] - map[bool]int{true: 0, false: 1}[b.Root]
	})
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(reportHead); err != nil {
		return nil, err
	}
	for _, u := range users {
		if err := w.Write(reportLine(v, u)); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return &sdk.GetCredentialReportOutput{Content: b.Bytes(), ReportFormat: types.ReportFormatTypeTextCsv, GeneratedTime: aws.Time(call.Time.UTC())}, w.Error()
}

func reportLine(v *state.View, u *state.User) []string {
	when := func(t state.Time) string { return t.Std().Format(time.RFC3339) }
	name, password := u.Name, []string{"false", "N/A", "N/A", "N/A"}
	if u.Root {
		name, password = "<root_account>", []string{"not_supported", "N/A", "not_supported", "not_supported"}
	}
	if p, ok := state.LoginProfiles.Get(v, u.AccountID, state.UserKey(u.AccountID, u.Name)); ok {
		next := "N/A"
		if policy := settings(v, u.AccountID).Passwords; policy != nil && policy.MaxAgeDays > 0 {
			next = p.Changed.Std().AddDate(0, 0, policy.MaxAgeDays).Format(time.RFC3339)
		}
		password = []string{"true", "no_information", when(p.Changed), next}
	}
	line := append([]string{name, u.ARN(), when(u.Created)}, append(password, "false")...)
	keys := slices.Collect(state.AccessKeys.List(v, state.ByOwner, state.UserKey(u.AccountID, u.Name)))
	for n := range 2 {
		if n >= len(keys) {
			line = append(line, "false", "N/A", "N/A", "N/A", "N/A")
			continue
		}
		used := []string{"N/A", "N/A", "N/A"}
		if use, ok := state.KeyUses.Get(v, u.AccountID, keys[n].ID); ok {
			used = []string{when(use.At), use.Region, use.Service}
		}
		line = append(append(line, strconv.FormatBool(keys[n].Status == state.KeyActive), when(keys[n].Created)), used...)
	}
	return append(line, "false", "N/A", "false", "N/A")
}
