// SPDX-License-Identifier: Apache-2.0

package managed

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the documents
	"encoding/base32"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/hivecloud/hive/apigw/policy"
)

//go:embed policies.jsonl
var data string

// Policy is one managed policy.
type Policy struct {
	Name     string
	ARN      string // "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
	ID       string // ANPA...
	Path     string // "/", "/job-function/"
	Version  string // AWS's newest: "v188"
	Created  time.Time
	Updated  time.Time        // when the version was made
	Document string           // as text, compact
	Compiled *policy.Document // the same, compiled
}

const prefix = "arn:aws:iam::aws:policy"

// library is all policies, in the order of their names.
type library struct {
	all   []Policy
	byARN map[string]*Policy
}

var load = sync.OnceValue(func() *library {
	l := &library{byARN: map[string]*Policy{}}
	for line := range strings.Lines(data) {
		var row struct {
			Name, ARN, Version string
			Created, Updated   time.Time
			Document           json.RawMessage
		}
		if json.Unmarshal([]byte(line), &row) != nil {
			continue // a test reads every line
		}
		var compact bytes.Buffer
		if json.Compact(&compact, row.Document) != nil {
			continue
		}
		p := Policy{Name: row.Name, ARN: row.ARN, Version: row.Version, Created: row.Created, Updated: row.Updated, ID: id(row.ARN), Document: compact.String()}
		p.Path = strings.TrimSuffix(strings.TrimPrefix(p.ARN, prefix), p.Name)
		p.Compiled, _ = policy.Parse(policy.Identity, p.Document) // a test parses every document
		l.all = append(l.all, p)
	}
	for i := range l.all {
		l.byARN[l.all[i].ARN] = &l.all[i]
	}
	return l
})

// id makes an id of AWS's form from an ARN.
func id(arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

// Lookup finds a policy by its ARN.
func Lookup(arn string) (Policy, bool) {
	p, ok := load().byARN[arn]
	if !ok {
		return Policy{}, false
	}
	return *p, true
}

// All lists the policies by name.
func All() []Policy {
	return append([]Policy(nil), load().all...)
}
