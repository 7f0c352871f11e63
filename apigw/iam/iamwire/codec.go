// SPDX-License-Identifier: Apache-2.0

package iamwire

import (
	_ "embed" // names.txt
	"sync"

	"github.com/hivecloud/hive/apigw/wire"
)

// Version is the API version that every request must name.
const Version = "2010-05-08"

// Namespace is the xmlns of answers.
const Namespace = "https://iam.amazonaws.com/doc/2010-05-08/"

//go:embed names.txt
var names string

// Codec translates IAM's forms and answers. It panics when the generated table is damaged.
var Codec = sync.OnceValue(func() *wire.Codec {
	return wire.MustCodec("iamwire", names, wire.Spec{
		Protocol: wire.AWSQuery, Version: Version, Namespace: Namespace, Actions: actions,
	})
})
