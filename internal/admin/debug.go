// SPDX-License-Identifier: Apache-2.0

package admin

// The parts of RouteDebug.
const (
	DebugGoroutines = "goroutines" // what every goroutine does
	DebugLog        = "log"        // the agent's newest log lines
	DebugMetrics    = "metrics"    // in Prometheus's text format
	DebugState      = "state"      // how many rows each table has, as JSON; never what is in them
)

// DebugParts lists them.
func DebugParts() []string {
	return []string{DebugGoroutines, DebugLog, DebugMetrics, DebugState}
}
