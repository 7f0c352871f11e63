// SPDX-License-Identifier: Apache-2.0

package cloudtrail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
)

// Trail finds records on all nodes.
type Trail interface {
	// Lookup returns the newest records that the query wants, at most its limit. An error means that the answer would
	// not be whole.
	Lookup(ctx context.Context, q Query) ([][]byte, error)
}

// Service answers the CloudTrail API. Its exported methods are the actions; any number of calls may run at once.
type Service struct{ trail Trail }

// Members declares what each action implements of its input.
var Members = apigw.Members{
	"LookupEvents": {"LookupAttributes.AttributeKey", "LookupAttributes.AttributeValue", "StartTime", "EndTime", "MaxResults", "NextToken"},
}

// New returns the service. It does no I/O.
func New(trail Trail) (*Service, error) {
	if trail == nil {
		return nil, errors.New("cloudtrail service: no trail")
	}
	return &Service{trail: trail}, nil
}

const (
	maxEvents = 50
	history   = 90 * 24 * time.Hour
)

// LookupEvents finds calls of the account, the newest first, of the last 90 days.
// See https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
func (s *Service) LookupEvents(ctx context.Context, in *sdk.LookupEventsInput) (*sdk.LookupEventsOutput, error) {
	call := apigw.CallFrom(ctx)
	q, err := query(call, in)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	limit := q.Limit
	q.Limit++ // one more tells whether there is a next page
	lines, err := s.trail.Lookup(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &sdk.LookupEventsOutput{Events: []types.Event{}}
	for _, line := range lines[:min(len(lines), limit)] {
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("read audit record: %w", err)
		}
		out.Events = append(out.Events, event(&r, line))
	}
	if len(lines) > limit {
		out.NextToken, err = call.SealToken(aws.ToString(out.Events[limit-1].EventId))
	}
	return out, err
}

// query checks what was asked for.
func query(call *apigw.Call, in *sdk.LookupEventsInput) (Query, error) {
	q := Query{Account: call.Account, From: call.Time.Add(-history), To: call.Time, Limit: maxEvents}
	if in.StartTime != nil && in.StartTime.After(q.From) {
		q.From = *in.StartTime
	}
	if in.EndTime != nil {
		q.To = *in.EndTime
	}
	if in.StartTime != nil && in.EndTime != nil && in.StartTime.After(*in.EndTime) {
		return q, awserr.New("InvalidTimeRangeException", "The start time must be before the end time.")
	}
	if n := in.MaxResults; n != nil {
		if *n < 1 || *n > maxEvents {
			return q, awserr.New("InvalidMaxResultsException", "The maximum number of results must be from 1 to %d.", maxEvents)
		}
		q.Limit = int(*n)
	}
	switch len(in.LookupAttributes) {
	case 0:
	case 1:
		a := in.LookupAttributes[0]
		q.Key, q.Value = string(a.AttributeKey), aws.ToString(a.AttributeValue)
		if !slices.Contains(a.AttributeKey.Values(), a.AttributeKey) || q.Value == "" || len(q.Value) > 2000 {
			return q, awserr.New("InvalidLookupAttributesException", "The lookup attribute %.64s is not valid.", q.Key)
		}
	default:
		return q, awserr.New("InvalidLookupAttributesException", "At most one lookup attribute can be specified.")
	}
	if in.NextToken != nil {
		last, ok := call.OpenToken(*in.NextToken)
		if !ok {
			return q, awserr.New("InvalidNextTokenException", "The token specified is not valid.")
		}
		q.Before = last
	}
	return q, nil
}

// event is a record as LookupEvents tells it.
func event(r *Record, line []byte) types.Event {
	out := types.Event{EventId: aws.String(r.EventID), EventName: aws.String(r.EventName), EventSource: aws.String(r.EventSource), EventTime: aws.Time(r.when()),
		ReadOnly: aws.String(strconv.FormatBool(r.ReadOnly)), Username: aws.String(r.username()), Resources: []types.Resource{}, CloudTrailEvent: aws.String(string(line))}
	if id := r.UserIdentity.AccessKeyID; id != "" {
		out.AccessKeyId = aws.String(id)
	}
	for _, x := range r.Resources {
		out.Resources = append(out.Resources, types.Resource{ResourceName: aws.String(nameOf(x.ARN)), ResourceType: aws.String(x.Type)})
	}
	return out
}
