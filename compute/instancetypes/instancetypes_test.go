// SPDX-License-Identifier: Apache-2.0

package instancetypes

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/aws.txt
var awsTypes string

// TestCatalogue_EqualsAWS compares each type with an extract of EC2's own answer, in both directions.
func TestCatalogue_EqualsAWS(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSpace(awsTypes), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		seen[name] = true
		got, ok := Lookup(name)
		if !ok {
			t.Errorf("%s: not in the catalogue", name)
			continue
		}
		text := fmt.Sprint(got.Name, " ", got.VCPUs, got.Cores, got.ThreadsPerCore, got.MemoryMiB, got.Network.MaxENIs, got.Network.IPv4PerENI,
			got.Network.IPv6PerENI, got.EBS.BaselineMbps, got.EBS.MaxMbps, got.CurrentGeneration, got.Burstable)
		if text != line {
			t.Errorf("got %s\nAWS %s", text, line)
		}
	}
	for _, typ := range All() {
		if !seen[typ.Name] {
			t.Errorf("%s: AWS does not have it", typ.Name)
		}
	}
}

func TestCatalogue_Consistent(t *testing.T) {
	t.Parallel()
	all := All()
	if !slices.IsSortedFunc(all, byName) {
		t.Error("All is not sorted by name")
	}
	for _, typ := range all {
		if typ.MemoryMiB <= 0 || typ.Network.Performance == "" || typ.ClockGHz <= 0 || typ.Network.PeakGbps < typ.Network.BaselineGbps {
			t.Errorf("%s: incomplete: %+v", typ.Name, typ)
		}
		if len(typ.ValidCores) > 0 && !slices.Contains(typ.ValidCores, typ.Cores) {
			t.Errorf("%s: default of %d cores is not among %v", typ.Name, typ.Cores, typ.ValidCores)
		}
		if (typ.EBS.Optimized == "default") != (typ.EBS.BaselineIOPS > 0) || typ.EBS.MaxIOPS < typ.EBS.BaselineIOPS {
			t.Errorf("%s: EBS numbers %+v", typ.Name, typ.EBS)
		}
		if typ.Burstable != (typ.BaselinePercent > 0) || typ.Burstable != (typ.DefaultCPUCredits != "") {
			t.Errorf("%s: burstable %v with baseline %v, credits %q", typ.Name, typ.Burstable, typ.BaselinePercent, typ.DefaultCPUCredits)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "t3", "t3.", "t3.micro ", "T3.micro", "m9x.large", "t3.metal"} {
		if got, ok := Lookup(name); ok {
			t.Errorf("Lookup(%q) = %s, want nothing", name, got.Name)
		}
	}
	got, ok := Lookup("c5.24xlarge")
	if !ok || got.MemoryMiB != 196608 || got.ClockGHz != 3.6 || len(got.ValidCores) != 24 || got.ValidCores[23] != 48 {
		t.Errorf("c5.24xlarge = %+v, %v", got, ok)
	}
}

// TestCreditsPerHour has the numbers of AWS's table of burstable instances.
func TestCreditsPerHour(t *testing.T) {
	t.Parallel()
	want := map[string]float64{"t2.nano": 3, "t2.micro": 6, "t2.small": 12, "t2.medium": 24, "t2.large": 36, "t2.xlarge": 54, "t2.2xlarge": 81.6,
		"t3.nano": 6, "t3.micro": 12, "t3a.small": 24, "t3.medium": 24, "t4g.large": 36, "t3.xlarge": 96, "t3.2xlarge": 192, "m5.large": 0}
	for name, credits := range want {
		typ, _ := Lookup(name)
		if got := typ.CreditsPerHour(); got < credits-0.001 || got > credits+0.001 {
			t.Errorf("%s earns %v credits an hour, want %v", name, got, credits)
		}
	}
}

func TestParseSizes_RefusesFaults(t *testing.T) {
	t.Parallel()
	good := "t3\tnano\t2\t1\t1\t2\t2\tUp to 5 Gigabit\t0.032\t5\t43\t250\t2085\t11800\t2.5"
	if _, err := parseSizes(good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"missing column": strings.TrimSuffix(good, "\t2.5"), "unknown family": strings.Replace(good, "t3", "x9", 1),
		"no number": strings.Replace(good, "250", "2s0", 1), "cores do not divide": strings.Replace(good, "2\t1\t1", "3\t2\t1", 1),
		"bad run": strings.Replace(good, "2\t1\t1\t", "2\t1\t1-x\t", 1),
	} {
		if _, err := parseSizes(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	r := row{cols: []string{"1-4,8-16/4,48", "-", "2"}}
	got := [][]int{r.runs(0), r.runs(1), r.runs(2)}
	if diff := cmp.Diff([][]int{{1, 2, 3, 4, 8, 12, 16, 48}, nil, {2}}, got); diff != "" || r.err != nil {
		t.Error(diff, r.err)
	}
}
