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
	"regexp"
	"strings"
)

// record is what matters here of a record in CloudTrail's form.
type record struct {
	RequestID, EventName, ErrorCode string
}

// records are those of the node, by request.
func (r *region) records() (map[string][]record, error) {
	records := map[string][]record{}
	files, err := filepath.Glob(filepath.Join(r.node.dir, "audit", "*"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		err := eachLine(name, func(line []byte) {
			var one record
			if json.Unmarshal(line, &one) == nil && one.RequestID != "" {
				records[one.RequestID] = append(records[one.RequestID], one)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return records, nil
}

func eachLine(name string, see func(line []byte)) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		see(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// answeredLine is what an agent logs about a call whose action it knows.
var answeredLine = regexp.MustCompile(`apigw: answered: .*\baction=(\S+) .*\brequest_id=(\S+)`)

// audited checks, when all tests have run, that each call that was answered has one record in the audit log: those that botocore
// made, with their name and outcome, and by the agent's own log those of the AWS CLI, of Terraform and of the SDK for Go; reads and changes,
// allowed and refused, across every agent that was killed meanwhile.
func (r *region) audited() error {
	records, err := r.records()
	if err != nil {
		return err
	}
	logged := 0
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
	err = eachLine(filepath.Join(r.node.dir, "agent.log"), func(line []byte) {
		if found := answeredLine.FindSubmatch(line); found != nil {
			logged++
			if got := records[string(found[2])]; len(got) != 1 {
				wrong = append(wrong, fmt.Sprintf("%s %s: %+v", found[1], found[2], got))
			}
		}
	})
	if err != nil {
		return err
	}
	if logged < len(r.driver.calls)-refusals {
		wrong = append(wrong, fmt.Sprintf("the agent's log tells of %d answers only", logged))
	}
	fmt.Printf("audit: %d calls by botocore, %d of them refused; %d answers to all clients; %d requests have records\n", len(r.driver.calls), refusals, logged, len(records))
	if len(wrong) > 0 {
		return fmt.Errorf("%d of %d answers are not in the audit log as they were:\n%s", len(wrong), logged, strings.Join(wrong[:min(len(wrong), 20)], "\n"))
	}
	return nil
}
