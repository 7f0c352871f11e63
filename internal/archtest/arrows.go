// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"slices"
	"strings"
)

// module is the import path of this module.
const module = "github.com/hivecloud/hive/"

// allowed says which directories of the module the code of a room may import.
// The longest matching room counts. Arrows point down this list: a room never
// appears beside one that stands above it.
var allowed = map[string][]string{
	"cmd/hive":            {"internal", "blockstore", "compute", "objectstore", "netctl", "raftnode", "fsm/snapshot"},
	"internal/agent":      {"internal", "apigw", "compute", "blockstore", "objectstore", "netctl", "gossip", "raftnode", "fsm"},
	"internal/doctor":     {"internal", "compute/accel", "raftnode"},
	"internal/tenant":     {"internal", "fsm/command", "fsm/state"},
	"internal/quickstart": {},
	"internal":            {"internal"},
	"apigw":               {"apigw", "internal", "raftnode", "fsm", "compute/instancetypes"},
	"compute":             {"compute", "internal", "raftnode", "fsm"},
	// A guard hands its disks' sockets to the block daemon: it is a client of that process's control protocol.
	"compute/guard": {"compute", "internal", "blockstore"},
	"blockstore":    {"blockstore", "internal"},
	"objectstore":   {"objectstore", "internal", "raftnode"},
	"netctl":        {"netctl", "internal", "fsm/state"},
	"gossip":        {"gossip", "internal"},
	"raftnode":      {"raftnode", "internal", "fsm"},
	"fsm":           {"fsm"},
	"console":       {},
}

// awsFree are the engines: they know no AWS names, apigw translates.
var awsFree = []string{"blockstore", "objectstore", "netctl", "compute/qemu", "compute/qmp", "compute/guard"}

// costly maps import paths to the one place that may import them. The SDK's EC2
// client alone takes a minute and three gigabytes to compile.
var costly = map[string]string{"github.com/aws/aws-sdk-go-v2/service/ec2": "apigw/ec2"}

// tools are packages that are run by go generate or hold test worlds; they may
// import what they serve.
var tools = []string{"internal/archtest", "internal/testcluster", "internal/e2e"}

func within(dir, room string) bool { return dir == room || strings.HasPrefix(dir, room+"/") }

// room is the entry of allowed that dir belongs to.
func room(dir string) (string, bool) {
	best := ""
	for r := range allowed {
		if within(dir, r) && len(r) > len(best) {
			best = r
		}
	}
	return best, best != ""
}

// CheckImports judges every import of a file.
func CheckImports(s *Source) []Finding {
	var out []Finding
	for _, spec := range s.file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		for dear, home := range costly {
			if within(path, dear) && !within(s.Dir(), home) {
				out = append(out, s.finding(spec, "imports %s, which only %s may", path, home))
			}
		}
		if strings.HasPrefix(path, "github.com/aws/") && slices.ContainsFunc(awsFree, func(r string) bool { return within(s.Dir(), r) }) {
			out = append(out, s.finding(spec, "imports %s: engines know no AWS names", path))
		}
		if target, ok := strings.CutPrefix(path, module); ok && !s.Test() {
			out = append(out, checkArrow(s, target)...)
		}
	}
	return out
}

func checkArrow(s *Source, target string) []Finding {
	dir := s.Dir()
	if slices.ContainsFunc(tools, func(t string) bool { return within(dir, t) }) {
		return nil
	}
	r, ok := room(dir)
	if !ok {
		return []Finding{{s.Path, dir + " is in no room; add it to the table in internal/archtest/arrows.go with its arrows"}}
	}
	if slices.ContainsFunc(allowed[r], func(a string) bool { return within(target, a) }) {
		return nil
	}
	return []Finding{{s.Path, r + " may not import " + target}}
}
