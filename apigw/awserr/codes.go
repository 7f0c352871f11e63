// SPDX-License-Identifier: Apache-2.0

package awserr

// The constructors below carry AWS's own phrasing. Everything else is New(code, ...).

// MissingParameter says that a required parameter was not sent. name is the wire name.
func MissingParameter(name string) *Error {
	return New("MissingParameter", "The request must contain the parameter %s", name)
}

// UnknownParameter says that the action has no such parameter.
func UnknownParameter(name string) *Error {
	return New("UnknownParameter", "The parameter %s is not recognized", name)
}

// InvalidParameterValue says that a value is outside what the parameter may hold.
func InvalidParameterValue(format string, args ...any) *Error {
	return New("InvalidParameterValue", format, args...)
}

// InvalidParameterCombination says that parameters exclude each other.
func InvalidParameterCombination(format string, args ...any) *Error {
	return New("InvalidParameterCombination", format, args...)
}

// NotSupported refuses a member of the API that Hive does not implement, by its wire name.
func NotSupported(name string) *Error {
	return New("UnsupportedOperation", "The parameter %s is not supported by Hive", name)
}

// NotSupportedValue refuses a value other than the default of a member that Hive does not implement.
func NotSupportedValue(name, value, allowed string) *Error {
	return New("UnsupportedOperation", "The value '%s' of the parameter %s is not supported by Hive; only '%s' is", clip(value), name, allowed)
}

// UnsupportedOperation refuses something that is valid in AWS but not here or not for this resource.
func UnsupportedOperation(format string, args ...any) *Error {
	return New("UnsupportedOperation", format, args...)
}

// InvalidAction says that the service has no such action, or that Hive has not got it.
func InvalidAction(action string) *Error {
	return New("InvalidAction", "The action %s is not valid for this web service.", clip(action))
}

// DryRunOperation is the answer to an authorized dry run.
func DryRunOperation() *Error {
	return New("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
}

// AuthFailure is EC2's answer to a bad signature and to an unknown key: it does not tell which.
func AuthFailure() *Error {
	return New("AuthFailure", "AWS was not able to validate the provided access credentials")
}

// UnauthorizedOperation is EC2's refusal by policy, dry run or not, where there is nothing to explain.
func UnauthorizedOperation() *Error {
	return New("UnauthorizedOperation", "You are not authorized to perform this operation.")
}

// Unauthorized is EC2's refusal by policy with its reason. resource is empty for actions without resources; encoded is
// the sealed explanation, or empty.
func Unauthorized(principal, action, resource, reason, encoded string) *Error {
	text := "You are not authorized to perform this operation. " + denial(principal, action, resource, reason)
	if encoded != "" {
		text += ". Encoded authorization failure message: " + encoded
	}
	return New("UnauthorizedOperation", "%s", text)
}

// AccessDenied is the refusal by policy of IAM, STS and S3. The reason may be empty.
func AccessDenied(principal, action, resource, reason string) *Error {
	return New("AccessDenied", "%s", denial(principal, action, resource, reason))
}

func denial(principal, action, resource, reason string) string {
	text := "User: " + principal + " is not authorized to perform: " + action
	if resource != "" {
		text += " on resource: " + resource
	}
	if reason != "" {
		text += " " + reason
	}
	return text
}

// IncorrectInstanceState says that the instance's state does not allow the operation.
func IncorrectInstanceState(format string, args ...any) *Error {
	return New("IncorrectInstanceState", format, args...)
}

// IdempotentParameterMismatch says that a client token was used before with other parameters.
func IdempotentParameterMismatch() *Error {
	return New("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
}

// NoSuchEntity is IAM's not found.
func NoSuchEntity(format string, args ...any) *Error { return New("NoSuchEntity", format, args...) }

// ValidationError is how IAM and STS refuse a value.
func ValidationError(format string, args ...any) *Error {
	return New("ValidationError", format, args...)
}

// Internal is the answer to a fault of the server; the cause is in the log under the request id, never in the answer.
func Internal() *Error {
	return New("InternalError", "An internal error has occurred")
}

// Unavailable says that the region cannot answer now (no leader, shutting down); clients retry.
func Unavailable() *Error {
	return New("Unavailable", "The server is overloaded and can't handle the request.")
}

// clip shortens what a caller sent before it is sent back.
func clip(s string) string {
	if len(s) <= 128 {
		return s
	}
	return s[:128] + "..."
}
