// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/hivecloud/hive/apigw/awserr"
)

// Protocol is a dialect of AWS's query protocols.
type Protocol int

// The protocols.
const (
	EC2Query Protocol = iota + 1 // flat lists, answers without a result element
	AWSQuery                     // NAME.member.N, NAME.entry.N.key, answers with XResult and ResponseMetadata
	AWSJSON                      // AWS JSON 1.1: documents only, read as the form of AWSQuery that means the same
)

// Action names the types of one operation by typed nil pointers to SDK structs.
type Action struct {
	Input  any
	Output any
}

// Spec is what makes one service's Codec.
type Spec struct {
	Protocol  Protocol
	Version   string // API version that requests must name, e.g. 2016-11-15
	Namespace string // xmlns of answers
	Table     *Table
	Actions   map[string]Action
	// KeepEmpty lists the fields ("types.Tag.Value") whose empty value is a value. Only ec2Query needs it.
	KeepEmpty []string
	// Target names the API in the protocols of documents (JSON, CBOR); empty when the service takes forms only. Members
	// of documents are called as they are in forms.
	Target string
	// Shapes are the names of exceptions in documents, by error code; a code that is not listed names itself.
	Shapes map[string]string
}

// Codec translates between forms and SDK inputs, and between SDK outputs and XML, for one service.
type Codec struct {
	spec      Spec
	keepEmpty map[string]bool
	inputs    sync.Map // reflect.Type of a struct -> *inputPlan
	outputs   sync.Map // reflect.Type of a struct -> *structEncoder
	heads     sync.Map // action -> *answerPlan
}

// NewCodec checks the spec. Plans are compiled when first used.
func NewCodec(spec Spec) (*Codec, error) {
	if spec.Table == nil || len(spec.Actions) == 0 {
		return nil, fmt.Errorf("wire codec: no table or no actions")
	}
	if spec.Protocol != EC2Query && spec.Protocol != AWSQuery && spec.Protocol != AWSJSON {
		return nil, fmt.Errorf("wire codec: unknown protocol %d", spec.Protocol)
	}
	c := &Codec{spec: spec, keepEmpty: map[string]bool{}}
	for _, f := range spec.KeepEmpty {
		c.keepEmpty[f] = true
	}
	return c, nil
}

// Protocol is the service's dialect.
func (c *Codec) Protocol() Protocol { return c.spec.Protocol }

// Version is the API version that requests must name.
func (c *Codec) Version() string { return c.spec.Version }

// Actions lists every operation of the service's API in order, implemented or not.
func (c *Codec) Actions() []string { return slices.Sorted(maps.Keys(c.spec.Actions)) }

// InputType is the struct that an action's parameters decode into; false when the API has no such action.
func (c *Codec) InputType(action string) (reflect.Type, bool) {
	a, ok := c.spec.Actions[action]
	if !ok {
		return nil, false
	}
	return reflect.TypeOf(a.Input).Elem(), true
}

// OutputType is the struct that answers an action; false when the API has no such action.
func (c *Codec) OutputType(action string) (reflect.Type, bool) {
	a, ok := c.spec.Actions[action]
	if !ok {
		return nil, false
	}
	return reflect.TypeOf(a.Output).Elem(), true
}

// Shape is what documents call the exception of an error code.
func (c *Codec) Shape(code string) string {
	if s, ok := c.spec.Shapes[code]; ok {
		return s
	}
	return code
}

// AppendError appends the service's error envelope.
func (c *Codec) AppendError(b []byte, e *awserr.Error, requestID string) []byte {
	if c.spec.Protocol == EC2Query {
		return awserr.AppendEC2(b, e, requestID)
	}
	return awserr.AppendQuery(b, c.spec.Namespace, e, requestID)
}
