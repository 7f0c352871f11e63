// SPDX-License-Identifier: Apache-2.0

package cloudtrail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Query asks for an account's records, the newest first.
type Query struct {
	Account    string
	From, To   time.Time // of the calls, inclusive
	Key, Value string    // of the lookup attribute; an empty Key wants all
	Before     string    // only records with smaller ids; empty: all
	Limit      int
}

// Scan reads a log from its end on; (*auditlog.Log).Scan is one.
type Scan func(from, to time.Time, see func(record []byte) bool) error

// Find selects records of one node, the newest first. A line that is no record is left out.
func Find(scan Scan, q Query) ([][]byte, error) {
	var out [][]byte
	account := []byte(`"recipientAccountId":` + strconv.Quote(q.Account))
	err := scan(q.From, q.To, func(line []byte) bool {
		if !bytes.Contains(line, account) { // most of a node's records are of others: they are not worth decoding
			return true
		}
		var r Record
		if json.Unmarshal(line, &r) == nil && q.wants(&r) {
			out = append(out, line)
		}
		return len(out) < q.Limit
	})
	if err != nil {
		return nil, fmt.Errorf("find records: %w", err)
	}
	return out, nil
}

// wants reports whether the query is about a record.
func (q *Query) wants(r *Record) bool {
	t := r.when()
	if r.RecipientAccountID != q.Account || q.Before != "" && r.EventID >= q.Before || t.Before(q.From.Truncate(time.Second)) || t.After(q.To) {
		return false
	}
	switch q.Key {
	case "":
		return true
	case "EventId":
		return r.EventID == q.Value
	case "EventName":
		return r.EventName == q.Value
	case "EventSource":
		return r.EventSource == q.Value
	case "ReadOnly":
		return strconv.FormatBool(r.ReadOnly) == q.Value
	case "Username":
		return r.username() == q.Value
	case "AccessKeyId":
		return r.UserIdentity.AccessKeyID == q.Value
	case "ResourceType":
		return slices.ContainsFunc(r.Resources, func(x Resource) bool { return x.Type == q.Value })
	case "ResourceName":
		return slices.ContainsFunc(r.Resources, func(x Resource) bool { return x.ARN == q.Value || nameOf(x.ARN) == q.Value })
	}
	return false
}

// username is the name that LookupEvents tells of the caller.
func (r *Record) username() string {
	u := r.UserIdentity
	switch {
	case u.Type == "Root":
		return "root"
	case u.UserName != "":
		return u.UserName
	}
	return nameOf(u.ARN) // the session's name
}

// Merge joins what nodes found: the newest limit records.
func Merge(limit int, found ...[][]byte) [][]byte {
	type keyed struct {
		id   string
		line []byte
	}
	var all []keyed
	for _, lines := range found {
		for _, line := range lines {
			var r struct {
				EventID string `json:"eventID"`
			}
			if json.Unmarshal(line, &r) == nil {
				all = append(all, keyed{r.EventID, line})
			}
		}
	}
	slices.SortFunc(all, func(a, b keyed) int { return bytes.Compare([]byte(b.id), []byte(a.id)) })
	out := make([][]byte, 0, min(limit, len(all)))
	for _, k := range all[:min(limit, len(all))] {
		out = append(out, k.line)
	}
	return out
}
