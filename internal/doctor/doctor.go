// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hivecloud/hive/internal/config"
)

// Verdict is the outcome of a check.
type Verdict string

// The verdicts. Skip means the user asked for it, or that the check is about guests and the node only simulates them.
const (
	OK   Verdict = "ok"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
	Skip Verdict = "skip"
)

// Result is what one check found.
type Result struct {
	ID      string  `json:"id"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	Fix     string  `json:"fix,omitempty"` // one thing to do; empty when all is well
}

// check is one row of the table.
type check struct {
	id  string
	run func(context.Context, *config.Config, Machine) Result
}

// checks lists every check in the order it is printed.
var checks = []check{
	{"simulation", checkSimulation},
	{"accelerator", checkAccelerator},
	{"qemu", checkQEMU},
	{"qemu-img", checkQEMUImg},
	{"ovmf", checkOVMF},
	{"swtpm", checkSwtpm},
	{"qemu-user", checkQEMUUser},
	{"tun", checkTun},
	{"cgroup", checkCgroup},
	{"cpu-reserve", checkCPU},
	{"memory-reserve", checkMemory},
	{"overcommit", checkOvercommit},
	{"open-files", checkOpenFiles},
	{"data-dir", checkDataDir},
	{"data-parents", checkParents},
	{"cluster-key", checkClusterKey},
	{"raft-log", checkLog},
	{"file-system", checkFileSystem},
	{"disk-data", checkDiskData},
	{"disk-volumes", checkDiskVolumes},
	{"flush-latency", checkFlush},
	{"port-api", portCheck(func(c *config.Config) config.HostPort { return c.Listen.API }, "listen.api")},
	{"port-cluster", portCheck(func(c *config.Config) config.HostPort { return c.Listen.Cluster }, "listen.cluster")},
	{"port-gossip", portCheck(func(c *config.Config) config.HostPort { return c.Listen.Gossip }, "listen.gossip")},
	{"port-metrics", portCheck(func(c *config.Config) config.HostPort { return c.Listen.Metrics }, "listen.metrics")},
	{"public-pool", checkPublicPool},
	{"search", checkSearch},
	{"mtu", checkMTU},
	{"hostname", checkHostname},
	{"clock", checkClock},
	{"certificates", checkCertificates},
	{"leftovers", checkLeftovers},
	{"unit", checkUnit},
	{"aws-cli", checkAWSCLI},
	{"ssh", checkSSH},
}

// IDs lists the checks, for --skip.
func IDs() []string {
	out := make([]string, len(checks))
	for i, c := range checks {
		out[i] = c.id
	}
	return out
}

// checkTimeout bounds one check: a hung file system or a QEMU that does not
// start is a finding, not a reason to wait.
const checkTimeout = 30 * time.Second

// Run makes every check of IDs that skip does not name, and returns the results
// in the order of IDs.
func Run(ctx context.Context, cfg *config.Config, m Machine, skip []string) []Result {
	results, simulated := make([]Result, len(checks)), simulates(cfg, m)
	var wg sync.WaitGroup
	for i, c := range checks {
		if slices.Contains(skip, c.id) {
			results[i] = Result{ID: c.id, Verdict: Skip, Found: "skipped"}
			continue
		}
		if simulated && slices.Contains(aboutGuests, c.id) {
			results[i] = Result{ID: c.id, Verdict: Skip, Found: "not needed: the guests of this node are simulated"}
			continue
		}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			results[i] = c.run(ctx, cfg, m)
			results[i].ID = c.id
		})
	}
	wg.Wait()
	return results
}

// Worst is the gravest verdict of the results.
func Worst(results []Result) Verdict {
	worst := OK
	for _, r := range results {
		switch {
		case r.Verdict == Fail:
			return Fail
		case r.Verdict == Warn:
			worst = Warn
		}
	}
	return worst
}

func ok(format string, args ...any) Result {
	return Result{Verdict: OK, Found: fmt.Sprintf(format, args...)}
}

func warn(fix, format string, args ...any) Result {
	return Result{Verdict: Warn, Found: fmt.Sprintf(format, args...), Fix: fix}
}

func fail(fix, format string, args ...any) Result {
	return Result{Verdict: Fail, Found: fmt.Sprintf(format, args...), Fix: fix}
}
