// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/base64"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unsafe"

	"github.com/hivecloud/hive/apigw/internal/xmltext"
)

// appendFunc appends the value at p (never nil) without its element.
type appendFunc func(b []byte, p unsafe.Pointer) []byte

// structEncoder writes the members of a struct in the table's order.
type structEncoder struct {
	fields []fieldEncoder
}

// fieldEncoder writes one member with its element, or nothing when it is nil.
type fieldEncoder struct {
	offset uintptr
	append appendFunc // whole element, nil check included
	empty  string     // list: the empty element
	isList bool
}

func (s *structEncoder) append(b []byte, p unsafe.Pointer) []byte {
	for i := range s.fields {
		f := &s.fields[i]
		b = f.append(b, unsafe.Add(p, f.offset))
	}
	return b
}

// structEncoder returns the compiled encoder of a struct type.
func (c *Codec) structEncoder(t reflect.Type) (*structEncoder, error) {
	if s, ok := c.outputs.Load(t); ok {
		return s.(*structEncoder), nil
	}
	building := map[reflect.Type]*structEncoder{}
	s, err := c.buildEncoder(t, building)
	if err != nil {
		return nil, err
	}
	for bt, bs := range building { // complete now: publish the whole graph
		c.outputs.LoadOrStore(bt, bs)
	}
	return s, nil
}

func (c *Codec) buildEncoder(t reflect.Type, building map[reflect.Type]*structEncoder) (*structEncoder, error) {
	if s, ok := building[t]; ok {
		return s, nil // a recursive type: complete by the time it runs
	}
	names, ok := c.spec.Table.responses[typeKey(t)]
	if !ok {
		return nil, fmt.Errorf("wire plan: no response names for %s", t)
	}
	s := &structEncoder{}
	building[t] = s
	for _, n := range names {
		sf, ok := t.FieldByName(n.Field)
		if !ok {
			return nil, fmt.Errorf("wire plan: %s has no field %s", t, n.Field)
		}
		if sf.Type.Kind() == reflect.Interface {
			continue // a union; Hive answers none
		}
		f, err := c.buildField(sf.Type, n, building)
		if err != nil {
			return nil, fmt.Errorf("wire plan: %s.%s: %w", t, n.Field, err)
		}
		f.offset = sf.Offset
		s.fields = append(s.fields, f)
	}
	return s, nil
}

func (c *Codec) buildField(t reflect.Type, n Name, building map[reflect.Type]*structEncoder) (fieldEncoder, error) {
	open, shut := "<"+n.Wire+">", "</"+n.Wire+">"
	switch {
	case t == bytesType:
		return fieldEncoder{append: element(open, shut, appendBlob, true)}, nil
	case t.Kind() == reflect.Slice:
		app, err := c.buildList(t, n, building)
		return fieldEncoder{append: app, isList: true, empty: "<" + n.Wire + "/>"}, err
	case t.Kind() == reflect.Map:
		app, err := c.buildMap(t, n, building)
		return fieldEncoder{append: app}, err
	case t.Kind() == reflect.Pointer:
		val, err := c.buildAppend(t.Elem(), building)
		return fieldEncoder{append: pointer(open, shut, val)}, err
	default:
		val, err := c.buildAppend(t, building)
		// Enumerations are plain strings; their zero value means absent.
		return fieldEncoder{append: element(open, shut, val, t.Kind() == reflect.String)}, err
	}
}

// buildAppend returns the encoder of a value that is not a list: a scalar or a structure.
func (c *Codec) buildAppend(t reflect.Type, building map[reflect.Type]*structEncoder) (appendFunc, error) {
	switch {
	case t == timeType && c.spec.Protocol == EC2Query:
		return appendTimeMillis, nil
	case t == timeType:
		return appendTimeSeconds, nil
	case t == bytesType:
		return appendBlob, nil
	}
	switch t.Kind() {
	case reflect.Struct:
		s, err := c.buildEncoder(t, building)
		if err != nil {
			return nil, err
		}
		return s.append, nil
	case reflect.String:
		return func(b []byte, p unsafe.Pointer) []byte { return xmltext.Append(b, *(*string)(p)) }, nil
	case reflect.Bool:
		return func(b []byte, p unsafe.Pointer) []byte { return strconv.AppendBool(b, *(*bool)(p)) }, nil
	case reflect.Int32:
		return func(b []byte, p unsafe.Pointer) []byte { return strconv.AppendInt(b, int64(*(*int32)(p)), 10) }, nil
	case reflect.Int64:
		return func(b []byte, p unsafe.Pointer) []byte { return strconv.AppendInt(b, *(*int64)(p), 10) }, nil
	case reflect.Float32:
		return func(b []byte, p unsafe.Pointer) []byte {
			return strconv.AppendFloat(b, float64(*(*float32)(p)), 'f', -1, 32)
		}, nil
	case reflect.Float64:
		return func(b []byte, p unsafe.Pointer) []byte {
			return strconv.AppendFloat(b, *(*float64)(p), 'f', -1, 64)
		}, nil
	}
	return nil, fmt.Errorf("no encoder for %s", t)
}

