// SPDX-License-Identifier: Apache-2.0

package ec2

import "testing"

func TestVolumeSpecResolvesToItsTypesLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		in, want volumeSpec
		code     string
	}{
		{name: "gp3 defaults", in: volumeSpec{1, "gp3", 0, 0}, want: volumeSpec{1, "gp3", 3000, 125}},
		{name: "gp3 most", in: volumeSpec{65536, "gp3", 80000, 2000}, want: volumeSpec{65536, "gp3", 80000, 2000}},
		{name: "gp3 too large", in: volumeSpec{65537, "gp3", 0, 0}, code: "InvalidParameterValue"},
		{name: "gp3 iops too low", in: volumeSpec{10, "gp3", 2999, 0}, code: "InvalidParameterValue"},
		{name: "gp3 iops too high", in: volumeSpec{65536, "gp3", 80001, 0}, code: "InvalidParameterValue"},
		{name: "gp3 iops for the size", in: volumeSpec{8, "gp3", 4000, 0}, want: volumeSpec{8, "gp3", 4000, 125}},
		{name: "gp3 too many iops for the size", in: volumeSpec{8, "gp3", 4001, 0}, code: "InvalidParameterValue"},
		{name: "gp3 throughput for the iops", in: volumeSpec{100, "gp3", 3000, 750}, want: volumeSpec{100, "gp3", 3000, 750}},
		{name: "gp3 too much throughput for the iops", in: volumeSpec{100, "gp3", 3000, 751}, code: "InvalidParameterValue"},
		{name: "gp3 throughput too low", in: volumeSpec{100, "gp3", 0, 124}, code: "InvalidParameterValue"},
		{name: "gp2 small", in: volumeSpec{1, "gp2", 0, 0}, want: volumeSpec{1, "gp2", 100, 0}},
		{name: "gp2 middle", in: volumeSpec{500, "gp2", 0, 0}, want: volumeSpec{500, "gp2", 1500, 0}},
		{name: "gp2 largest", in: volumeSpec{16384, "gp2", 0, 0}, want: volumeSpec{16384, "gp2", 16000, 0}},
		{name: "gp2 with throughput", in: volumeSpec{10, "gp2", 0, 125}, code: "InvalidParameterCombination"},
		{name: "io1", in: volumeSpec{4, "io1", 200, 0}, want: volumeSpec{4, "io1", 200, 0}},
		{name: "io1 too small", in: volumeSpec{3, "io1", 100, 0}, code: "InvalidParameterValue"},
		{name: "io1 too many iops for the size", in: volumeSpec{4, "io1", 201, 0}, code: "InvalidParameterValue"},
		{name: "io2 without iops", in: volumeSpec{4, "io2", 0, 0}, code: "MissingParameter"},
		{name: "io2 most", in: volumeSpec{65536, "io2", 256000, 0}, want: volumeSpec{65536, "io2", 256000, 0}},
		{name: "st1 too small", in: volumeSpec{124, "st1", 0, 0}, code: "InvalidParameterValue"},
		{name: "sc1", in: volumeSpec{125, "sc1", 0, 0}, want: volumeSpec{125, "sc1", 0, 0}},
		{name: "standard too large", in: volumeSpec{1025, "standard", 0, 0}, code: "InvalidParameterValue"},
		{name: "no such type", in: volumeSpec{10, "gp9", 0, 0}, code: "InvalidParameterValue"},
	} {
		got, err := c.in.resolve()
		if code, _ := codeOf(err); code != c.code || c.code == "" && got != c.want {
			t.Errorf("%s: got %+v, %v, want %+v, code %q", c.name, got, err, c.want, c.code)
		}
	}
}
