// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/hivecloud/hive/internal/admin"
)

// progress shows how far a transfer is: a line that is rewritten on a terminal,
// a line for every tenth elsewhere. Its methods are called from one goroutine.
type progress struct {
	a     *app
	phase string
	tenth int64
}

// show reports done of total bytes of a phase; total may be 0 when unknown.
func (p *progress) show(phase string, done, total int64) {
	if p.a.quiet {
		return
	}
	tenth := int64(-1)
	if total > 0 {
		tenth = done * 10 / total
	}
	text := fmt.Sprintf("%s %s", phase, size(done))
	if total > 0 {
		text = fmt.Sprintf("%s %3d%% of %s", phase, done*100/total, size(total))
	}
	switch {
	case isTerminal(p.a.stderr):
		fmt.Fprintf(p.a.stderr, "\r\x1b[K%s", text)
	case phase != p.phase || tenth > p.tenth:
		fmt.Fprintln(p.a.stderr, text)
	}
	p.phase, p.tenth = phase, tenth
}

// end leaves the last state on the terminal.
func (p *progress) end() {
	if !p.a.quiet && p.phase != "" && isTerminal(p.a.stderr) {
		fmt.Fprintln(p.a.stderr)
	}
}

// size prints bytes as people read them.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	x, i := float64(n), 0
	for x >= 1024 && i < len(units)-1 {
		x, i = x/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", x, units[i])
}

// importProgress shows the progress of an import as the agent reports it.
func importProgress(p *progress) func(admin.ImportEvent) {
	return func(e admin.ImportEvent) { p.show(e.Phase, e.Done, e.Total) }
}
