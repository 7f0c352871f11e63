// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// shape is the kind of value that a parameter holds.
type shape int

const (
	scalar shape = iota + 1
	structure
	list
	dictionary
	unsupported // unions: parameters below such a member are not recognized
)

// inputPlan is a struct type, ready for decoding.
type inputPlan struct {
	typ    reflect.Type
	fields []*inputField
	byWire map[string]*inputField
	byGo   map[string]*inputField
}

// inputField is one member of a struct that a request may carry.
type inputField struct {
	name  string // Go field
	wire  string
	index int
	value *valuePlan
	// hidden: the SDK keeps the field to itself (CopySnapshotInput.destinationRegion goes with a presigned URL). It is
	// parsed and listed among the parameters, under its name with a capital; the handler cannot read it elsewhere.
	hidden bool
}

// valuePlan is the type of a field, a list's item or a map's value.
type valuePlan struct {
	shape     shape
	typ       reflect.Type // as declared in the field, pointers included
	item      string       // list, dictionary: name before the index; "" when the index follows directly
	elem      *valuePlan   // list, dictionary
	fields    *inputPlan   // structure
	parse     parseFunc    // scalar
	keepEmpty bool
}

var (
	timeType  = reflect.TypeFor[time.Time]()
	bytesType = reflect.TypeFor[[]byte]()
)

// inputPlan returns the compiled plan of a struct type.
func (c *Codec) inputPlan(t reflect.Type) (*inputPlan, error) {
	if p, ok := c.inputs.Load(t); ok {
		return p.(*inputPlan), nil
	}
	building := map[reflect.Type]*inputPlan{}
	p, err := c.buildInput(t, building)
	if err != nil {
		return nil, err
	}
	for bt, bp := range building { // complete now: publish the whole graph
		c.inputs.LoadOrStore(bt, bp)
	}
	return p, nil
}

func (c *Codec) buildInput(t reflect.Type, building map[reflect.Type]*inputPlan) (*inputPlan, error) {
	if p, ok := building[t]; ok {
		return p, nil
	}
	names, ok := c.spec.Table.requests[typeKey(t)]
	if !ok {
		return nil, fmt.Errorf("wire plan: no request names for %s", t)
	}
	p := &inputPlan{typ: t, byWire: map[string]*inputField{}, byGo: map[string]*inputField{}}
	building[t] = p
	for _, n := range names {
		sf, ok := t.FieldByName(n.Field)
		if !ok {
			return nil, fmt.Errorf("wire plan: %s has no field %s", t, n.Field)
		}
		v, err := c.buildValue(sf.Type, n.Item, building)
		if err != nil {
			return nil, fmt.Errorf("wire plan: %s.%s: %w", t, n.Field, err)
		}
		v.keepEmpty = v.shape == scalar && c.keepEmpty[typeKey(t)+"."+n.Field]
		f := &inputField{name: strings.ToUpper(n.Field[:1]) + n.Field[1:], wire: n.Wire, index: sf.Index[0], value: v, hidden: !sf.IsExported()}
		p.fields = append(p.fields, f)
		p.byWire[n.Wire] = f
		p.byGo[f.name] = f
	}
	return p, nil
}

func (c *Codec) buildValue(t reflect.Type, item string, building map[reflect.Type]*inputPlan) (*valuePlan, error) {
	v := &valuePlan{typ: t}
	base := t
	if t.Kind() == reflect.Pointer {
		base = t.Elem()
	}
	var err error
	switch {
	case base.Kind() == reflect.Interface:
		v.shape = unsupported
	case base == timeType, base == bytesType, base.Kind() != reflect.Struct && base.Kind() != reflect.Slice && base.Kind() != reflect.Map:
		v.shape = scalar
		v.parse, err = parserOf(base)
	case base.Kind() == reflect.Struct:
		v.shape = structure
		v.fields, err = c.buildInput(base, building)
	default:
		v.shape = list
		if base.Kind() == reflect.Map {
			v.shape = dictionary
		}
		if item == "" {
			return nil, fmt.Errorf("no item name for %s", t)
		}
		if item != "-" {
			v.item = item
		}
		// Lists of lists do not occur in these protocols' requests; their items would have no name of their own.
		v.elem, err = c.buildValue(base.Elem(), "", building)
		if v.elem != nil && v.elem.shape == scalar {
			v.elem.keepEmpty = true // dropping an empty item would renumber the others
		}
	}
	return v, err
}
