// SPDX-License-Identifier: Apache-2.0

package cloudtrail

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/internal/auditlog"
)

// version is the version of the record format that CloudTrail writes now.
const version = "1.11"

// timeForm is eventTime's form.
const timeForm = "2006-01-02T15:04:05Z"

// Record is one event in CloudTrail's form.
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type Record struct {
	EventVersion       string       `json:"eventVersion"`
	UserIdentity       UserIdentity `json:"userIdentity"`
	EventTime          string       `json:"eventTime"`
	EventSource        string       `json:"eventSource"`
	EventName          string       `json:"eventName"`
	AWSRegion          string       `json:"awsRegion"`
	SourceIPAddress    string       `json:"sourceIPAddress"`
	UserAgent          string       `json:"userAgent"`
	ErrorCode          string       `json:"errorCode,omitempty"`
	ErrorMessage       string       `json:"errorMessage,omitempty"`
	RequestParameters  any          `json:"requestParameters"`
	ResponseElements   any          `json:"responseElements"`
	RequestID          string       `json:"requestID"`
	EventID            string       `json:"eventID"`
	ReadOnly           bool         `json:"readOnly"`
	Resources          []Resource   `json:"resources,omitempty"`
	EventType          string       `json:"eventType"`
	ManagementEvent    bool         `json:"managementEvent"`
	RecipientAccountID string       `json:"recipientAccountId"`
	EventCategory      string       `json:"eventCategory"`
}

// UserIdentity is who called.
type UserIdentity struct {
	Type           string          `json:"type"`
	PrincipalID    string          `json:"principalId"`
	ARN            string          `json:"arn"`
	AccountID      string          `json:"accountId"`
	AccessKeyID    string          `json:"accessKeyId,omitempty"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *SessionContext `json:"sessionContext,omitempty"`
}

// SessionContext is what temporary credentials were made of.
type SessionContext struct {
	SessionIssuer  *SessionIssuer    `json:"sessionIssuer,omitempty"`
	Attributes     SessionAttributes `json:"attributes"`
	SourceIdentity string            `json:"sourceIdentity,omitempty"`
}

// SessionIssuer is the role of an assumed role.
type SessionIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

// SessionAttributes say when a session began and whether its owner had a second factor.
type SessionAttributes struct {
	CreationDate     string `json:"creationDate"`
	MFAAuthenticated string `json:"mfaAuthenticated"`
}

// Resource is something that the call touched.
type Resource struct {
	ARN       string `json:"ARN"`
	AccountID string `json:"accountId"`
	Type      string `json:"type"`
}

// NewRecord makes the record of a call under an event id.
func NewRecord(e apigw.AuditEvent, id string) Record {
	r := Record{
		EventVersion: version, UserIdentity: identity(e.Principal), EventTime: e.Time.UTC().Format(timeForm),
		EventSource: e.Scope + ".amazonaws.com", EventName: e.Action, AWSRegion: e.Region, SourceIPAddress: e.SourceIP, UserAgent: e.UserAgent,
		ErrorCode: e.Code, ErrorMessage: e.Message, RequestID: e.RequestID, EventID: id, ReadOnly: e.ReadOnly,
		EventType: "AwsApiCall", ManagementEvent: true, RecipientAccountID: e.Principal.AccountID, EventCategory: "Management",
	}
	if e.Service == "ec2" && e.Code != "" {
		r.ErrorCode = "Client." + e.Code
		if e.Status >= 500 {
			r.ErrorCode = "Server." + e.Code
		}
	}
	if len(e.Params) > 0 {
		r.RequestParameters = parameters(e.Params)
	}
	if !e.ReadOnly && e.Response != nil {
		r.ResponseElements = elements(e.Response)
	}
	r.Resources = touched(e, r.ResponseElements)
	return r
}

func identity(p apigw.Principal) UserIdentity {
	out := UserIdentity{Type: "IAMUser", PrincipalID: p.UserID, ARN: p.ARN, AccountID: p.AccountID, AccessKeyID: p.AccessKeyID, UserName: p.UserName}
	switch p.Type {
	case "":
		out.Type = "Unknown" // nobody's: the access key is what was sent
	case apigw.PrincipalRoot:
		out.Type = "Root"
	case apigw.PrincipalAssumedRole:
		out.Type = "AssumedRole"
	case apigw.PrincipalFederated:
		out.Type = "FederatedUser"
	}
	if s := p.Session; s != nil {
		context := &SessionContext{Attributes: SessionAttributes{CreationDate: s.Issued.UTC().Format(timeForm), MFAAuthenticated: fmt.Sprint(s.MFA)}, SourceIdentity: s.SourceIdentity}
		if s.RoleARN != "" {
			out.UserName = ""
			context.SessionIssuer = &SessionIssuer{Type: "Role", PrincipalID: s.RoleID, ARN: s.RoleARN, AccountID: p.AccountID, UserName: nameOf(s.RoleARN)}
		}
		out.SessionContext = context
	}
	return out
}

// omitted stands for what would make a record too long, as in CloudTrail.
type omitted struct {
	Omitted      bool   `json:"omitted"`
	OriginalSize int    `json:"originalSize"`
	Reason       string `json:"reason"`
}

// Encode is the record as one line of at most auditlog.MaxRecord bytes; the longest parts are left out when it has to be.
func (r Record) Encode() ([]byte, error) {
	for _, shorten := range []func(int){nil,
		func(n int) { r.ResponseElements = omitted{true, n, "the record is too long"} },
		func(n int) { r.RequestParameters = omitted{true, n, "the record is too long"} },
		func(int) { r.Resources = nil },
		func(int) { r.UserAgent, r.ErrorMessage = cut(r.UserAgent), cut(r.ErrorMessage) },
	} {
		line, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("encode audit record: %w", err)
		}
		if len(line) > auditlog.MaxRecord && shorten != nil {
			shorten(len(line))
			if line, err = json.Marshal(r); err != nil {
				return nil, fmt.Errorf("encode audit record: %w", err)
			}
		}
		if len(line) <= auditlog.MaxRecord {
			return line, nil
		}
	}
	return nil, fmt.Errorf("encode audit record: %w", auditlog.ErrTooLong)
}

func cut(s string) string { return s[:min(len(s), 1024)] }

// when is the record's time; the zero time for one that has none.
func (r *Record) when() time.Time {
	t, err := time.Parse(timeForm, r.EventTime)
	if err != nil {
		return time.Time{}
	}
	return t
}
