// SPDX-License-Identifier: Apache-2.0

package instancetypes

import (
	"slices"
	"strconv"
	"strings"
)

// CPU is what /proc/cpuinfo tells about a host's first processor.
type CPU struct {
	Arch   string // x86_64, arm64 or "" when the text has neither's fields
	Vendor string // x86: GenuineIntel, AuthenticAMD, HygonGenuine; arm64: the implementer, 0x41
	Family int    // x86 only
	Model  int    // x86: model; arm64: CPU part, 0xd0c
	Name   string // "AMD EPYC 7R13 Processor"; empty on arm64
}

// Generation is a CPU microarchitecture that AWS builds families on.
type Generation string

// Generations that have families of their own; Unknown has only the burstable ones.
const (
	Unknown        Generation = "unknown"
	Skylake        Generation = "skylake" // and Cascade Lake, Cooper Lake
	IceLake        Generation = "ice-lake"
	SapphireRapids Generation = "sapphire-rapids" // and Emerald Rapids
	GraniteRapids  Generation = "granite-rapids"
	Zen2           Generation = "zen2" // and Zen
	Zen3           Generation = "zen3"
	Zen4           Generation = "zen4"
	Zen5           Generation = "zen5"
	NeoverseN1     Generation = "neoverse-n1"
	NeoverseV1     Generation = "neoverse-v1"
	NeoverseV2     Generation = "neoverse-v2"
)

// generationFamilies maps a generation to the families that run on it at AWS, the burstable ones left out.
var generationFamilies = map[Generation][]string{
	Skylake:        {"c5", "m5", "r5"},
	IceLake:        {"c6i", "m6i", "r6i"},
	SapphireRapids: {"c7i", "m7i", "r7i"},
	GraniteRapids:  {"c8i", "m8i", "r8i"},
	Zen2:           {"c5a", "m5a", "r5a"},
	Zen3:           {"c6a", "m6a", "r6a"},
	Zen4:           {"c7a", "m7a", "r7a"},
	Zen5:           {"c8a", "m8a", "r8a"},
	NeoverseN1:     {"c6g", "m6g", "r6g"},
	NeoverseV1:     {"c7g", "m7g", "r7g"},
	NeoverseV2:     {"c8g", "m8g", "r8g"},
}

// ParseCPUInfo reads the text of /proc/cpuinfo. A text it cannot make sense of yields a CPU of [Unknown] generation, never an
// error: a host with a strange CPU still runs the burstable families.
func ParseCPUInfo(text string) CPU {
	var c CPU
	for line := range strings.SplitSeq(text, "\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			if c.Arch != "" && strings.TrimSpace(line) == "" {
				break // the first processor is enough
			}
			continue
		}
		c.field(strings.TrimSpace(key), strings.TrimSpace(value))
	}
	return c
}

func (c *CPU) field(key, value string) {
	switch key {
	case "vendor_id":
		c.Arch, c.Vendor = ArchX8664, value
	case "cpu family":
		c.Family = number(value)
	case "model":
		c.Model = number(value)
	case "model name":
		c.Name = value
	case "CPU implementer":
		c.Arch, c.Vendor = ArchARM64, strings.ToLower(value)
	case "CPU part":
		c.Model = number(value)
	}
}

// number reads a decimal or 0x number; -1 when it is none.
func number(s string) int {
	v, err := strconv.ParseInt(s, 0, 32)
	if err != nil {
		return -1
	}
	return int(v)
}

// Generation of the CPU. Sources: Intel SDM volume 4 table 2-1 (family 6 models), AMD's revision guides (families 17h, 19h,
// 1Ah), Arm's MIDR part numbers. Client chips count where they have the server part's instruction set.
func (c CPU) Generation() Generation {
	switch {
	case c.Arch == ArchARM64 && c.Vendor == "0x41":
		return armGeneration(c.Model)
	case c.Vendor == "GenuineIntel" && c.Family == 6:
		return intelGeneration(c.Model)
	case c.Vendor == "AuthenticAMD":
		return amdGeneration(c.Family, c.Model)
	case c.Vendor == "HygonGenuine" && c.Family == 0x18: // Zen under licence
		return Zen2
	}
	return Unknown
}

func armGeneration(part int) Generation {
	switch part {
	case 0xd0c:
		return NeoverseN1
	case 0xd40:
		return NeoverseV1
	case 0xd4f:
		return NeoverseV2
	}
	return Unknown
}

func intelGeneration(model int) Generation {
	switch model {
	case 0x55: // Skylake-SP, Cascade Lake, Cooper Lake
		return Skylake
	case 0x6a, 0x6c, 0x7d, 0x7e, 0x8c, 0x8d, 0xa7: // Ice Lake-SP and -D, Ice Lake, Tiger Lake and Rocket Lake clients
		return IceLake
	case 0x8f, 0xcf:
		return SapphireRapids
	case 0xad, 0xae:
		return GraniteRapids
	}
	return Unknown
}

func amdGeneration(fam, model int) Generation {
	switch fam {
	case 0x17:
		return Zen2
	case 0x19:
		if zen4Model(model) {
			return Zen4
		}
		return Zen3
	case 0x1a:
		return Zen5
	}
	return Unknown
}

// zen4Model: Genoa and Storm Peak 10h-1Fh, Raphael and Phoenix 60h-7Fh, Bergamo and MI300 A0h-AFh and 90h-9Fh; the rest of
// family 19h is Zen 3.
func zen4Model(model int) bool {
	return model >= 0x10 && model <= 0x1f || model >= 0x60 && model <= 0x7f || model >= 0x90 && model <= 0xaf
}

// burstFamilies are offered on every CPU of an architecture. t3a is AMD's at AWS; here it goes with t3 except on Intel.
func (c CPU) burstFamilies() []string {
	if c.Arch == ArchARM64 {
		return []string{"t4g"}
	}
	if g := c.Generation(); slices.Contains([]Generation{Skylake, IceLake, SapphireRapids, GraniteRapids}, g) {
		return []string{"t2", "t3"}
	}
	return []string{"t2", "t3", "t3a"}
}
