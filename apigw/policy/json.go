// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/json"
	"strings"
)

// Position is a place in a document's text; both count from one.
type Position struct{ Line, Column int }

// shape is what a JSON value is.
type shape int

const (
	shapeNull shape = iota
	shapeText
	shapeNumber
	shapeBool
	shapeArray
	shapeObject
)

// node is a JSON value that remembers where it stood: encoding/json alone forgets places and double members, and a
// document in which a member stands twice would mean different things to different readers.
type node struct {
	shape      shape
	text       string // of texts, numbers and booleans
	items      []node
	members    []member
	start, end int // byte offsets
}

type member struct {
	name  string
	value node
}

// maxDepth bounds nesting; a document needs five levels.
const maxDepth = 16

// reader turns text into nodes.
type reader struct {
	text string
	dec  *json.Decoder
}

// readJSON returns the value that is all of text; false when it is not one JSON value, too deep, or names a member twice.
func readJSON(text string) (node, bool) {
	if !json.Valid([]byte(text)) {
		return node{}, false
	}
	r := &reader{text: text, dec: json.NewDecoder(strings.NewReader(text))}
	r.dec.UseNumber()
	return r.value(0)
}

func (r *reader) value(depth int) (node, bool) {
	start := int(r.dec.InputOffset())
	for start < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[start]) >= 0 {
		start++
	}
	token, err := r.dec.Token()
	if err != nil || depth > maxDepth {
		return node{}, false
	}
	n := node{start: start}
	ok := true
	switch t := token.(type) {
	case string:
		n.shape, n.text = shapeText, t
	case json.Number:
		n.shape, n.text = shapeNumber, t.String()
	case bool:
		n.shape, n.text = shapeBool, "false"
		if t {
			n.text = "true"
		}
	case json.Delim:
		ok = r.nested(&n, t, depth+1)
	}
	n.end = int(r.dec.InputOffset())
	return n, ok
}

// nested reads an array or object up to its closing bracket.
func (r *reader) nested(n *node, open json.Delim, depth int) bool {
	n.shape = shapeArray
	if open == '{' {
		n.shape = shapeObject
	}
	seen := map[string]bool{}
	for r.dec.More() {
		name := ""
		if n.shape == shapeObject {
			token, err := r.dec.Token()
			key, isText := token.(string)
			if err != nil || !isText || seen[key] {
				return false
			}
			seen[key], name = true, key
		}
		v, ok := r.value(depth)
		if !ok {
			return false
		}
		if n.shape == shapeObject {
			n.members = append(n.members, member{name: name, value: v})
			continue
		}
		n.items = append(n.items, v)
	}
	_, err := r.dec.Token()
	return err == nil
}

// texts reads a text or a list of texts.
func (n node) texts() ([]string, bool) { return n.scalars(false) }

// scalars reads one value or a list of them; conditions take numbers and booleans for texts.
func (n node) scalars(loose bool) ([]string, bool) {
	items := []node{n}
	if n.shape == shapeArray {
		items = n.items
	}
	out := make([]string, 0, len(items))
	for _, i := range items {
		if i.shape != shapeText && (!loose || i.shape != shapeNumber && i.shape != shapeBool) {
			return nil, false
		}
		out = append(out, i.text)
	}
	return out, true
}

// position counts lines and columns up to a byte offset.
func position(text string, offset int) Position {
	before := text[:offset]
	return Position{Line: strings.Count(before, "\n") + 1, Column: len(before) - strings.LastIndexByte(before, '\n')}
}
