// SPDX-License-Identifier: Apache-2.0

package kmswire

import (
	_ "embed" // names.txt
	"sync"

	"github.com/hivecloud/hive/apigw/wire"
)

// Target names the API in requests.
const Target = "TrentService"

// Version is the API version; requests do not name it.
const Version = "2014-11-01"

//go:embed names.txt
var names string

// shapes are the exceptions of the API by the gateway's own codes.
var shapes = map[string]string{
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
	"InternalFailure":            "KMSInternalException",
	"InvalidParameterValue":      "ValidationException",
}

// Codec translates KMS's documents. It panics when the generated table is damaged.
var Codec = sync.OnceValue(func() *wire.Codec {
	table, err := wire.ParseTable(names)
	if err != nil {
		panic("kmswire: " + err.Error())
	}
	codec, err := wire.NewCodec(wire.Spec{Protocol: wire.AWSJSON, Version: Version, Table: table, Actions: actions, Target: Target, Shapes: shapes})
	if err != nil {
		panic("kmswire: " + err.Error())
	}
	return codec
})
