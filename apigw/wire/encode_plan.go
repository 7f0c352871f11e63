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
	direct bool       // a number or boolean in place; everything else begins with a pointer that is nil when absent
	text   textKind   // strings are most of every answer: they are written without an indirect call
	open   string     // text: the element's tags
	shut   string
	empty  string // list: the empty element
	isList bool
}

// textKind is how a field holds text.
type textKind int

const (
	notText   textKind = iota
	textValue          // string, or an enumeration; empty is absent
	textPointer
)

func (s *structEncoder) append(b []byte, p unsafe.Pointer) []byte {
	for i := range s.fields {
		f := &s.fields[i]
		at := unsafe.Add(p, f.offset)
		if !f.direct && *(*unsafe.Pointer)(at) == nil {
			continue // most members of most answers; an indirect call would cost more than the look
		}
		switch f.text {
		case textPointer:
			b = appendText(b, f, **(**string)(at))
		case textValue:
			if s := *(*string)(at); s != "" {
				b = appendText(b, f, s)
			}
		default:
			b = f.append(b, at)
		}
	}
	return b
}

func appendText(b []byte, f *fieldEncoder, s string) []byte {
	b = append(b, f.open...)
	b = xmltext.Append(b, s)
	return append(b, f.shut...)
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
		return fieldEncoder{append: element(open, shut, appendBlob)}, nil
	case t.Kind() == reflect.Slice:
		app, err := c.buildList(t, n, building)
		return fieldEncoder{append: app, isList: true, empty: "<" + n.Wire + "/>"}, err
	case t.Kind() == reflect.Map:
		app, err := c.buildMap(t, n, building)
		return fieldEncoder{append: app}, err
	case t.Kind() == reflect.String:
		return fieldEncoder{text: textValue, open: open, shut: shut}, nil
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.String:
		return fieldEncoder{text: textPointer, open: open, shut: shut}, nil
	case t.Kind() == reflect.Pointer:
		val, err := c.buildAppend(t.Elem(), building)
		return fieldEncoder{append: pointer(open, shut, val)}, err
	default:
		val, err := c.buildAppend(t, building)
		return fieldEncoder{append: element(open, shut, val), direct: true}, err
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

// element wraps a value in place.
func element(open, shut string, val appendFunc) appendFunc {
	return func(b []byte, p unsafe.Pointer) []byte {
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
	t := (*time.Time)(p).UTC()
	b = appendSeconds(b, t)
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

// appendTimeSeconds writes 2026-11-23T08:00:00Z, as IAM and STS do.
func appendTimeSeconds(b []byte, p unsafe.Pointer) []byte {
	return append(appendSeconds(b, (*time.Time)(p).UTC()), 'Z')
}

// appendSeconds writes a date and a time of day; time.Format interprets its layout for every value.
func appendSeconds(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year < 1000 || year > 9999 {
		return t.AppendFormat(b, "2006-01-02T15:04:05")
	}
	hour, minute, second := t.Clock()
	two := func(sep byte, n int) { b = append(b, sep, byte('0'+n/10), byte('0'+n%10)) }
	b = strconv.AppendInt(b, int64(year), 10)
	two('-', int(month))
	two('-', day)
	two('T', hour)
	two(':', minute)
	two(':', second)
	return b
}
