// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one cluster setting that an operator gave another value than its default. Values are text in the canonical
// form of SettingDef.Canonical.
type Setting struct {
	Key     string
	Value   string
	Changed Time
}

// Settings holds the settings that were changed, by key.
var Settings = &Table[Setting]{name: "settings", id: 45, key: func(s *Setting) string { return s.Key }}

// The keys of the cluster settings.
const (
	SettingZones             = "region.zones"
	SettingVCPUs             = "quota.vcpus"
	SettingStorage           = "quota.storage-gib"
	SettingAccessKeys        = "quota.access-keys"
	SettingKeyPairs          = "quota.key-pairs"
	SettingReadRate          = "api.read-rate"
	SettingReadBurst         = "api.read-burst"
	SettingWriteRate         = "api.write-rate"
	SettingWriteBurst        = "api.write-burst"
	SettingTerminatedVisible = "ec2.terminated-visible"
	SettingIMDSTokens        = "ec2.imds-tokens"
	SettingVolumeType        = "ebs.volume-type"
	SettingReserve           = "compute.reserve-percent"
	SettingMTU               = "network.mtu"
)

// SettingDef is the schema of one setting.
type SettingDef struct {
	Key     string
	Default string // in canonical form; empty for settings whose default stands in the region's row
	Doc     string // one sentence or two
	Form    string // what a value looks like, for people
	Since   int    // the region format level that brought the setting; 0 and 1 are the first release

	canonical func(string) (string, bool)
}

// Canonical is a value in the form in which it is kept; ok is false for one that is not allowed.
func (d SettingDef) Canonical(value string) (canonical string, ok bool) {
	return d.canonical(strings.TrimSpace(value))
}

// wholeNumber accepts integers from low to high.
func wholeNumber(low, high int) (form string, canonical func(string) (string, bool)) {
	return fmt.Sprintf("a whole number from %d to %d", low, high), func(s string) (string, bool) {
		n, err := strconv.Atoi(s)
		return strconv.Itoa(n), err == nil && n >= low && n <= high
	}
}

// span accepts durations from low to high in whole seconds.
func span(low, high time.Duration) (form string, canonical func(string) (string, bool)) {
	return fmt.Sprintf("a duration from %s to %s, such as 90m", low, high), func(s string) (string, bool) {
		d, err := time.ParseDuration(s)
		return d.String(), err == nil && d >= low && d <= high && d%time.Second == 0
	}
}

// oneWord accepts the given words.
func oneWord(words ...string) (form string, canonical func(string) (string, bool)) {
	return strings.Join(words, " or "), func(s string) (string, bool) { return s, slices.Contains(words, s) }
}

// nameList accepts a comma-separated list of zone names, each once, and sorts it.
func nameList() (form string, canonical func(string) (string, bool)) {
	return "zone names separated by commas", func(s string) (string, bool) {
		var names []string
		for name := range strings.SplitSeq(s, ",") {
			name = strings.TrimSpace(name)
			if !zoneName(name) || slices.Contains(names, name) {
				return "", false
			}
			names = append(names, name)
		}
		slices.Sort(names)
		return strings.Join(names, ","), true
	}
}

// zoneName tells whether a zone may be called so: lower-case letters, digits and dashes, at most 63.
func zoneName(s string) bool {
	other := strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
	return s != "" && len(s) <= 63 && !other
}

func define(key, fallback, doc string) func(form string, canonical func(string) (string, bool)) SettingDef {
	return func(form string, canonical func(string) (string, bool)) SettingDef {
		return SettingDef{Key: key, Default: fallback, Doc: doc, Form: form, canonical: canonical}
	}
}

// since marks a setting that came with a format level after the first.
func since(level int, d SettingDef) SettingDef {
	d.Since = level
	return d
}

