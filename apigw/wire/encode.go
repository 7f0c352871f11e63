// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"

	"github.com/hivecloud/hive/apigw/internal/xmltext"
)

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// answerPlan is how one action's output becomes a document.
type answerPlan struct {
	output reflect.Type // the output struct
	open   string       // from the XML header to where the members begin, or to the request id
	middle string       // between the request id and the members (ec2Query), or members and request id (awsQuery)
	shut   string
	body   *structEncoder
	alone  *fieldEncoder // the one list of a Describe or List action: written even when nil
}

// AppendResponse appends the document that answers an action. output is a pointer to the action's output struct; any
// other type is an error, and so is a type that the table does not know.
func (c *Codec) AppendResponse(b []byte, action string, output any, requestID string) ([]byte, error) {
	plan, err := c.answerPlan(action)
	if err != nil {
		return b, err
	}
	v := reflect.ValueOf(output)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem() != plan.output {
		return b, fmt.Errorf("encode answer: %s answers *%s, not %T", action, plan.output, output)
	}
	p := v.UnsafePointer()
	b = append(b, plan.open...)
	if c.spec.Protocol == EC2Query {
		b = xmltext.Append(b, requestID)
		b = append(b, plan.middle...)
		b = plan.appendBody(b, p)
		return append(b, plan.shut...), nil
	}
	b = plan.appendBody(b, p)
	b = append(b, plan.middle...)
	b = xmltext.Append(b, requestID)
	return append(b, plan.shut...), nil
}

func (a *answerPlan) appendBody(b []byte, p unsafe.Pointer) []byte {
	b = a.body.append(b, p)
	if a.alone != nil && *(*unsafe.Pointer)(unsafe.Add(p, a.alone.offset)) == nil {
		b = append(b, a.alone.empty...)
	}
	return b
}

func (c *Codec) answerPlan(action string) (*answerPlan, error) {
	if p, ok := c.heads.Load(action); ok {
		return p.(*answerPlan), nil
	}
	t, ok := c.OutputType(action)
	if !ok {
		return nil, fmt.Errorf("encode answer: the API has no action %s", action)
	}
	a := &answerPlan{output: t}
	open := xmlHeader + "<" + action + `Response xmlns="` + c.spec.Namespace + `">`
	shut := "</" + action + "Response>"
	hasBody := true
	switch {
	case c.spec.Protocol == EC2Query:
		a.open, a.middle, a.shut = open+"<requestId>", "</requestId>", shut
	case c.spec.Table.results[action]:
		a.open = open + "<" + action + "Result>"
		a.middle = "</" + action + "Result><ResponseMetadata><RequestId>"
		a.shut = "</RequestId></ResponseMetadata>" + shut
	default:
		a.open = open + "<ResponseMetadata><RequestId>"
		a.shut = "</RequestId></ResponseMetadata>" + shut
		hasBody = false
	}
	a.body = &structEncoder{}
	if _, known := c.spec.Table.responses[typeKey(t)]; hasBody && known {
		body, err := c.structEncoder(t)
		if err != nil {
			return nil, err
		}
		a.body = body
	}
	if len(a.body.fields) == 0 && c.spec.Protocol == EC2Query {
		a.middle += "<return>true</return>" // what EC2 answers when there is nothing to say
	}
	a.alone = a.body.onlyList(action)
	p, _ := c.heads.LoadOrStore(action, a)
	return p.(*answerPlan), nil
}

// onlyList is the list that a Describe or List action is about.
func (s *structEncoder) onlyList(action string) *fieldEncoder {
	if !strings.HasPrefix(action, "Describe") && !strings.HasPrefix(action, "List") {
		return nil
	}
	var only *fieldEncoder
	for i := range s.fields {
		if f := &s.fields[i]; f.isList {
			if only != nil {
				return nil
			}
			only = f
		}
	}
	return only
}

// CompileAll compiles the plans of every action and returns the first fault: a type the codec cannot translate.
// Tests call it; servers compile as they go.
func (c *Codec) CompileAll() error {
	for _, action := range c.Actions() {
		in, _ := c.InputType(action)
		if _, err := c.inputPlan(in); err != nil {
			return fmt.Errorf("compile %s: %w", action, err)
		}
		if _, err := c.answerPlan(action); err != nil {
			return fmt.Errorf("compile %s: %w", action, err)
		}
	}
	return nil
}
