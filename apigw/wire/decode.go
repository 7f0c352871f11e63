// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hivecloud/hive/apigw/awserr"
)

// MaxItems is the highest index that a list in a request may have.
const MaxItems = 10_000

// Param is one parameter that took effect: it was sent with a value.
type Param struct {
	Name  string // as sent: "BlockDeviceMapping.1.Ebs.VolumeSize"
	Path  string // Go fields: "BlockDeviceMappings.Ebs.VolumeSize"; a map's key is not part of it
	Value string
}

// Decode fills in, a pointer to an input struct of this service, from a form without Action and Version.
// It returns the parameters that took effect; every error is an *awserr.Error unless in has no plan.
func (c *Codec) Decode(form Form, in any) ([]Param, error) {
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("decode form: %T is not a pointer to a struct", in)
	}
	plan, err := c.inputPlan(v.Elem().Type())
	if err != nil {
		return nil, err
	}
	d := decoder{codec: c, seen: make(map[string]struct{}, len(form)), params: make([]Param, 0, len(form))}
	root := node{value: &valuePlan{shape: structure, fields: plan, typ: plan.typ}}
	for _, p := range form {
		if err := d.place(&root, p); err != nil {
			return nil, err
		}
	}
	if err := d.fill(&root, v.Elem(), ""); err != nil {
		return nil, err
	}
	return d.params, nil
}

// node is a value under construction. Parameters arrive in any order, so lists are gathered by index first.
type node struct {
	value  *valuePlan
	fields []child       // structure
	items  map[int]*node // list and dictionary, by index
	key    *string       // dictionary entry
	text   string        // scalar
	set    bool          // a parameter took effect here or below
}

type child struct {
	field *inputField
	node  *node
}

type decoder struct {
	codec  *Codec
	seen   map[string]struct{}
	params []Param
}

// place walks a parameter's name down from root and stores its value at the end.
func (d *decoder) place(root *node, p Pair) error {
	if _, dup := d.seen[p.Name]; dup {
		return duplicate(p.Name)
	}
	d.seen[p.Name] = struct{}{}
	var (
		n       = root
		visited [12]*node // no input nests deeper; see TestPlansAreShallow
		depth   = 0
		path    []byte
		rest    = p.Name
		more    = true
	)
	visited[0] = root
	for more {
		var err error
		if n, rest, more, path, err = d.step(n, rest, path, p.Name); err != nil {
			return err
		}
		if depth++; depth == len(visited) {
			return awserr.UnknownParameter(p.Name)
		}
		visited[depth] = n
	}
	set, err := d.store(n, p)
	if err != nil || !set {
		return err
	}
	for _, v := range visited[:depth+1] {
		v.set = true
	}
	d.params = append(d.params, Param{Name: p.Name, Path: string(path), Value: p.Value})
	return nil
}

// step goes one level down: a member of a structure, or the item of a list or dictionary (with its leading name).
// more is false when the name is used up.
func (d *decoder) step(n *node, rest string, path []byte, name string) (_ *node, _ string, more bool, _ []byte, _ error) {
	head, rest, more := strings.Cut(rest, ".")
	switch n.value.shape {
	case structure:
		f, ok := n.value.fields.byWire[head]
		if !ok || f.value.shape == unsupported {
			return nil, "", false, nil, awserr.UnknownParameter(name)
		}
		if len(path) > 0 {
			path = append(path, '.')
		}
		path = append(path, f.name...)
		return n.child(f), rest, more, path, nil
	case list, dictionary:
		if n.value.item != "" {
			if head != n.value.item || !more {
				return nil, "", false, nil, awserr.UnknownParameter(name)
			}
			head, rest, more = strings.Cut(rest, ".")
		}
		i, ok := index(head)
		if !ok {
			return nil, "", false, nil, awserr.UnknownParameter(name)
		}
		if i > MaxItems {
			return nil, "", false, nil, d.bad(name, "", fmt.Errorf("has a list index above %d", MaxItems))
		}
		item := n.item(i)
		if n.value.shape == list {
			return item, rest, more, path, nil
		}
		return d.entry(item, rest, more, path, name)
	}
	return nil, "", false, nil, awserr.UnknownParameter(name) // a scalar has nothing below it
}

// entry goes from a dictionary's entry to its key or value.
func (d *decoder) entry(item *node, rest string, more bool, path []byte, name string) (*node, string, bool, []byte, error) {
	if !more {
		return nil, "", false, nil, awserr.UnknownParameter(name)
	}
	head, rest, more := strings.Cut(rest, ".")
	switch {
	case head == "key" && !more:
		item.key = new(string)
		return &node{value: &keyPlan, fields: []child{{node: item}}}, "", false, path, nil
	case head == "value":
		return item, rest, more, path, nil
	}
	return nil, "", false, nil, awserr.UnknownParameter(name)
}

// keyPlan marks the node that stands for an entry's key; its one child is the entry.
var keyPlan = valuePlan{shape: scalar, keepEmpty: true}

