// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"reflect"
	"strings"
)

// Member is a scalar that a request can carry: a parameter, or the item of a list of them.
type Member struct {
	Path string       // Go fields: "BlockDeviceMappings.Ebs.VolumeSize"
	Wire string       // with N for indexes: "BlockDeviceMapping.N.Ebs.VolumeSize"
	Type reflect.Type // without pointers: string, an enumeration, int32, bool, time.Time, []byte, ...
}

// Members lists every scalar that an action's request can carry, in the table's order. A map's key is not listed.
func (c *Codec) Members(action string) ([]Member, error) {
	t, ok := c.InputType(action)
	if !ok {
		return nil, fmt.Errorf("list members: the API has no action %s", action)
	}
	plan, err := c.inputPlan(t)
	if err != nil {
		return nil, err
	}
	var out []Member
	walkMembers(plan, "", "", map[*inputPlan]bool{}, &out)
	return out, nil
}

func walkMembers(p *inputPlan, path, name string, above map[*inputPlan]bool, out *[]Member) {
	if above[p] {
		return // a recursive type: its members are listed once
	}
	above[p] = true
	defer delete(above, p)
	for _, f := range p.fields {
		walkValue(f.value, join(path, f.name), join(name, f.wire), above, out)
	}
}

func walkValue(v *valuePlan, path, name string, above map[*inputPlan]bool, out *[]Member) {
	switch v.shape {
	case scalar:
		*out = append(*out, Member{Path: path, Wire: name, Type: base(v.typ)})
	case structure:
		walkMembers(v.fields, path, name, above, out)
	case list:
		if v.item != "" {
			name += "." + v.item
		}
		walkValue(v.elem, path, name+".N", above, out)
	case dictionary:
		walkValue(v.elem, path, name+"."+v.item+".N.value", above, out)
	}
}

// HasPath reports whether a Go path leads to a scalar (or a list of scalars) of an action's request; with subtree,
// whether it leads to something that has members below it.
func (c *Codec) HasPath(action, path string, subtree bool) bool {
	t, ok := c.InputType(action)
	if !ok {
		return false
	}
	plan, err := c.inputPlan(t)
	if err != nil {
		return false
	}
	v := &valuePlan{shape: structure, fields: plan}
	for _, field := range strings.Split(path, ".") {
		if v = v.inner(); v.shape != structure {
			return false
		}
		f, ok := v.fields.byGo[field]
		if !ok {
			return false
		}
		v = f.value
	}
	return (v.inner().shape == structure) == subtree && v.shape != unsupported
}

// inner is the value itself or, for lists and maps, the value of their items.
func (v *valuePlan) inner() *valuePlan {
	for v.elem != nil {
		v = v.elem
	}
	return v
}
