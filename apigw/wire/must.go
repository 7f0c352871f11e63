// SPDX-License-Identifier: Apache-2.0

package wire

import "maps"

// MustCodec is NewCodec for a package of generated tables. It panics, naming the package, when the table is damaged.
func MustCodec(pkg, names string, spec Spec) *Codec {
	table, err := ParseTable(names)
	if err != nil {
		panic(pkg + ": " + err.Error())
	}
	spec.Table = table
	codec, err := NewCodec(spec)
	if err != nil {
		panic(pkg + ": " + err.Error())
	}
	return codec
}

// jsonShapes are the exceptions that AWS's JSON services have in common, by the gateway's own codes.
var jsonShapes = map[string]string{
	"AccessDenied":               "AccessDeniedException",
	"InvalidAction":              "UnknownOperationException",
	"InvalidClientTokenId":       "UnrecognizedClientException",
	"ExpiredToken":               "ExpiredTokenException",
	"IncompleteSignature":        "IncompleteSignatureException",
	"MissingAuthenticationToken": "MissingAuthenticationTokenException",
	"SignatureDoesNotMatch":      "InvalidSignatureException",
	"Throttling":                 "ThrottlingException",
	"UnsupportedOperation":       "UnsupportedOperationException",
	"UnknownParameter":           "ValidationException",
	"ValidationError":            "ValidationException",
	"ServiceUnavailable":         "ServiceUnavailableException",
	"RequestEntityTooLarge":      "RequestEntityTooLargeException",
	"InvalidParameterValue":      "ValidationException",
}

// JSONShapes are the common exceptions with a service's own on top: what Spec.Shapes of a JSON service is.
func JSONShapes(own map[string]string) map[string]string {
	out := maps.Clone(jsonShapes)
	maps.Copy(out, own)
	return out
}
