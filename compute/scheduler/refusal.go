// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
)

// namedNodes is how many nodes a refusal names for each cause; of more it gives the number.
const namedNodes = 4

// refusal says why an instance fits nowhere: the names of the nodes by cause.
type refusal struct {
	request *request
	nodes   map[string][]string
}

// error is EC2's InsufficientInstanceCapacity with the causes in text order. fit instances of the launch would have had a
// place, where least were wanted.
func (r *refusal) error(fit, least int) *command.Error {
	var causes []string
	for _, cause := range slices.Sorted(maps.Keys(r.nodes)) {
		causes = append(causes, fmt.Sprintf("%d %s (%s)", len(r.nodes[cause]), cause, list(r.nodes[cause])))
	}
	detail := "the region has no nodes"
	if len(causes) > 0 {
		detail = "nodes: " + strings.Join(causes, ", ")
	}
	if fit > 0 {
		detail = fmt.Sprintf("there is room for %d of at least %d; for the next, %s", fit, least, detail)
	}
	return command.Errorf("InsufficientInstanceCapacity",
		"We currently do not have sufficient %s capacity in the Availability Zone you requested (%s); %s.", r.request.typeName, r.request.zone, detail)
}

// list names the first few.
func list(names []string) string {
	if len(names) <= namedNodes {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:namedNodes], ", "), len(names)-namedNodes)
}
