// SPDX-License-Identifier: Apache-2.0

package cloudtrail

import (
	"cmp"
	"encoding/base64"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/wire"
)

// lower is a member's name as records have it.
func lower(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}

// tree is a structure or a list of parameters while it is put together.
type tree struct {
	members map[string]*tree
	entries bool // its items are keys and values of a map
	value   string
	leaf    bool
}

func (t *tree) child(name string) *tree {
	if t.members == nil {
		t.members = map[string]*tree{}
	}
	c := t.members[name]
	if c == nil {
		c = &tree{}
		t.members[name] = c
	}
	return c
}

// parameters writes the parameters of a request as structures and lists.
func parameters(params []wire.Param) any {
	root := &tree{}
	for _, p := range params {
		at := root
		for part := range strings.SplitSeq(p.Name, ".") {
			switch part {
			case "member":
			case "entry":
				at.entries = true
			default:
				at = at.child(part)
			}
		}
		at.value, at.leaf = p.Value, true
	}
	return root.plain()
}

// plain is the tree as encoding/json takes it.
func (t *tree) plain() any {
	switch {
	case t.leaf && len(t.members) == 0:
		return t.value
	case t.entries:
		out := map[string]any{}
		for _, e := range t.members {
			if k, v := e.members["key"], e.members["value"]; k != nil && v != nil {
				out[k.value] = v.plain()
			}
		}
		return out
	}
	var numbers []int
	for name := range t.members {
		if n, err := strconv.Atoi(name); err == nil {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == len(t.members) && len(numbers) > 0 {
		slices.Sort(numbers)
		list := make([]any, 0, len(numbers))
		for _, n := range numbers {
			list = append(list, t.members[strconv.Itoa(n)].plain())
		}
		return list
	}
	out := map[string]any{}
	for name, m := range t.members {
		out[lower(name)] = m.plain()
	}
	return out
}

var timeType = reflect.TypeFor[time.Time]()

// elements writes an answer down without its secrets; nil when there is nothing in it.
func elements(answer any) any { return element(reflect.ValueOf(answer)) }

func element(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return element(v.Elem())
	case reflect.Struct:
		if v.Type() == timeType {
			return v.Interface().(time.Time).UTC().Format(timeForm)
		}
		return structure(v)
	case reflect.Slice:
		if v.Len() == 0 {
			return nil
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return base64.StdEncoding.EncodeToString(v.Bytes())
		}
		list := make([]any, 0, v.Len())
		for i := range v.Len() {
			list = append(list, element(v.Index(i)))
		}
		return list
	case reflect.Map:
		if v.Len() == 0 {
			return nil
		}
		out := map[string]any{}
		for key, value := range v.Seq2() {
			out[key.String()] = element(value)
		}
		return out
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
		return v.String()
	case reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return v.Interface()
	}
	return nil // a union; Hive answers none
}

func structure(v reflect.Value) any {
	out := map[string]any{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" {
			continue
		}
		value := element(v.Field(i))
		switch {
		case value == nil:
		case apigw.Sensitive(f.Name):
			out[lower(f.Name)] = apigw.Redacted
		default:
			out[lower(f.Name)] = value
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// awsID finds ids such as i-0123456789abcdef0.
var awsID = regexp.MustCompile(`^([a-z]{1,8})-[0-9a-f]{8,17}$`)

// kinds are CloudTrail's types of EC2 resources by the prefix of their ids.
var kinds = map[string]string{"i": "Instance", "vol": "Volume", "snap": "Snapshot", "ami": "Ami", "eni": "NetworkInterface", "sg": "SecurityGroup",
	"subnet": "Subnet", "vpc": "VPC", "key": "KeyPair", "eipalloc": "EIP", "rtb": "RouteTable", "igw": "InternetGateway"}

// arnKinds are the types of resources that ARNs name, by service and first part.
var arnKinds = map[string]string{"iam/user": "AWS::IAM::User", "iam/role": "AWS::IAM::Role", "iam/group": "AWS::IAM::Group", "iam/policy": "AWS::IAM::Policy",
	"iam/instance-profile": "AWS::IAM::InstanceProfile", "kms/key": "AWS::KMS::Key", "kms/alias": "AWS::KMS::Alias"}

// touched are the resources of a call: those that were asked about, and those that the answer names.
func touched(e apigw.AuditEvent, answer any) []Resource {
	var out []Resource
	add := func(r Resource) {
		if r.Type != "" && len(out) < 100 && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	for _, r := range e.Resources {
		if service, _, _, name, ok := apigw.ParseARN(r.ARN); ok && !strings.HasSuffix(name, "/*") {
			kind, id, _ := strings.Cut(name, "/")
			add(Resource{ARN: r.ARN, AccountID: cmp.Or(r.Account, e.Principal.AccountID), Type: cmp.Or(arnKinds[service+"/"+kind], ec2Kind(id))})
		}
	}
	eachText(answer, func(s string) {
		if kind := ec2Kind(s); kind != "" {
			add(Resource{ARN: s, AccountID: e.Principal.AccountID, Type: kind})
		}
	})
	return out
}

func ec2Kind(id string) string {
	m := awsID.FindStringSubmatch(id)
	if m == nil || kinds[m[1]] == "" {
		return ""
	}
	return "AWS::EC2::" + kinds[m[1]]
}

// eachText calls see with every text of an element, in an order that is the same each time.
func eachText(v any, see func(string)) {
	switch v := v.(type) {
	case string:
		see(v)
	case []any:
		for _, item := range v {
			eachText(item, see)
		}
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			eachText(v[name], see)
		}
	}
}

// nameOf is the last part of an ARN.
func nameOf(arn string) string { return arn[strings.LastIndexAny(arn, "/:")+1:] }
