// SPDX-License-Identifier: Apache-2.0

package cloudwatchwire

import (
	_ "embed" // names.txt
	"sync"

	"github.com/hivecloud/hive/apigw/wire"
)

// Version is the API version that every query request must name.
const Version = "2010-08-01"

// Namespace is the xmlns of answers.
const Namespace = "http://monitoring.amazonaws.com/doc/2010-08-01/"

// Target names the API in the protocols that have no versions.
const Target = "GraniteServiceVersion20100801"

//go:embed names.txt
var names string

// shapes are the exceptions of the API by the codes that the query protocol has for them.
var shapes = map[string]string{
	"InvalidParameterValue":       "InvalidParameterValueException",
	"InvalidParameterCombination": "InvalidParameterCombinationException",
	"MissingParameter":            "MissingRequiredParameterException",
	"InternalServiceError":        "InternalServiceFault",
	"ResourceNotFound":            "ResourceNotFound",
	"InvalidAction":               "UnknownOperationException",
	"Throttling":                  "ThrottlingException",
}

// Codec translates CloudWatch's requests and answers. It panics when the generated table is damaged.
var Codec = sync.OnceValue(func() *wire.Codec {
	return wire.MustCodec("cloudwatchwire", names, wire.Spec{
		Protocol: wire.AWSQuery, Version: Version, Namespace: Namespace, Actions: actions, Target: Target, Shapes: shapes,
	})
})
