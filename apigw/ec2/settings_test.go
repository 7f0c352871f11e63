// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// A changed setting is seen by the next call.
func TestSettingsOfTheRegion_TakeEffectAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	launched := func() (tokens, kind string) {
		id := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: ptr("/dev/sdg"), Ebs: &types.EbsBlockDevice{VolumeSize: ptr[int32](5)}}}
		})[0]
		row := w.row(t, id)
		v, ok := state.Volumes.Get(w.FSM.View(), alice, row.Devices[1].VolumeID)
		if !ok {
			t.Fatal("no volume")
		}
		return row.Metadata.HTTPTokens, v.Type
	}
	quota := func() string {
		out, err := w.svc.DescribeAccountAttributes(w.as(t, alice, "DescribeAccountAttributes"), &sdk.DescribeAccountAttributesInput{AttributeNames: []types.AccountAttributeName{"max-instances"}})
		if err != nil {
			t.Fatal(err)
		}
		return *out.AccountAttributes[0].AttributeValues[0].AttributeValue
	}
	if tokens, kind := launched(); tokens != "optional" || kind != "gp2" || quota() != "1024" {
		t.Errorf("before: tokens %s, type %s, quota %s", tokens, kind, quota())
	}
	for key, value := range map[string]string{state.SettingIMDSTokens: "required", state.SettingVolumeType: "gp3", state.SettingVCPUs: "4"} {
		w.must(t, command.SetSetting{Key: key, Value: value})
	}
	if tokens, kind := launched(); tokens != "required" || kind != "gp3" || quota() != "4" {
		t.Errorf("after: tokens %s, type %s, quota %s", tokens, kind, quota())
	}
	n := int32(1)
	_, err := w.svc.RunInstances(w.as(t, alice, "RunInstances"), &sdk.RunInstancesInput{ImageId: &w.image, InstanceType: "t3.micro", MinCount: &n, MaxCount: &n})
	wantError(t, err, "VcpuLimitExceeded", "")
}
