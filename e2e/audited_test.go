// SPDX-License-Identifier: Apache-2.0

//go:build e2e || bench

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// audited checks, when all tests have run, that each call which botocore made for any of them has one record in the audit log with
// its name and its outcome: reads and changes, allowed and refused, across every agent that was killed meanwhile.
func (r *region) audited() error {
	type record struct {
		RequestID, EventName, ErrorCode string
	}
	records := map[string][]record{}
	files, err := filepath.Glob(filepath.Join(r.node.dir, "audit", "*"))
	if err != nil {
		return err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			var one record
			if json.Unmarshal(lines.Bytes(), &one) == nil && one.RequestID != "" {
				records[one.RequestID] = append(records[one.RequestID], one)
			}
		}
		if err := lines.Err(); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	var wrong []string
	refusals := 0
	for _, c := range r.driver.calls {
		got := records[c.requestID]
		if c.code != "" {
			refusals++
		}
		if len(got) != 1 || got[0].EventName != c.operation || (got[0].ErrorCode == "") != (c.code == "") || !strings.HasSuffix(got[0].ErrorCode, c.code) {
			wrong = append(wrong, fmt.Sprintf("%s %s %s (%q): %+v", c.service, c.operation, c.requestID, c.code, got))
		}
	}
	fmt.Printf("audit: %d calls by botocore, %d of them refused; %d requests have records\n", len(r.driver.calls), refusals, len(records))
	if len(wrong) > 0 {
		return fmt.Errorf("%d of %d calls are not in the audit log as they were:\n%s", len(wrong), len(r.driver.calls), strings.Join(wrong[:min(len(wrong), 20)], "\n"))
	}
	return nil
}
