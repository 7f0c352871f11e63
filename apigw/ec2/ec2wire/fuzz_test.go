// SPDX-License-Identifier: Apache-2.0

package ec2wire

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/wire"
)

// FuzzRunInstances decodes forms of the deepest input: nothing panics, every refusal is an AWS error, and the order of
// the parameters does not matter.
func FuzzRunInstances(f *testing.F) {
	f.Add("BlockDeviceMapping.1.DeviceName=%2Fdev%2Fsda1&BlockDeviceMapping.1.Ebs.VolumeSize=9&UserData=aGk%3D&MinCount=1&MaxCount=1")
	f.Add("NetworkInterface.1.PrivateIpAddresses.1.Primary=true&NetworkInterface.1.SecurityGroupId.1=sg-1&Placement.AvailabilityZone=")
	f.Add("BlockDeviceMapping.1.NoDevice=&BlockDeviceMapping.2.Ebs.DeleteOnTermination=maybe")
	f.Add("TagSpecification.1.Tag.1.Value=&TagSpecification.1.Tag.2.Key=b")
	f.Fuzz(func(t *testing.T, raw string) {
		form, err := wire.ParseForm(raw)
		if err != nil {
			if !errors.As(err, new(*awserr.Error)) {
				t.Fatalf("not an AWS error: %v", err)
			}
			return
		}
		input, _ := Codec().InputType("RunInstances")
		forward, backward := reflect.New(input), reflect.New(input)
		_, err = Codec().Decode(form, forward.Interface())
		reversed := make(wire.Form, 0, len(form))
		for i := range form {
			reversed = append(reversed, form[len(form)-1-i])
		}
		_, again := Codec().Decode(reversed, backward.Interface())
		if (err == nil) != (again == nil) {
			t.Fatalf("the order decides: %v, %v", err, again)
		}
		if err != nil {
			if !errors.As(err, new(*awserr.Error)) {
				t.Fatalf("not an AWS error: %v", err)
			}
			return
		}
		exported := cmp.Exporter(func(reflect.Type) bool { return true })
		if diff := cmp.Diff(forward.Interface(), backward.Interface(), exported); diff != "" {
			t.Fatal(diff)
		}
	})
}
