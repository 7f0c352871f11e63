// SPDX-License-Identifier: Apache-2.0

package ec2wire

import (
	_ "embed" // names.txt
	"sync"

	"github.com/hivecloud/hive/apigw/wire"
)

// Version is the API version that every request must name.
const Version = "2016-11-15"

// Namespace is the xmlns of answers.
const Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

//go:embed names.txt
var names string

// Codec translates EC2's forms and answers. It panics when the generated table is damaged.
var Codec = sync.OnceValue(func() *wire.Codec {
	return wire.MustCodec("ec2wire", names, wire.Spec{
		Protocol: wire.EC2Query, Version: Version, Namespace: Namespace, Actions: actions,
		KeepEmpty: []string{
			"types.Tag.Value", // a tag may be empty; DeleteTags with an empty value deletes only empty tags
			// "To omit the device from the block device mapping, specify an empty string."
			"types.BlockDeviceMapping.NoDevice",
			"types.InstanceBlockDeviceMappingSpecification.NoDevice",
			"types.LaunchTemplateBlockDeviceMappingRequest.NoDevice",
			// "To remove an instance from a placement group, specify an empty string."
			"ModifyInstancePlacementInput.GroupName",
			// Modify*Attribute: an empty value clears the description or the user data.
			"types.AttributeValue.Value",
			"types.BlobAttributeValue.Value",
			"types.SecureBlobAttributeValue.Value",
		},
	})
})
