// SPDX-License-Identifier: Apache-2.0

package cloudtrailwire

import (
	_ "embed" // names.txt
	"sync"

	"github.com/hivecloud/hive/apigw/wire"
)

// Target names the API in requests.
const Target = "CloudTrail_20131101"

// Version is the API version; requests do not name it.
const Version = "2013-11-01"

//go:embed names.txt
var names string

// Codec translates CloudTrail's documents. It panics when the generated table is damaged.
var Codec = sync.OnceValue(func() *wire.Codec {
	return wire.MustCodec("cloudtrailwire", names, wire.Spec{Protocol: wire.AWSJSON, Version: Version, Actions: actions, Target: Target, Shapes: wire.JSONShapes(nil)})
})
