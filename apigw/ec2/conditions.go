// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"cmp"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/state"
)

// conditionsOf are how the condition keys of EC2's kinds of resources are read from the state. Values that are empty are
// no keys. See https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
var conditionsOf = map[types.ResourceType]func(c *apigw.Call, v *state.View, id string) map[string]string{
	types.ResourceTypeInstance: func(c *apigw.Call, v *state.View, id string) map[string]string {
		i, ok := state.Instances.Get(v, c.Account, id)
		if !ok {
			return nil
		}
		out := instanceConditions(c, i)
		out["ec2:InstanceID"] = id
		if g, ok := state.PlacementGroups.Get(v, c.Account, i.PlacementGroupID); ok {
			out["ec2:PlacementGroup"] = c.ARN("placement-group/" + g.Name)
		}
		return out
	},
	types.ResourceTypeVolume: func(c *apigw.Call, v *state.View, id string) map[string]string {
		n, ok := state.Volumes.Get(v, c.Account, id)
		if !ok {
			return nil
		}
		out := volumeConditions(c, n.Type, n.SizeGiB, n.IOPS, n.Throughput, n.SnapshotID, n.Zone)
		out["ec2:VolumeID"] = id
		return out
	},
	types.ResourceTypeSnapshot: func(c *apigw.Call, v *state.View, id string) map[string]string {
		s, ok := state.Snapshots.Get(v, state.AnyAccount, id)
		if !ok {
			return nil
		}
		return map[string]string{"ec2:SnapshotID": id, "ec2:Owner": ownerOf(v, s.AccountID), "ec2:VolumeSize": strconv.FormatInt(s.SizeGiB, 10),
			"ec2:SnapshotTime": s.Started.Std().UTC().Format(time.RFC3339), "ec2:ParentVolume": c.ARN("volume/" + s.VolumeID), "ec2:Encrypted": "false"}
	},
	types.ResourceTypeImage: func(_ *apigw.Call, v *state.View, id string) map[string]string {
		i, ok := state.Images.Get(v, state.AnyAccount, id)
		if !ok {
			return nil
		}
		return imageConditions(v, i)
	},
	types.ResourceTypeSubnet: func(c *apigw.Call, v *state.View, id string) map[string]string {
		s, ok := state.Subnets.Get(v, c.Account, id)
		if !ok {
			return nil
		}
		return map[string]string{"ec2:SubnetID": id, "ec2:Vpc": c.ARN("vpc/" + s.VPCID), "ec2:AvailabilityZone": s.Zone}
	},
	types.ResourceTypeSecurityGroup: func(c *apigw.Call, v *state.View, id string) map[string]string {
		g, ok := state.SecurityGroups.Get(v, c.Account, id)
		if !ok {
			return nil
		}
		return map[string]string{"ec2:SecurityGroupID": id, "ec2:Vpc": c.ARN("vpc/" + g.VPCID)}
	},
	types.ResourceTypeNetworkInterface: func(c *apigw.Call, v *state.View, id string) map[string]string {
		n, ok := state.NetworkInterfaces.Get(v, c.Account, id)
		if !ok {
			return nil
		}
		return map[string]string{"ec2:NetworkInterfaceID": id, "ec2:Subnet": c.ARN("subnet/" + n.SubnetID), "ec2:Vpc": c.ARN("vpc/" + n.VPCID), "ec2:AvailabilityZone": n.Zone}
	},
	types.ResourceTypeVpc: func(_ *apigw.Call, _ *state.View, id string) map[string]string {
		return map[string]string{"ec2:VpcID": id, "ec2:Tenancy": string(types.TenancyDefault)}
	},
	types.ResourceTypeKeyPair: func(c *apigw.Call, v *state.View, id string) map[string]string {
		k, ok := state.KeyPairs.Get(v, c.Account, id)
		if !ok {
			return nil
		}
		return map[string]string{"ec2:KeyPairName": k.Name, "ec2:KeyPairType": k.Type}
	},
}

// instanceConditions are those of an instance, also of one that is to be made.
func instanceConditions(c *apigw.Call, i *state.Instance) map[string]string {
	return map[string]string{
		"ec2:InstanceType": i.Type, "ec2:AvailabilityZone": i.Zone, "ec2:Tenancy": cmp.Or(i.Tenancy, string(types.TenancyDefault)),
		"ec2:EbsOptimized": strconv.FormatBool(i.EBSOptimized), "ec2:RootDeviceType": string(types.DeviceTypeEbs), "ec2:InstanceMarketType": "on-demand",
		"ec2:MetadataHttpTokens": i.Metadata.HTTPTokens, "ec2:MetadataHttpEndpoint": i.Metadata.HTTPEndpoint,
		"ec2:MetadataHttpPutResponseHopLimit": strconv.Itoa(i.Metadata.HTTPPutResponseHopLimit), "ec2:Region": c.Region,
	}
}

// volumeConditions are those of a volume, also of one that is to be made. Amounts that a type does not have are left out.
func volumeConditions(c *apigw.Call, kind string, sizeGiB, iops, throughput int64, snapshotID, zone string) map[string]string {
	out := map[string]string{"ec2:VolumeType": kind, "ec2:VolumeSize": strconv.FormatInt(sizeGiB, 10), "ec2:Encrypted": "false", "ec2:AvailabilityZone": zone}
	if iops > 0 {
		out["ec2:VolumeIops"] = strconv.FormatInt(iops, 10)
	}
	if throughput > 0 {
		out["ec2:VolumeThroughput"] = strconv.FormatInt(throughput, 10)
	}
	if snapshotID != "" {
		out["ec2:ParentSnapshot"] = c.ARN("snapshot/" + snapshotID)
	}
	return out
}

// imageConditions are those of an image, also of one that is to be registered.
func imageConditions(v *state.View, i *state.Image) map[string]string {
	return map[string]string{"ec2:ImageID": i.ID, "ec2:ImageType": string(types.ImageTypeValuesMachine), "ec2:Owner": ownerOf(v, i.AccountID),
		"ec2:Public": strconv.FormatBool(i.Public), "ec2:RootDeviceType": string(types.DeviceTypeEbs)}
}

// ownerOf is an owner as ec2:Owner names it: "amazon" for the system's account.
func ownerOf(v *state.View, account string) string {
	if a, ok := state.Accounts.Get(v, state.AnyAccount, account); ok && a.System {
		return aliasAmazon
	}
	return account
}

// tagging is a resource that the call gives tags to.
func tagging(r apigw.Resource, tags []state.Tag) apigw.Resource {
	if len(tags) == 0 {
		return r
	}
	r.RequestTags = make(map[string]string, len(tags))
	for _, t := range tags {
		r.RequestTags[t.Key] = t.Value
	}
	return r
}
