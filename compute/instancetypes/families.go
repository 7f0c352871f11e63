// SPDX-License-Identifier: Apache-2.0

package instancetypes

// family is what all sizes of a family have in common.
type family struct {
	maker        string
	arch         string
	ratioMiB     int64 // memory per vCPU; 0: by size (burstable)
	current      bool  // CurrentGeneration
	defaultCreds string
}

const (
	intel    = "Intel"
	amd      = "AMD"
	graviton = "AWS"

	compute = 2048
	general = 4096
	memory  = 8192
)

var families = map[string]family{
	"t2":  {intel, ArchX8664, 0, true, "standard"},
	"t3":  {intel, ArchX8664, 0, true, "unlimited"},
	"t3a": {amd, ArchX8664, 0, true, "unlimited"},
	"t4g": {graviton, ArchARM64, 0, true, "unlimited"},

	"c5": {intel, ArchX8664, compute, false, ""}, "m5": {intel, ArchX8664, general, false, ""}, "r5": {intel, ArchX8664, memory, false, ""},
	"c6i": {intel, ArchX8664, compute, true, ""}, "m6i": {intel, ArchX8664, general, false, ""}, "r6i": {intel, ArchX8664, memory, false, ""},
	"c7i": {intel, ArchX8664, compute, true, ""}, "m7i": {intel, ArchX8664, general, true, ""}, "r7i": {intel, ArchX8664, memory, true, ""},
	"c8i": {intel, ArchX8664, compute, true, ""}, "m8i": {intel, ArchX8664, general, true, ""}, "r8i": {intel, ArchX8664, memory, true, ""},

	"c5a": {amd, ArchX8664, compute, true, ""}, "m5a": {amd, ArchX8664, general, true, ""}, "r5a": {amd, ArchX8664, memory, true, ""},
	"c6a": {amd, ArchX8664, compute, true, ""}, "m6a": {amd, ArchX8664, general, true, ""}, "r6a": {amd, ArchX8664, memory, true, ""},
	"c7a": {amd, ArchX8664, compute, true, ""}, "m7a": {amd, ArchX8664, general, true, ""}, "r7a": {amd, ArchX8664, memory, true, ""},
	"c8a": {amd, ArchX8664, compute, true, ""}, "m8a": {amd, ArchX8664, general, true, ""}, "r8a": {amd, ArchX8664, memory, true, ""},

	"c6g": {graviton, ArchARM64, compute, true, ""}, "m6g": {graviton, ArchARM64, general, true, ""}, "r6g": {graviton, ArchARM64, memory, true, ""},
	"c7g": {graviton, ArchARM64, compute, true, ""}, "m7g": {graviton, ArchARM64, general, true, ""}, "r7g": {graviton, ArchARM64, memory, true, ""},
	"c8g": {graviton, ArchARM64, compute, true, ""}, "m8g": {graviton, ArchARM64, general, true, ""}, "r8g": {graviton, ArchARM64, memory, true, ""},
}

// burstable sizes: memory and baseline per vCPU
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html). t2 differs in the large ones.
var burstMemoryMiB = map[string]int64{
	"nano": 512, "micro": 1024, "small": 2048, "medium": 4096, "large": 8192, "xlarge": 16384, "2xlarge": 32768,
}

func burstBaseline(fam, size string) float64 {
	switch size {
	case "nano":
		return 5
	case "micro":
		return 10
	case "small", "medium":
		return 20
	case "large":
		return 30
	}
	if fam != "t2" {
		return 40
	}
	if size == "xlarge" {
		return 22.5
	}
	return 17
}

// freeTier are the types that AWS marks: t2.micro for accounts from before July 2025, the others for those since.
var freeTier = map[string]bool{"t2.micro": true, "t3.micro": true, "t3.small": true, "t4g.micro": true, "t4g.small": true}
