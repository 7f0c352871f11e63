// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/hivecloud/hive/apigw/awserr"
)

// Format is how a request's parameters are written down. Younger clients of some query services send a document
// instead of a form; its members have the names that they have in forms.
type Format int

// The formats.
const (
	Urlencoded Format = iota // a form; answered in XML
	JSON                     // AWS JSON 1.0
	CBOR                     // Smithy RPC v2
)

// maxNesting bounds documents; the deepest request of any service has a dozen levels.
const maxNesting = 24

var (
	cborIn = mustMode(cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any](), DupMapKey: cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels: maxNesting, MaxArrayElements: MaxParams, MaxMapPairs: MaxParams}.DecMode())
	cborOut = mustMode(cbor.EncOptions{Time: cbor.TimeUnixDynamic, TimeTag: cbor.EncTagRequired, Sort: cbor.SortBytewiseLexical}.EncMode())
)

// mustMode is the mode that constant options make.
func mustMode[T any](mode T, err error) T {
	if err != nil {
		panic("wire: cbor options: " + err.Error())
	}
	return mode
}

// Target names the API in requests whose protocol has no version; empty when the service takes forms only.
func (c *Codec) Target() string { return c.spec.Target }

// ReadDocument turns the document that an action was sent into the form that means the same.
func (c *Codec) ReadDocument(format Format, action string, body []byte) (Form, error) {
	t, ok := c.InputType(action)
	if !ok {
		return nil, awserr.InvalidAction(action)
	}
	plan, err := c.inputPlan(t)
	if err != nil {
		return nil, err
	}
	doc, err := parseDocument(format, body)
	if err != nil {
		return nil, awserr.New("SerializationException", "The request body is not a valid document")
	}
	f := flattener{}
	if err := f.value(&valuePlan{shape: structure, fields: plan, typ: plan.typ}, "", doc); err != nil {
		return nil, err
	}
	return f.form, nil
}

func parseDocument(format Format, body []byte) (any, error) {
	if len(body) == 0 {
		return map[string]any{}, nil
	}
	var doc any
	if format == CBOR {
		err := cborIn.Unmarshal(body, &doc)
		return doc, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document")
	}
	return doc, nil
}

// flattener writes a document as a form.
type flattener struct{ form Form }

func (f *flattener) add(name, value string) error {
	if len(f.form) == MaxParams {
		return awserr.New("RequestEntityTooLarge", "The request has more than %d parameters", MaxParams)
	}
	f.form = append(f.form, Pair{name, value})
	return nil
}

func (f *flattener) value(v *valuePlan, name string, doc any) error {
	if doc == nil {
		return nil
	}
	switch v.shape {
	case scalar:
		text, ok := scalarText(base(v.typ), doc)
		if !ok {
			return unfit(name)
		}
		return f.add(name, text)
	case structure:
		members, ok := doc.(map[string]any)
		if !ok {
			return unfit(name)
		}
		return f.members(v.fields, name, members)
	case list:
		return f.list(v, name, doc)
	case dictionary:
		return f.dictionary(v, name, doc)
	}
	return awserr.UnknownParameter(name)
}

func (f *flattener) members(p *inputPlan, name string, members map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(members)) {
		field, ok := p.byWire[key]
		if !ok {
			return awserr.UnknownParameter(clip(join(name, key)))
		}
		if err := f.value(field.value, join(name, key), members[key]); err != nil {
			return err
		}
	}
	return nil
}

func (f *flattener) list(v *valuePlan, name string, doc any) error {
	items, ok := doc.([]any)
	if !ok {
		return unfit(name)
	}
	if len(items) == 0 && v.item != "" {
		return f.add(name, "")
	}
	if v.item != "" {
		name = join(name, v.item)
	}
	for i, item := range items {
		at := join(name, strconv.Itoa(i+1))
		if item == nil {
			return unfit(at)
		}
		if err := f.value(v.elem, at, item); err != nil {
			return err
		}
	}
	return nil
}

func (f *flattener) dictionary(v *valuePlan, name string, doc any) error {
	entries, ok := doc.(map[string]any)
	if !ok {
		return unfit(name)
	}
	for i, key := range slices.Sorted(maps.Keys(entries)) {
		at := join(join(name, v.item), strconv.Itoa(i+1))
		if err := f.add(at+".key", key); err != nil {
			return err
		}
		if err := f.value(v.elem, at+".value", entries[key]); err != nil {
			return err
		}
	}
	return nil
}

// unfit refuses a value of another kind than the member has.
func unfit(name string) error {
	if name == "" {
		name = "the document"
	}
	return awserr.New("SerializationException", "The value of %s has the wrong type", clip(name))
}

func clip(s string) string {
	if len(s) > 128 {
		return s[:128] + "..."
	}
	return s
}

