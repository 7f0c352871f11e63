// SPDX-License-Identifier: Apache-2.0

package actions

import (
	"slices"
	"testing"
)

func TestTableKnowsWhatActionsNeed(t *testing.T) {
	t.Parallel()
	a, ok := Lookup("ec2:runinstances")
	if !ok || a.Name != "RunInstances" || a.Access != "Write" {
		t.Fatalf("ec2:RunInstances is %+v", a)
	}
	if got, want := a.Required(), []string{"image", "instance", "network-interface", "security-group", "subnet"}; !slices.Equal(got, want) {
		t.Errorf("RunInstances needs %v, want %v", got, want)
	}
	instance, _ := a.Resource("instance")
	if !slices.Contains(instance.Keys, "ec2:InstanceType") || !slices.Contains(instance.Keys, "aws:RequestTag/${TagKey}") {
		t.Errorf("an instance's keys are %v", instance.Keys)
	}
	if d, _ := Lookup("ec2:DescribeInstances"); len(d.Resources) != 0 || !slices.Contains(d.Keys, "ec2:Region") {
		t.Errorf("ec2:DescribeInstances is %+v", d)
	}
	if form, _ := ARNForm("ec2", "instance"); form != "arn:${Partition}:ec2:${Region}:${Account}:instance/${InstanceId}" {
		t.Errorf("an instance's ARN is %q", form)
	}
	if _, ok := Lookup("ec2:FlyInstances"); ok {
		t.Error("it knows an action that there is not")
	}
}

func TestTableHasTheServedServices(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]int{"ec2": 600, "iam": 150, "sts": 10, "kms": 50, "s3": 100, "ebs": 6, "cloudwatch": 30, "cloudtrail": 50, "servicequotas": 15} {
		if got := len(Service(name)); got < least {
			t.Errorf("%s has %d actions, fewer than %d", name, got, least)
		}
	}
}
