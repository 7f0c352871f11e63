// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"strings"
	"time"

	"github.com/hivecloud/hive/apigw/wire"
)

// Observation is a finished request, for metrics. Its strings come from fixed sets, so that they may be labels.
type Observation struct {
	Service  string // "ec2"; "unknown" before the service is known
	Action   string // an implemented action, or "unknown"
	Code     string // the error's code; empty for success
	Status   int
	Duration time.Duration
	Read     int // bytes of the form
	Written  int // bytes of the answer
}

// Metrics counts requests.
type Metrics interface {
	// Observe is called once per request, by many goroutines. It must not block.
	Observe(Observation)
}

// AuditEvent is one call of an authenticated principal, refused or not.
type AuditEvent struct {
	Time      time.Time
	RequestID string
	Principal Principal // without its secret
	Service   string
	Action    string // as sent; it may not exist
	Region    string
	SourceIP  string
	UserAgent string
	DryRun    bool
	Params    []wire.Param // values that are secret by their nature are replaced
	Code      string       // the error's code; empty for success
	Status    int
}

// Audit records calls.
type Audit interface {
	// Record is called once per authenticated call before it is answered, by many goroutines.
	Record(ctx context.Context, e AuditEvent)
}

// redacted replaces a value that must not be kept, as CloudTrail does.
const redacted = "HIDDEN_DUE_TO_SECURITY_REASONS"

// sensitive are the last fields of paths whose values are secrets or may hold some.
var sensitive = []string{"UserData", "Password", "NewPassword", "OldPassword", "Secret", "SecretAccessKey", "SessionToken",
	"WebIdentityToken", "SAMLAssertion", "TokenCode", "PrivateKey", "UserData.Value", "PresignedUrl", "EncodedMessage"}

// redact returns params with secrets replaced; the argument is not changed.
func redact(params []wire.Param) []wire.Param {
	out := make([]wire.Param, len(params))
	for i, p := range params {
		for _, s := range sensitive {
			if p.Path == s || strings.HasSuffix(p.Path, "."+s) {
				p.Value = redacted
			}
		}
		out[i] = p
	}
	return out
}