// settingDefs is the schema, in the order of keys.
var settingDefs = []SettingDef{
	define(SettingReadBurst, "0", "Reading API calls that an idle account may send to a node at once. 0: as the node's limits.api_burst says.")(wholeNumber(0, 2_000_000)),
	define(SettingReadRate, "0", "Reading API calls a second that a node answers an account. 0: as the node's limits.api_rps says.")(wholeNumber(0, 1_000_000)),
	define(SettingWriteBurst, "0", "Changing API calls that an idle account may send to a node at once. 0: as the node's limits.api_burst says.")(wholeNumber(0, 2_000_000)),
	define(SettingWriteRate, "0", "Changing API calls a second that a node answers an account. 0: half of the node's limits.api_rps.")(wholeNumber(0, 1_000_000)),
	since(2, define(SettingReserve, "0", "Percent of each node's processors and memory that guests never get. A node's own compute.reserve_cpu and compute.reserve_memory hold where they keep more. What runs goes on.")(wholeNumber(0, 90))),
	define(SettingVolumeType, "gp2", "Type of a new volume whose request and image name none. AWS has gp2.")(oneWord("gp2", "gp3")),
	define(SettingIMDSTokens, "optional", "Whether new instances demand IMDSv2 tokens when neither launch nor image says so.")(oneWord("optional", "required")),
	define(SettingTerminatedVisible, "1h0m0s", "How long a terminated instance is still described. AWS says about an hour.")(span(time.Minute, 7*24*time.Hour)),
	since(2, define(SettingMTU, "1500", "MTU that guests are given with their interface, from their next start on.")(wholeNumber(1280, 1500))),
	define(SettingAccessKeys, "2", "Access keys that a user may have.")(wholeNumber(1, 100)),
	define(SettingKeyPairs, "5000", "Key pairs that an account may have. 0: any number.")(wholeNumber(0, 1_000_000)),
	define(SettingStorage, "51200", "GiB of volumes that an account may have. 0: any size.")(wholeNumber(0, 1<<30)),
	define(SettingVCPUs, "", "vCPUs that an account's running instances may have. 0: any number.")(wholeNumber(0, 1_000_000)),
	define(SettingZones, "", "The availability zones that the region lists. A zone that nodes or subnets are in cannot be left out.")(nameList()),
}

// SettingDefs lists the schema of every setting in the order of keys.
func SettingDefs() []SettingDef { return slices.Clone(settingDefs) }

// FindSetting is the schema of one setting.
func FindSetting(key string) (SettingDef, bool) {
	at := slices.IndexFunc(settingDefs, func(d SettingDef) bool { return d.Key == key })
	if at < 0 {
		return SettingDef{}, false
	}
	return settingDefs[at], true
}

// SettingDefault is the value of a setting that nobody changed.
func (v *View) SettingDefault(d SettingDef) string {
	switch d.Key {
	case SettingVCPUs:
		r, _ := v.Region()
		return strconv.Itoa(max(r.MaxVCPUs, 0))
	case SettingZones:
		r, _ := v.Region()
		return zoneNames(r.Zones)
	}
	return d.Default
}

// SettingValue is the value of a setting as it takes effect; empty for a key that there is not.
func (v *View) SettingValue(key string) string {
	if s, ok := Settings.Get(v, AnyAccount, key); ok {
		return s.Value
	}
	d, ok := FindSetting(key)
	if !ok {
		return ""
	}
	return v.SettingDefault(d)
}

// SettingInt is the value of a setting that is a whole number.
func (v *View) SettingInt(key string) int {
	n, _ := strconv.Atoi(v.SettingValue(key)) // canonical: Apply checked it
	return n
}

// SettingSpan is the value of a setting that is a duration.
func (v *View) SettingSpan(key string) Time {
	d, _ := time.ParseDuration(v.SettingValue(key)) // canonical: Apply checked it
	return Time(d)
}

func zoneNames(zones []Zone) string {
	names := make([]string, len(zones))
	for i, z := range zones {
		names[i] = z.Name
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// directions are AWS's abbreviations in zone ids.
var directions = map[string]string{"north": "n", "south": "s", "east": "e", "west": "w", "central": "c", "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw"}

// ZoneID is a zone's id in AWS's form: ap-southeast-2a -> apse2-az1. A region whose name has another form keeps it.
func ZoneID(region, zone string) string {
	number := 1
	if letter := strings.TrimPrefix(zone, region); len(letter) == 1 && letter[0] >= 'a' && letter[0] <= 'z' {
		number = int(letter[0]-'a') + 1
	}
	short := region
	if parts := strings.Split(region, "-"); len(parts) == 3 && directions[parts[1]] != "" {
		if _, err := strconv.ParseUint(parts[2], 10, 32); err == nil {
			short = parts[0] + directions[parts[1]] + parts[2]
		}
	}
	return fmt.Sprintf("%s-az%d", short, number)
}
