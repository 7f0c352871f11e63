// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"os"
	"strings"
	"testing"
)

// The reference page names every metric with its namespace and dimension.
func TestReference_NamesEveryMetric(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/reference/cloudwatch.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for _, n := range namespaces {
		_, rows, ok := strings.Cut(page, "\n| "+n.name+" | "+n.dimension+" |")
		if !ok {
			t.Errorf("no rows of %s by %s", n.name, n.dimension)
		}
		rows, _, _ = strings.Cut(rows+"\n\n", "\n\n")
		if next := strings.Index(rows, "\n| AWS/"); next >= 0 {
			rows = rows[:next]
		}
		for _, m := range n.metrics {
			if !strings.Contains(rows, "`"+m.name+"`") {
				t.Errorf("%s: no %s", n.name, m.name)
			}
		}
	}
}
