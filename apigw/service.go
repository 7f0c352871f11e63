// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/wire"
)

// Service is one AWS service to register.
type Service struct {
	Name  string      // in policies and ARNs: "ec2"
	Scope string      // in the credential scope, when it is called otherwise there: "monitoring" is cloudwatch
	Codec *wire.Codec // its wire format and the types of its actions
	// Handlers is a pointer whose exported methods named as actions are the actions:
	//	func (s *T) RunInstances(ctx context.Context, in *ec2.RunInstancesInput) (*ec2.RunInstancesOutput, error)
	// A method that has an action's name and another signature is an error; other methods are ignored.
	Handlers any
	Members  Members // an entry for each action that has a method, and for no other
	// Unsigned are the actions that are answered without a signature as well: their callers prove otherwise who they are, and
	// their handlers have to check it. Such a call has no account and no principal until the handler calls Admit.
	Unsigned []string
}

// service is a Service, checked and indexed.
type service struct {
	name     string
	scope    string
	codec    *wire.Codec
	actions  map[string]*action
	unsigned []string
}

// action is a method of a service.
type action struct {
	name   string
	call   reflect.Value
	input  reflect.Type // the struct
	rules  *rules
	dryRun int // index of the input's DryRun field, -1 without one
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// newService finds the actions of a service. It returns every fault at once.
func newService(s Service) (*service, error) {
	if s.Name == "" || s.Codec == nil || s.Handlers == nil {
		return nil, fmt.Errorf("register service %q: name, codec and handlers are required", s.Name)
	}
	out := &service{name: s.Name, scope: cmp.Or(s.Scope, s.Name), codec: s.Codec, actions: map[string]*action{}, unsigned: s.Unsigned}
	handlers := reflect.ValueOf(s.Handlers)
	var faults []error
	for name := range handlers.Type().Methods() {
		input, ok := s.Codec.InputType(name.Name)
		if !ok {
			continue
		}
		a, err := newAction(s, name.Name, handlers.MethodByName(name.Name), input)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		out.actions[name.Name] = a
	}
	for name := range s.Members {
		if out.actions[name] == nil && handlers.MethodByName(name).Kind() != reflect.Func {
			faults = append(faults, fmt.Errorf("declare members of %s: %T has no such method", name, s.Handlers))
		}
	}
	for _, name := range s.Unsigned {
		if out.actions[name] == nil {
			faults = append(faults, fmt.Errorf("answer %s without a signature: %T has no such action", name, s.Handlers))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("register service %s: %w", s.Name, err)
	}
	return out, nil
}

func newAction(s Service, name string, method reflect.Value, input reflect.Type) (*action, error) {
	output, _ := s.Codec.OutputType(name)
	t := method.Type()
	fits := t.NumIn() == 2 && t.NumOut() == 2 && !t.IsVariadic() && t.In(0) == contextType &&
		t.In(1) == reflect.PointerTo(input) && t.Out(0) == reflect.PointerTo(output) && t.Out(1) == errorType
	if !fits {
		return nil, fmt.Errorf("the method %s is %s, not func(context.Context, *%s) (*%s, error)", name, t, input, output)
	}
	members, declared := s.Members[name]
	if !declared {
		return nil, fmt.Errorf("the action %s declares no members", name)
	}
	rules, err := compileRules(s.Codec, name, members)
	if err != nil {
		return nil, err
	}
	a := &action{name: name, call: method, input: input, rules: rules, dryRun: -1}
	if f, ok := input.FieldByName("DryRun"); ok && f.Type == reflect.TypeFor[*bool]() {
		a.dryRun = f.Index[0]
	}
	return a, nil
}

// names lists the implemented actions in order.
func (s *service) names() []string {
	var out []string
	for name := range s.actions {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// errNotAuthorized is the fault of a handler that succeeded without having asked.
var errNotAuthorized = errors.New("the handler answered without having called Authorize")

// invoke decodes the form, checks it and runs the handler. call gets DryRun and Params; it is in ctx already.
// The error is the handler's, or an *awserr.Error about the form.
func (s *service) invoke(ctx context.Context, call *Call, form wire.Form) (any, error) {
	a, ok := s.actions[call.Action]
	if !ok {
		return nil, awserr.InvalidAction(call.Action)
	}
	in := reflect.New(a.input)
	params, err := s.codec.Decode(form, in.Interface())
	if err != nil {
		return nil, err
	}
	if err := a.rules.check(params); err != nil {
		return nil, err
	}
	call.Params = params
	if a.dryRun >= 0 {
		dry, _ := in.Elem().Field(a.dryRun).Interface().(*bool)
		call.DryRun = dry != nil && *dry
	}
	out := a.call.Call([]reflect.Value{reflect.ValueOf(ctx), in})
	if err, ok := out[1].Interface().(error); ok && err != nil {
		return nil, err
	}
	if !call.Authorized() {
		return nil, errNotAuthorized
	}
	if out[0].IsNil() {
		return nil, errors.New("the handler returned neither an answer nor an error")
	}
	return out[0].Interface(), nil
}
