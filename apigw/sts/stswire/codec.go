// SPDX-License-Identifier: Apache-2.0

package stswire

import (
	_ "embed" // names.txt
	"sync"

	"github.com/hivecloud/hive/apigw/wire"
)

// Version is the API version that every request must name.
const Version = "2011-06-15"

// Namespace is the xmlns of answers.
const Namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

//go:embed names.txt
var names string

// Codec translates STS's forms and answers. It panics when the generated table is damaged.
var Codec = sync.OnceValue(func() *wire.Codec {
	return wire.MustCodec("stswire", names, wire.Spec{
		Protocol: wire.AWSQuery, Version: Version, Namespace: Namespace, Actions: actions,
	})
})