// scalarText writes a document's value as a form has it; false when its kind does not fit the member's type.
func scalarText(t reflect.Type, doc any) (string, bool) {
	if t == timeType {
		return timeText(doc)
	}
	if t == bytesType {
		if b, ok := doc.([]byte); ok {
			return base64.StdEncoding.EncodeToString(b), true
		}
		s, ok := doc.(string)
		return s, ok
	}
	switch t.Kind() {
	case reflect.String:
		s, ok := doc.(string)
		return s, ok
	case reflect.Bool:
		b, ok := doc.(bool)
		return strconv.FormatBool(b), ok
	}
	switch n := doc.(type) {
	case json.Number:
		return n.String(), true
	case uint64:
		return strconv.FormatUint(n, 10), true
	case int64:
		return strconv.FormatInt(n, 10), true
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64), true
	}
	return "", false
}

// timeText writes a time: RPC v2 tags epoch seconds, JSON has them as a number, some clients send ISO 8601.
func timeText(doc any) (string, bool) {
	switch d := doc.(type) {
	case string:
		return d, true
	case time.Time:
		return d.UTC().Format(time.RFC3339Nano), true
	case json.Number:
		seconds, err := d.Float64()
		// The years 1 to 9999, which is what ISO 8601 can write.
		if err != nil || seconds < -62135596800 || seconds >= 253402300800 {
			return "", false
		}
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(math.Round(part*1e3))*1e6).UTC().Format(time.RFC3339Nano), true
	}
	return "", false
}

// AppendDocument appends the document that answers an action.
func (c *Codec) AppendDocument(b []byte, format Format, action string, output any) ([]byte, error) {
	t, ok := c.OutputType(action)
	v := reflect.ValueOf(output)
	if !ok || v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem() != t {
		return b, fmt.Errorf("encode answer: %T does not answer %s", output, action)
	}
	doc, err := c.document(v.Elem(), format)
	if err != nil {
		return b, err
	}
	return appendDocument(b, format, doc)
}

// AppendDocumentError appends the document of a refusal, under the API's name of the exception.
func (c *Codec) AppendDocumentError(b []byte, format Format, e *awserr.Error) []byte {
	name := "com.amazonaws#" + c.Shape(e.Code)
	if c.spec.Protocol == AWSJSON {
		name = c.Shape(e.Code)
	}
	out, err := appendDocument(b, format, map[string]any{"__type": name, "message": e.Message})
	if err != nil {
		panic("wire: encode two strings: " + err.Error())
	}
	return out
}

func appendDocument(b []byte, format Format, doc map[string]any) ([]byte, error) {
	encode := json.Marshal
	if format == CBOR {
		encode = cborOut.Marshal
	}
	out, err := encode(doc)
	if err != nil {
		return b, fmt.Errorf("encode answer: %w", err)
	}
	return append(b, out...), nil
}

// document is a struct's members by their wire names.
func (c *Codec) document(v reflect.Value, format Format) (map[string]any, error) {
	out := map[string]any{}
	names, ok := c.spec.Table.responses[typeKey(v.Type())]
	if !ok {
		return out, nil // an output without members
	}
	for _, n := range names {
		item, err := c.documentValue(v.FieldByName(n.Field), format)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Field, err)
		}
		if item != nil {
			out[n.Wire] = item
		}
	}
	return out, nil
}

// documentValue is one member's value; nil when it is absent.
func (c *Codec) documentValue(v reflect.Value, format Format) (any, error) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if v.IsNil() {
			return nil, nil
		}
	case reflect.Interface:
		return nil, nil // a union; Hive answers none
	case reflect.String:
		if v.Len() == 0 {
			return nil, nil // an enumeration that is not set
		}
		return v.String(), nil
	}
	switch {
	case v.Type() == timeType:
		t := v.Interface().(time.Time)
		if format == JSON {
			return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1e3, 'f', -1, 64)), nil
		}
		return t, nil
	case v.Type() == bytesType:
		return v.Bytes(), nil
	case v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.String:
		return v.Elem().String(), nil // an empty text that is there
	case v.Kind() == reflect.Pointer:
		return c.documentValue(v.Elem(), format)
	case v.Kind() == reflect.Struct:
		return c.document(v, format)
	case v.Kind() == reflect.Slice:
		return c.documentList(v, format)
	case v.Kind() == reflect.Map:
		return c.documentMap(v, format)
	}
	return v.Interface(), nil
}

func (c *Codec) documentList(v reflect.Value, format Format) (any, error) {
	out := make([]any, 0, v.Len())
	for i := range v.Len() {
		item, err := c.documentValue(v.Index(i), format)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func (c *Codec) documentMap(v reflect.Value, format Format) (any, error) {
	out := map[string]any{}
	for key, value := range v.Seq2() {
		item, err := c.documentValue(value, format)
		if err != nil {
			return nil, err
		}
		out[key.String()] = item
	}
	return out, nil
}
