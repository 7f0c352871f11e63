// SPDX-License-Identifier: Apache-2.0

package ec2wire

import (
	"encoding/xml"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/apigw/wire"
)

// instances makes an answer as full as a real one: about forty members an instance.
func instances(n int) *ec2.DescribeInstancesOutput {
	out := &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{}}
	launched := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for i := range n {
		id := fmt.Sprintf("i-0%016x", i)
		group := []types.GroupIdentifier{{GroupId: aws.String("sg-0123456789abcdef0"), GroupName: aws.String("default")}}
		instance := types.Instance{
			InstanceId: &id, ImageId: aws.String("ami-0123456789abcdef0"), InstanceType: types.InstanceTypeT3Small,
			State: &types.InstanceState{Code: aws.Int32(16), Name: types.InstanceStateNameRunning}, AmiLaunchIndex: aws.Int32(0),
			Architecture: types.ArchitectureValuesX8664, Hypervisor: types.HypervisorTypeXen, KeyName: aws.String("default"),
			LaunchTime: &launched, Monitoring: &types.Monitoring{State: types.MonitoringStateDisabled},
			Placement:        &types.Placement{AvailabilityZone: aws.String("hive-1a"), Tenancy: types.TenancyDefault, GroupName: aws.String("")},
			PrivateDnsName:   aws.String("ip-10-0-0-1.hive-1.compute.internal"),
			PrivateIpAddress: aws.String("10.0.0.1"), PublicIpAddress: aws.String("127.0.0.2"), PublicDnsName: aws.String("ec2-127-0-0-2.hive.test"),
			RootDeviceName: aws.String("/dev/sda1"), RootDeviceType: types.DeviceTypeEbs, SubnetId: aws.String("subnet-0123456789abcdef0"),
			VpcId: aws.String("vpc-0123456789abcdef0"), SecurityGroups: group, SourceDestCheck: aws.Bool(true), EbsOptimized: aws.Bool(false),
			EnaSupport: aws.Bool(true), VirtualizationType: types.VirtualizationTypeHvm, ClientToken: aws.String("token-" + id),
			CpuOptions:      &types.CpuOptions{CoreCount: aws.Int32(1), ThreadsPerCore: aws.Int32(2)},
			MetadataOptions: &types.InstanceMetadataOptionsResponse{State: "applied", HttpTokens: "required", HttpPutResponseHopLimit: aws.Int32(2), HttpEndpoint: "enabled"},
			BlockDeviceMappings: []types.InstanceBlockDeviceMapping{{DeviceName: aws.String("/dev/sda1"), Ebs: &types.EbsInstanceBlockDevice{
				AttachTime: &launched, DeleteOnTermination: aws.Bool(true), Status: "attached", VolumeId: aws.String("vol-0123456789abcdef0")}}},
			NetworkInterfaces: []types.InstanceNetworkInterface{{NetworkInterfaceId: aws.String("eni-0123456789abcdef0"), Groups: group, MacAddress: aws.String("02:00:00:00:00:01"),
				PrivateIpAddresses: []types.InstancePrivateIpAddress{{Primary: aws.Bool(true), PrivateIpAddress: aws.String("10.0.0.1")}}}},
			Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("web & db")}, {Key: aws.String("team"), Value: aws.String("a")}},
		}
		out.Reservations = append(out.Reservations, types.Reservation{ReservationId: aws.String("r-" + id[2:]), OwnerId: aws.String("111122223333"),
			Groups: []types.GroupIdentifier{}, Instances: []types.Instance{instance}})
	}
	return out
}

