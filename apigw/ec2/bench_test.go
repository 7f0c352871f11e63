// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

func BenchmarkDescribeThousandInstances(b *testing.B) {
	w := newWorld(b)
	room := state.Resources{MilliCPU: 1 << 30, MemoryMiB: 1 << 30}
	w.must(b, command.RegisterNode{Node: state.Node{FormatLevel: state.FormatLevel, ID: fsmtest.NodeID, Name: "test", Zone: fsmtest.Zone, Caps: []string{"ec2"}, Types: []string{"t2.nano"},
		Accel: "tcg", Physical: room, Schedulable: room}})
	for range 20 {
		w.run(b, alice, 50, func(in *sdk.RunInstancesInput) { in.InstanceType = "t2.nano" })
	}
	ctx := w.as(b, alice, "DescribeInstances")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.svc.DescribeInstances(ctx, &sdk.DescribeInstancesInput{}); err != nil {
			b.Fatal(err)
		}
	}
}
