// SPDX-License-Identifier: Apache-2.0

package awserr

import (
	"net/http"
	"strings"
)

// statuses holds the codes that are not plain 400s. Sources: the EC2 API reference "Error codes for the Amazon EC2
// API", the IAM and STS references' "Common Errors" and per-action lists.
var statuses = map[string]int{
	// Authentication and authorization.
	"AuthFailure":                   http.StatusUnauthorized,
	"UnauthorizedOperation":         http.StatusForbidden,
	"Blocked":                       http.StatusForbidden,
	"AccessDenied":                  http.StatusForbidden,
	"SignatureDoesNotMatch":         http.StatusForbidden,
	"InvalidClientTokenId":          http.StatusForbidden,
	"MissingAuthenticationToken":    http.StatusForbidden,
	"ExpiredToken":                  http.StatusForbidden,
	"OptInRequired":                 http.StatusForbidden,
	"DryRunOperation":               http.StatusPreconditionFailed,
	"RequestExpired":                http.StatusBadRequest,
	"IncompleteSignature":           http.StatusBadRequest,
	"RequestEntityTooLarge":         http.StatusRequestEntityTooLarge,
	"UnsupportedMediaType":          http.StatusUnsupportedMediaType,
	"MethodNotAllowed":              http.StatusMethodNotAllowed,
	"PackedPolicyTooLarge":          http.StatusBadRequest,
	"RegionDisabledException":       http.StatusForbidden,
	"NoSuchEntity":                  http.StatusNotFound,
	"EntityAlreadyExists":           http.StatusConflict,
	"DeleteConflict":                http.StatusConflict,
	"LimitExceeded":                 http.StatusConflict,
	"ConcurrentModification":        http.StatusConflict,
	"EntityTemporarilyUnmodifiable": http.StatusConflict,
	"CredentialReportNotPresent":    http.StatusGone,
	"CredentialReportExpired":       http.StatusGone,
	"CredentialReportNotReady":      http.StatusNotFound,

	// The server's own faults. SDKs retry these.
	"InternalError":                        http.StatusInternalServerError,
	"InternalFailure":                      http.StatusInternalServerError,
	"ServiceFailure":                       http.StatusInternalServerError,
	"InternalServiceError":                 http.StatusInternalServerError,
	"Unavailable":                          http.StatusServiceUnavailable,
	"ServiceUnavailable":                   http.StatusServiceUnavailable,
	"RequestLimitExceeded":                 http.StatusServiceUnavailable,
	"InsufficientInstanceCapacity":         http.StatusInternalServerError,
	"InsufficientHostCapacity":             http.StatusInternalServerError,
	"InsufficientAddressCapacity":          http.StatusInternalServerError,
	"InsufficientVolumeCapacity":           http.StatusInternalServerError,
	"InsufficientReservedInstanceCapacity": http.StatusInternalServerError,
}

// StatusOf is the HTTP status that AWS answers with a code.
func StatusOf(code string) int {
	if s, ok := statuses[code]; ok {
		return s
	}
	return http.StatusBadRequest
}

// Server reports whether the fault is the server's: the Type of the query protocol's envelope.
func (e *Error) Server() bool { return e.Status >= http.StatusInternalServerError }

// fault is the Type element of an IAM or STS error.
func (e *Error) fault() string {
	if e.Server() && !strings.HasPrefix(e.Code, "Throttling") {
		return "Receiver"
	}
	return "Sender"
}