// store puts the text of a parameter into its node. It reports whether the parameter took effect.
func (d *decoder) store(n *node, p Pair) (bool, error) {
	switch {
	case n.value == &keyPlan:
		*n.fields[0].node.key = p.Value
		return true, nil
	case n.value.shape == list && n.value.item != "" && p.Value == "":
		return true, nil // awsQuery's way to send an empty list
	case n.value.shape != scalar:
		return false, awserr.UnknownParameter(p.Name)
	case p.Value == "" && !d.keeps(n.value):
		return false, nil
	}
	// Parse now, so that the error can name the parameter; fill stores it.
	if p.Value != "" || !isBlob(n.value.typ) {
		probe := reflect.New(base(n.value.typ)).Elem()
		if err := n.value.parse(probe, p.Value); err != nil {
			return false, d.bad(p.Name, p.Value, err)
		}
	}
	n.text = p.Value
	return true, nil
}

// keeps reports whether an empty value of this type is a value.
func (d *decoder) keeps(v *valuePlan) bool {
	if v.keepEmpty {
		return true
	}
	return d.codec.spec.Protocol == AWSQuery && base(v.typ).Kind() == reflect.String
}

// fill writes a gathered node into dst. name is the wire name, for errors about a list's shape.
func (d *decoder) fill(n *node, dst reflect.Value, name string) error {
	if !n.set {
		return nil
	}
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	switch n.value.shape {
	case scalar:
		return n.value.parse(dst, n.text)
	case structure:
		for _, c := range n.fields {
			if c.field.hidden {
				continue
			}
			if err := d.fill(c.node, dst.Field(c.field.index), join(name, c.field.wire)); err != nil {
				return err
			}
		}
	case list:
		return d.fillList(n, dst, name)
	case dictionary:
		return d.fillMap(n, dst, name)
	}
	return nil
}

func (d *decoder) fillList(n *node, dst reflect.Value, name string) error {
	out := reflect.MakeSlice(dst.Type(), len(n.items), len(n.items))
	for i := range len(n.items) {
		item, ok := n.items[i+1]
		if !ok {
			return d.bad(join(name, fmt.Sprint(i+1)), "", fmt.Errorf("is missing: list indexes must count from 1 without gaps"))
		}
		if err := d.fill(item, out.Index(i), join(name, fmt.Sprint(i+1))); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

func (d *decoder) fillMap(n *node, dst reflect.Value, name string) error {
	out := reflect.MakeMapWithSize(dst.Type(), len(n.items))
	for i := range len(n.items) {
		item, ok := n.items[i+1]
		entry := join(name, n.value.item+"."+fmt.Sprint(i+1))
		if !ok || item.key == nil {
			return d.bad(entry, "", fmt.Errorf("has no key: map indexes must count from 1 without gaps"))
		}
		key := reflect.ValueOf(*item.key).Convert(dst.Type().Key())
		if out.MapIndex(key).IsValid() {
			return duplicate(entry + ".key")
		}
		value := reflect.New(dst.Type().Elem()).Elem()
		if err := d.fill(item, value, entry+".value"); err != nil {
			return err
		}
		out.SetMapIndex(key, value)
	}
	dst.Set(out)
	return nil
}

// bad refuses a value in the protocol's words. value is left out when empty.
func (d *decoder) bad(name, value string, reason error) *awserr.Error {
	code := "InvalidParameterValue"
	if d.codec.spec.Protocol == AWSQuery {
		code = "ValidationError"
	}
	if value == "" {
		return awserr.New(code, "Invalid value for parameter %s: it %s", name, reason)
	}
	if len(value) > 128 {
		value = value[:128] + "..."
	}
	return awserr.New(code, "Value (%s) for parameter %s is invalid: it %s", strings.ToValidUTF8(value, "\uFFFD"), name, reason)
}

func (n *node) child(f *inputField) *node {
	if i := slices.IndexFunc(n.fields, func(c child) bool { return c.field == f }); i >= 0 {
		return n.fields[i].node
	}
	c := &node{value: f.value}
	n.fields = append(n.fields, child{f, c})
	return c
}

func (n *node) item(i int) *node {
	if n.items == nil {
		n.items = map[int]*node{}
	}
	c, ok := n.items[i]
	if !ok {
		c = &node{value: n.value.elem}
		n.items[i] = c
	}
	return c
}

// index reads a list index: a decimal number from 1 without sign or leading zeros. Numbers of more than five digits
// come back as MaxItems+1, which the caller refuses.
func index(s string) (int, bool) {
	if s == "" || s[0] == '0' {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if i < 5 {
			n = n*10 + int(s[i]-'0')
		}
	}
	if len(s) > 5 {
		return MaxItems + 1, true
	}
	return n, true
}

func base(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func isBlob(t reflect.Type) bool { return base(t) == bytesType }

func join(name, segment string) string {
	if name == "" {
		return segment
	}
	return name + "." + segment
}