func TestDescribeInstancesDocument(t *testing.T) {
	t.Parallel()
	got, err := Codec().AppendResponse(nil, "DescribeInstances", instances(1), "id")
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(got, new(struct{})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>id</requestId><reservationSet><item>`,
		"<groupSet/>", "<launchTime>2026-01-31T12:00:00.000Z</launchTime>", "<instanceState><code>16</code><name>running</name></instanceState>",
		"<tagSet><item><key>Name</key><value>web &amp; db</value></item>", "<sourceDestCheck>true</sourceDestCheck>",
		"</item></instancesSet>", "</reservationSet></DescribeInstancesResponse>",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(string(got), "nextToken") {
		t.Error("a nil member was written")
	}
}

func TestSmallDocuments(t *testing.T) {
	t.Parallel()
	head := func(action string) string {
		return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<" + action + `Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>id</requestId>`
	}
	cases := []struct {
		action string
		out    any
		want   string
	}{
		{"DeleteVolume", &ec2.DeleteVolumeOutput{}, "<return>true</return>"},
		{"DescribeInstances", &ec2.DescribeInstancesOutput{}, "<reservationSet/>"},
		{"DescribeInstances", &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{}, NextToken: aws.String("t")}, "<nextToken>t</nextToken><reservationSet/>"},
		{"DescribeInstanceAttribute", &ec2.DescribeInstanceAttributeOutput{InstanceId: aws.String("i-1"), UserData: &types.AttributeValue{}}, "<instanceId>i-1</instanceId><userData></userData>"},
		{"RunInstances", &ec2.RunInstancesOutput{OwnerId: aws.String("")}, "<ownerId></ownerId>"},
	}
	for _, c := range cases {
		got, err := Codec().AppendResponse([]byte("before"), c.action, c.out, "id")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("before"+head(c.action)+c.want+"</"+c.action+"Response>", string(got)); diff != "" {
			t.Errorf("%s: %s", c.action, diff)
		}
	}
}

// TestEveryOutputEncodes fills every member of every action's output and finds each in the document.
func TestEveryOutputEncodes(t *testing.T) {
	t.Parallel()
	for _, action := range Codec().Actions() {
		output, _ := Codec().OutputType(action)
		out := reflect.New(output)
		leaves := fillValue(out.Elem(), map[reflect.Type]int{})
		got, err := Codec().AppendResponse(nil, action, out.Interface(), "id")
		if err != nil {
			t.Errorf("%s: %v", action, err)
			continue
		}
		d := xml.NewDecoder(strings.NewReader(string(got)))
		texts := 0
		for {
			tok, err := d.Token()
			if tok == nil {
				if err.Error() != "EOF" {
					t.Errorf("%s: %v", action, err)
				}
				break
			}
			if c, ok := tok.(xml.CharData); ok && strings.TrimSpace(string(c)) != "" {
				texts++
			}
		}
		texts-- // the request id
		if leaves == 0 {
			texts-- // <return>
		}
		if texts != leaves {
			t.Errorf("%s: %d scalars in the document, %d in the output", action, texts, leaves)
		}
	}
}

// fillValue sets every member of a value, lists with two items, and returns the number of scalars.
func fillValue(v reflect.Value, depth map[reflect.Type]int) int {
	t := v.Type()
	switch {
	case t == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1e9, 0)))
		return 1
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		return fillValue(v.Elem(), depth)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte("x"))
		return 1
	case t.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, 2, 2))
		return fillValue(v.Index(0), depth) + fillValue(v.Index(1), depth)
	case t.Kind() == reflect.Struct:
		if depth[t]++; depth[t] > 2 { // recursive types end here
			depth[t]--
			return 0
		}
		defer func() { depth[t]-- }()
		n := 0
		for i := range t.NumField() {
			f := t.Field(i)
			if f.IsExported() && f.Name != "ResultMetadata" {
				n += fillValue(v.Field(i), depth)
			}
		}
		return n
	case t.Kind() == reflect.String:
		v.SetString("x")
		return 1
	case t.Kind() == reflect.Bool:
		v.SetBool(true)
		return 1
	case t.Kind() == reflect.Int32 || t.Kind() == reflect.Int64:
		v.SetInt(1)
		return 1
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		v.SetFloat(0.5)
		return 1
	}
	panic("fill " + t.String())
}

func BenchmarkDescribeInstances1000(b *testing.B) {
	out := instances(1000)
	b.Run("wire", func(b *testing.B) {
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if buf, err = Codec().AppendResponse(buf[:0], "DescribeInstances", out, "id"); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("encoding-xml", func(b *testing.B) {
		var size int
		b.ReportAllocs()
		for b.Loop() {
			buf, err := xml.Marshal(out.Reservations)
			if err != nil {
				b.Fatal(err)
			}
			size = len(buf)
		}
		b.SetBytes(int64(size))
	})
}

func BenchmarkDecodeRunInstances(b *testing.B) {
	const raw = "ClientToken=2b1d1f3c-0000-4000-8000-000000000000&ImageId=ami-0123456789abcdef0&InstanceType=t3.small&MinCount=1&MaxCount=1&KeyName=default&SecurityGroupId.1=sg-0123456789abcdef0&SubnetId=subnet-0123456789abcdef0&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=web"
	b.ReportAllocs()
	for b.Loop() {
		form, err := wire.ParseForm(raw)
		if err != nil {
			b.Fatal(err)
		}
		var in ec2.RunInstancesInput
		if _, err := Codec().Decode(form, &in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodeRatio runs both encoders turn by turn, so that a busy machine slows both, and reports the ratio of
// their medians.
func BenchmarkEncodeRatio(b *testing.B) {
	out := instances(1000)
	var ours, theirs []time.Duration
	var buf []byte
	for b.Loop() {
		start := time.Now()
		var err error
		if buf, err = Codec().AppendResponse(buf[:0], "DescribeInstances", out, "id"); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := xml.Marshal(out.Reservations); err != nil {
			b.Fatal(err)
		}
		ours, theirs = append(ours, middle.Sub(start)), append(theirs, time.Since(middle))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	b.ReportMetric(float64(theirs[len(theirs)/2])/float64(ours[len(ours)/2]), "x-encoding/xml")
}
