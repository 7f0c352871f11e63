// SPDX-License-Identifier: Apache-2.0

package awserr

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestStatuses(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{
		"AuthFailure": 401, "UnauthorizedOperation": 403, "AccessDenied": 403, "DryRunOperation": 412, "RequestExpired": 400,
		"InvalidInstanceID.NotFound": 400, "InvalidAction": 400, "SomethingNew": 400, "NoSuchEntity": 404, "EntityAlreadyExists": 409,
		"RequestLimitExceeded": 503, "Throttling": 400, "InternalError": 500, "InsufficientInstanceCapacity": 500, "Unavailable": 503,
	} {
		if got := New(code, "x").Status; got != want {
			t.Errorf("%s: got %d, want %d", code, got, want)
		}
	}
}

func TestEnvelopes(t *testing.T) {
	t.Parallel()
	e := New("A&B", "1 < 2 %d", 3)
	want := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<Response><Errors><Error><Code>A&amp;B</Code><Message>1 &lt; 2 3</Message></Error></Errors><RequestID>id</RequestID></Response>`
	if got := string(AppendEC2(nil, e, "id")); got != want {
		t.Errorf("got %s", got)
	}
	want = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<ErrorResponse xmlns="urn:x"><Error><Type>Sender</Type><Code>A&amp;B</Code><Message>1 &lt; 2 3</Message></Error><RequestId>id</RequestId></ErrorResponse>`
	if got := string(AppendQuery(nil, "urn:x", e, "id")); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(AppendQuery(nil, "urn:x", Internal(), "id")); !strings.Contains(got, "<Type>Receiver</Type>") {
		t.Errorf("got %s", got)
	}
}

func TestIs(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("wrapped: %w", MissingParameter("VolumeId"))
	if !errors.Is(err, &Error{Code: "MissingParameter"}) || errors.Is(err, &Error{Code: "InvalidAction"}) {
		t.Errorf("got %v", err)
	}
}

// TestLongValuesAreClipped: what callers send comes back shortened.
func TestLongValuesAreClipped(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for _, e := range []*Error{InvalidAction(long), NotSupportedValue("A", long, "b")} {
		if len(e.Message) > 300 {
			t.Errorf("%s: a message of %d bytes", e.Code, len(e.Message))
		}
	}
}
