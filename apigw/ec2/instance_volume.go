// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"math"

	"github.com/hivecloud/hive/apigw/awserr"
)

// volumeType is what EBS fixes for one type of volume: sizes in GiB, IOPS, throughput in MiB/s.
// Source: the EbsBlockDevice and CreateVolume pages of the EC2 API reference, and the EBS user guide's volume types.
type volumeType struct {
	name             string
	minGiB, maxGiB   int64
	minIOPS, maxIOPS int64   // 0: the type takes no iops parameter
	defaultIOPS      int64   // 0 with maxIOPS set: the parameter is required
	maxRatio         float64 // IOPS for each GiB
	minTput, maxTput int64   // 0: the type takes no throughput parameter
	boot             bool    // may be a root volume
}

// volumeTypes are EBS's. gp3 gives its 3,000 IOPS and 125 MiB/s at any size.
var volumeTypes = []volumeType{
	{name: "gp3", minGiB: 1, maxGiB: 65536, minIOPS: 3000, maxIOPS: 80000, defaultIOPS: 3000, maxRatio: 500, minTput: 125, maxTput: 2000, boot: true},
	{name: "gp2", minGiB: 1, maxGiB: 16384, boot: true},
	{name: "io1", minGiB: 4, maxGiB: 16384, minIOPS: 100, maxIOPS: 64000, maxRatio: 50, boot: true},
	{name: "io2", minGiB: 4, maxGiB: 65536, minIOPS: 100, maxIOPS: 256000, maxRatio: 1000, boot: true},
	{name: "st1", minGiB: 125, maxGiB: 16384},
	{name: "sc1", minGiB: 125, maxGiB: 16384},
	{name: "standard", minGiB: 1, maxGiB: 1024, boot: true},
}

// tputPerIOPS is gp3's limit of MiB/s for each provisioned IOPS.
const tputPerIOPS = 0.25

// volumeSpec is a volume to make, as asked for; zero means not given.
type volumeSpec struct {
	sizeGiB    int64
	kind       string
	iops       int64
	throughput int64
}

// resolve checks the specification against its type and fills in the defaults.
func (v volumeSpec) resolve() (volumeSpec, error) {
	t, ok := lookupVolumeType(v.kind)
	if !ok {
		return v, awserr.New("InvalidParameterValue", "Invalid value '%s' for VolumeType. Valid values: gp3, gp2, io1, io2, st1, sc1, standard.", v.kind)
	}
	if v.sizeGiB < t.minGiB {
		return v, awserr.New("InvalidParameterValue", "Volume of %dGiB is too small for volume type %s; minimum is %dGiB.", v.sizeGiB, t.name, t.minGiB)
	}
	if v.sizeGiB > t.maxGiB {
		return v, awserr.New("InvalidParameterValue", "Volume of %dGiB is too large for volume type %s; maximum is %dGiB.", v.sizeGiB, t.name, t.maxGiB)
	}
	var err error
	if v.iops, err = t.resolveIOPS(v.iops, v.sizeGiB); err != nil {
		return v, err
	}
	v.throughput, err = t.resolveThroughput(v.throughput, v.iops)
	return v, err
}

func lookupVolumeType(name string) (volumeType, bool) {
	for _, t := range volumeTypes {
		if t.name == name {
			return t, true
		}
	}
	return volumeType{}, false
}

// resolveIOPS is the volume's IOPS: as asked where the type lets choose, else what the type gives for the size.
func (t volumeType) resolveIOPS(iops, sizeGiB int64) (int64, error) {
	if t.maxIOPS == 0 {
		if iops != 0 {
			return 0, awserr.New("InvalidParameterCombination", "The parameter iops is not supported for %s volumes.", t.name)
		}
		return t.baselineIOPS(sizeGiB), nil
	}
	if iops == 0 {
		if t.defaultIOPS == 0 {
			return 0, awserr.New("MissingParameter", "The parameter iops must be specified for %s volumes.", t.name)
		}
		return t.defaultIOPS, nil
	}
	if iops < t.minIOPS {
		return 0, awserr.New("InvalidParameterValue", "Volume iops of %d is too low; minimum is %d.", iops, t.minIOPS)
	}
	if iops > t.maxIOPS {
		return 0, awserr.New("InvalidParameterValue", "Volume iops of %d is too high; maximum is %d.", iops, t.maxIOPS)
	}
	if ratio := float64(iops) / float64(sizeGiB); ratio > t.maxRatio && iops > t.defaultIOPS {
		return 0, awserr.New("InvalidParameterValue", "Iops to volume size ratio of %.6f is too high; maximum is %.6f", ratio, t.maxRatio)
	}
	return iops, nil
}

// baselineIOPS is what DescribeVolumes shows for types that let nobody choose: gp2 gives three for each GiB.
func (t volumeType) baselineIOPS(sizeGiB int64) int64 {
	if t.name != "gp2" {
		return 0
	}
	return min(max(3*sizeGiB, 100), 16000)
}

// resolveThroughput is the volume's throughput in MiB/s; only gp3 lets choose it.
func (t volumeType) resolveThroughput(tput, iops int64) (int64, error) {
	if t.maxTput == 0 {
		if tput != 0 {
			return 0, awserr.New("InvalidParameterCombination", "The parameter throughput is not supported for %s volumes.", t.name)
		}
		return 0, nil
	}
	if tput == 0 {
		return t.minTput, nil
	}
	if tput < t.minTput {
		return 0, awserr.New("InvalidParameterValue", "Throughput of %d MiB/s is too low; minimum is %d MiB/s.", tput, t.minTput)
	}
	if tput > t.maxTput {
		return 0, awserr.New("InvalidParameterValue", "Throughput of %d MiB/s is too high; maximum is %d MiB/s.", tput, t.maxTput)
	}
	if float64(tput) > math.Ceil(tputPerIOPS*float64(iops)) {
		return 0, awserr.New("InvalidParameterValue", "Throughput to iops ratio of %.6f is too high; maximum is %.6f MiB/s per iops", float64(tput)/float64(iops), tputPerIOPS)
	}
	return tput, nil
}