// element wraps a value in place. omitEmpty leaves out strings and byte slices that hold nothing: both begin with
// a data pointer, followed by their length.
func element(open, shut string, val appendFunc, omitEmpty bool) appendFunc {
	return func(b []byte, p unsafe.Pointer) []byte {
		if omitEmpty && len(*(*string)(p)) == 0 {
			return b
		}
		b = append(b, open...)
		b = val(b, p)
		return append(b, shut...)
	}
}

// pointer wraps a value behind a pointer that may be nil.
func pointer(open, shut string, val appendFunc) appendFunc {
	return func(b []byte, p unsafe.Pointer) []byte {
		p = *(*unsafe.Pointer)(p)
		if p == nil {
			return b
		}
		b = append(b, open...)
		b = val(b, p)
		return append(b, shut...)
	}
}

func (c *Codec) buildList(t reflect.Type, n Name, building map[reflect.Type]*structEncoder) (appendFunc, error) {
	elem := t.Elem()
	val, err := c.buildAppend(elem, building)
	if err != nil {
		return nil, err
	}
	if n.Item == "" {
		return nil, fmt.Errorf("no item element for %s", t)
	}
	size := elem.Size()
	open, shut, empty := "<"+n.Wire+">", "</"+n.Wire+">", "<"+n.Wire+"/>"
	itemOpen, itemShut := "<"+n.Item+">", "</"+n.Item+">"
	if n.Item == "-" { // flat: each item stands in the list's own element
		open, shut, empty, itemOpen, itemShut = "", "", "", open, shut
	}
	return func(b []byte, p unsafe.Pointer) []byte {
		// Any slice has the layout of a slice of bytes; only its data pointer and length are used.
		s := *(*[]byte)(p)
		data := unsafe.Pointer(unsafe.SliceData(s))
		if data == nil {
			return b
		}
		if len(s) == 0 {
			return append(b, empty...)
		}
		b = append(b, open...)
		for i := range len(s) {
			b = append(b, itemOpen...)
			b = val(b, unsafe.Add(data, uintptr(i)*size))
			b = append(b, itemShut...)
		}
		return append(b, shut...)
	}, nil
}

// buildMap uses reflection: maps occur only in a few answers of IAM, and none of them is large.
func (c *Codec) buildMap(t reflect.Type, n Name, building map[reflect.Type]*structEncoder) (appendFunc, error) {
	val, err := c.buildAppend(t.Elem(), building)
	if err != nil {
		return nil, err
	}
	if t.Key().Kind() != reflect.String {
		return nil, fmt.Errorf("no encoder for %s", t)
	}
	entryOpen, entryShut := "<"+n.Item+"><key>", "</value></"+n.Item+">"
	return func(b []byte, p unsafe.Pointer) []byte {
		m := reflect.NewAt(t, p).Elem()
		if m.IsNil() {
			return b
		}
		entries := map[string]reflect.Value{}
		for k, v := range m.Seq2() {
			entries[k.String()] = v
		}
		b = append(b, "<"+n.Wire+">"...)
		for _, k := range slices.Sorted(maps.Keys(entries)) {
			item := reflect.New(t.Elem())
			item.Elem().Set(entries[k])
			b = append(b, entryOpen...)
			b = xmltext.Append(b, k)
			b = append(b, "</key><value>"...)
			b = val(b, item.UnsafePointer())
			b = append(b, entryShut...)
		}
		return append(b, "</"+n.Wire+">"...)
	}, nil
}

func appendBlob(b []byte, p unsafe.Pointer) []byte {
	return base64.StdEncoding.AppendEncode(b, *(*[]byte)(p))
}

// appendTimeMillis writes 2026-11-23T08:00:00.000Z, as EC2 does.
func appendTimeMillis(b []byte, p unsafe.Pointer) []byte {
	return (*time.Time)(p).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

// appendTimeSeconds writes 2026-11-23T08:00:00Z, as IAM and STS do.
func appendTimeSeconds(b []byte, p unsafe.Pointer) []byte {
	return (*time.Time)(p).UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
}
