// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"reflect"
	"strings"
)

// Name is how one field of a Go type is called on the wire.
type Name struct {
	Field string // Go field
	Wire  string // parameter or element name
	Item  string // for lists and maps: the name of an item; "-" when items follow the name directly ("Filter.1")
}

// Table holds the wire names of one service's types. Types are keyed "types.Filter" or, in the service's own package,
// "RunInstancesInput".
type Table struct {
	requests  map[string][]Name
	responses map[string][]Name
	results   map[string]bool // awsQuery actions whose answer has an XResult element
}

// ParseTable reads the generated form: "result ACTION", "request TYPE" and "response TYPE" lines; a tab and
// "FIELD WIRE [ITEM]" for each field of the type above; '#' starts a comment line.
func ParseTable(text string) (*Table, error) {
	t := &Table{requests: map[string][]Name{}, responses: map[string][]Name{}, results: map[string]bool{}}
	var section map[string][]Name
	var typ string
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Fields(line)
		switch {
		case line[0] == '\t' && section != nil && (len(f) == 2 || len(f) == 3):
			name := Name{Field: f[0], Wire: f[1]}
			if len(f) == 3 {
				name.Item = f[2]
			}
			section[typ] = append(section[typ], name)
		case len(f) == 2 && f[0] == "result":
			t.results[f[1]] = true
		case len(f) == 2 && f[0] == "request":
			section, typ = t.requests, f[1]
			section[typ] = []Name{}
		case len(f) == 2 && f[0] == "response":
			section, typ = t.responses, f[1]
			section[typ] = []Name{}
		default:
			return nil, fmt.Errorf("parse wire names: line %d: unexpected %q", n, line)
		}
	}
	return t, nil
}

// typeKey is the Table's name of a Go type.
func typeKey(t reflect.Type) string {
	if strings.HasSuffix(t.PkgPath(), "/types") {
		return "types." + t.Name()
	}
	return t.Name()
}
