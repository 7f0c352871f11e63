// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// metadataDefaults are the IMDS settings of an instance whose owner asks for none. An image that says it is ready for
// IMDSv2 gets it alone, with one hop more for containers; so does every image when the region demands it.
// Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html
func metadataDefaults(v *state.View, image *state.Image) state.MetadataOptions {
	m := state.MetadataOptions{HTTPTokens: "optional", HTTPEndpoint: "enabled", HTTPPutResponseHopLimit: 1, HTTPProtocolIPv6: "disabled", InstanceMetadataTags: "disabled"}
	if image.IMDS == "v2.0" || v.SettingValue(state.SettingIMDSTokens) == "required" {
		m.HTTPTokens, m.HTTPPutResponseHopLimit = "required", 2
	}
	return m
}

// metadataChange is what a caller may set of the IMDS settings; zero values leave a setting as it is.
type metadataChange struct {
	tokens   types.HttpTokensState
	endpoint types.InstanceMetadataEndpointState
	hops     *int32
	ipv6     types.InstanceMetadataProtocolState
	tags     types.InstanceMetadataTagsState
}

// over is the settings m with the change made. The gateway has checked the enums.
func (c metadataChange) over(m state.MetadataOptions) (state.MetadataOptions, error) {
	if c.hops != nil && (*c.hops < 1 || *c.hops > 64) {
		return m, awserr.InvalidParameterValue("Value (%d) for parameter HttpPutResponseHopLimit is invalid. Valid values are integers from 1 to 64.", *c.hops)
	}
	if c.tokens != "" {
		m.HTTPTokens = string(c.tokens)
	}
	if c.endpoint != "" {
		m.HTTPEndpoint = string(c.endpoint)
	}
	if c.hops != nil {
		m.HTTPPutResponseHopLimit = int(*c.hops)
	}
	if c.ipv6 != "" {
		m.HTTPProtocolIPv6 = string(c.ipv6)
	}
	if c.tags != "" {
		m.InstanceMetadataTags = string(c.tags)
	}
	return m, nil
}
