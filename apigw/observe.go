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

// AuditEvent is one call, allowed or refused. A call whose access key exists has one, even when its signature or its key was
// refused; of those in nobody's name there are as many as keep them from filling the record.
type AuditEvent struct {
	Time      time.Time
	RequestID string
	Principal Principal // without its secret
	Service   string
	Scope     string // the service as endpoints name it: "monitoring" is cloudwatch
	Action    string // as sent; it may not exist
	Region    string
	SourceIP  string
	UserAgent string
	DryRun    bool
	ReadOnly  bool         // the action only reads
	Params    []wire.Param // values that are secret by their nature are replaced
	Resources []Resource   // what the authorizer was asked about
	Response  any          // the answer's struct, nil for a refusal; recorders leave out what Sensitive names
	Code      string       // the error's code as the client sees it; empty for success
	Message   string       // the error's message
	Status    int
	// Authenticated says that the principal's signature was good. The others are those whose key was named; without an account,
	// the access key that was named does not exist.
	Authenticated bool
}

// Audit records calls.
type Audit interface {
	// Record is called once per call before it is answered, by many goroutines.
	Record(ctx context.Context, e AuditEvent)
}

// Redacted replaces a value that must not be kept, as CloudTrail does.
const Redacted = "HIDDEN_DUE_TO_SECURITY_REASONS"

// sensitive are the names of members whose values are secrets or may hold some, in lower case.
var sensitive = map[string]bool{
	"userdata": true, "password": true, "newpassword": true, "oldpassword": true, "secret": true, "secretaccesskey": true,
	"sessiontoken": true, "webidentitytoken": true, "samlassertion": true, "tokencode": true, "privatekey": true,
	"presignedurl": true, "encodedmessage": true, "decodedmessage": true, "keymaterial": true, "plaintext": true,
	"privatekeyplaintext": true, "rawsecretaccesskey": true, "keystorepassword": true, "authorizationtoken": true,
	"encryptedkeymaterial": true, "importtoken": true, "ciphertextblob": true, "message": true, "sharedsecret": true,
}

// Sensitive reports whether a member's value must not be kept. Capitals do not matter.
func Sensitive(member string) bool { return sensitive[strings.ToLower(member)] }

// redact returns params with secrets replaced; the argument is not changed. A secret structure hides all below it.
func redact(params []wire.Param) []wire.Param {
	out := make([]wire.Param, len(params))
	for i, p := range params {
		for part := range strings.SplitSeq(p.Path, ".") {
			if Sensitive(part) {
				p.Value = Redacted
			}
		}
		out[i] = p
	}
	return out
}
