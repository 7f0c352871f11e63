// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/ec2/ec2wire"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Every member that an action declares must change something: with another value in it, the command, the answer or
// the error differs. memberCases holds calls that succeed and other values for their members; a declared member that
// no case varies fails the test, so a new member cannot be declared and ignored.

// memberCase is a call and other values for some of its members.
type memberCase struct {
	// base makes the input, a pointer. It must succeed.
	base func(w *fixture) any
	// vary maps a member's path to another value, or to a func(*fixture) any that makes one. The call must succeed
	// with it, unless the value is a refusedValue.
	vary map[string]any
}

// refusedValue is a value that is refused: the refusal is the change.
type refusedValue struct{ value any }

// inert are members that truthfully change nothing, and why.
var inert = map[string]string{
	"ModifyInstanceCreditSpecification.ClientToken":     "setting an option twice is setting it once: a repetition needs no memory",
	"GetInstanceUefiData.InstanceId":                    "every call is refused; console_test.go holds the refusals",
	"DescribeInstances.IncludeManagedResources":         "no service manages resources here",
	"DescribeInstanceStatus.IncludeManagedResources":    "no service manages resources here",
	"DescribeVolumes.IncludeManagedResources":           "no service manages resources here",
	"DescribeVolumeStatus.IncludeManagedResources":      "no service manages resources here",
	"DescribeNetworkInterfaces.IncludeManagedResources": "no service manages resources here",
	"DescribeRegions.AllRegions":                        "no region needs opting in",
	"DescribeAvailabilityZones.AllAvailabilityZones":    "no zone needs opting in",
}

// fixture is a world with something of everything.
type fixture struct {
	*world
	t                *testing.T
	running, stopped string // instances of alice
	private          string // image of alice
	disabled         string // image of alice
	names            *strings.Replacer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, world: newWorld(t, "t2.micro", "t3.micro", "t3.small", "t3.2xlarge", "m5.large")}
	f.must(t, command.CreateKeyPair{Pair: state.KeyPair{ID: "key-00000000000000002", AccountID: alice, Name: "second", Type: "ed25519", PublicKey: "ssh-ed25519 BBBB second"},
		Tags: []state.Tag{{Key: "colour", Value: "red"}}})
	f.private = f.AddImage(t, alice, "private", 9)
	f.disabled = f.AddImage(t, alice, "disabled", 8)
	old := f.AddImage(t, bob, "old", 8)
	f.must(t, command.ModifyImage{AccountID: alice, ImageID: f.disabled, State: ptr(state.ImageDisabled)})
	f.must(t, command.ModifyImage{AccountID: bob, ImageID: old, Public: ptr(true), Deprecation: ptr(f.FSM.Now())})
	f.console.output = []byte("login: ")
	f.addGroups()
	f.addProfiles(t)
	f.running, f.stopped = f.launch(1), f.launch(2)
	f.stop(t, alice, f.stopped)
	f.must(t, command.CreateTags{AccountID: alice, Resources: []string{f.running, f.row(t, f.running).Devices[0].VolumeID}, Tags: []state.Tag{{Key: "colour", Value: "red"}}})
	var pairs []string
	for _, id := range fixedIDs(f.FSM.View()) {
		pairs = append(pairs, id, "fixed:"+strings.ReplaceAll(id, "-", ":"))
	}
	f.names = strings.NewReplacer(pairs...)
	return f
}

// launch makes the nth instance of the fixture running, with ids that are the same in every fixture.
func (f *fixture) launch(n int) string {
	f.t.Helper()
	plan, err := f.svc.planLaunch(f.FSM.View(), alice, launchInput(f.world))
	if err != nil {
		f.t.Fatal(err)
	}
	c := plan.withIDs("", "")
	l := &c.Launches[0]
	digits := fmt.Sprintf("%017x", n)
	l.Instance.ID, l.Instance.ReservationID, l.Volumes[0].ID, l.Instance.Devices[0].VolumeID = "i-"+digits, "r-"+digits, "vol-"+digits, "vol-"+digits
	l.Interface.ID, l.Interface.AttachmentID, l.Interface.MAC = "eni-"+digits, "eni-attach-"+digits, fmt.Sprintf("06:00:00:00:00:%02x", n)
	f.must(f.t, c)
	f.Observe(f.t, l.Instance.ID, command.SawRunning)
	return l.Instance.ID
}

// fixedIDs are the ids that are the same in every fixture.
func fixedIDs(v *state.View) []string {
	var out []string
	for i := range state.Images.All(v) {
		out = append(out, i.ID)
	}
	for s := range state.Snapshots.All(v) {
		out = append(out, s.ID)
	}
	for k := range state.KeyPairs.All(v) {
		out = append(out, k.ID)
	}
	for g := range state.PlacementGroups.All(v) {
		out = append(out, g.ID)
	}
	for n := range state.Subnets.All(v) {
		out = append(out, n.ID)
	}
	for g := range state.SecurityGroups.All(v) {
		out = append(out, g.ID)
		for _, r := range g.Rules {
			out = append(out, r.ID)
		}
	}
	for n := range state.VPCs.All(v) {
		out = append(out, n.ID)
	}
	for n := range state.NetworkInterfaces.All(v) {
		out = append(out, n.AttachmentID, n.ID)
	}
	for i := range state.Instances.All(v) {
		out = append(out, i.ID, i.ReservationID)
	}
	for n := range state.Volumes.All(v) {
		out = append(out, n.ID)
	}
	return out
}

// runXen launches an instance of a type that AWS builds on Xen.
func (f *fixture) runXen() string {
	return f.run(f.t, alice, 1, func(in *sdk.RunInstancesInput) { in.InstanceType = "t2.micro" })[0]
}

// noise is what differs from run to run and is not named by the fixture: ids, keys, tokens.
var noise = []struct {
	action  string // "" for all
	pattern *regexp.Regexp
	name    string
}{
	{"", regexp.MustCompile(`\b(eni-attach|[a-z]+)-0[0-9a-f]{16}\b`), "<$1>"},
	{"", regexp.MustCompile(`02(:[0-9a-f]{2}){5}\b`), "<mac>"},
	{"", regexp.MustCompile(`"NextToken":"[^"]*"`), `"NextToken":"<token>"`},
	{"CreateKeyPair", regexp.MustCompile(`(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?-----END`), "$1"},
	{"CreateKeyPair", regexp.MustCompile(`(PuTTY-User-Key-File-[23]: [a-z0-9-]+).*?Private-MAC: [0-9a-f]*`), "$1"},
	{"CreateKeyPair", regexp.MustCompile(`(ssh-rsa|ssh-ed25519) AAAA[A-Za-z0-9+/=]{20,}`), "$1"},
	{"CreateKeyPair", regexp.MustCompile(`"(Key)?Fingerprint":"[^"]*"`), `"fingerprint"`},
}

// outcome is what a call by alice did, as text: commands, answer, error.
func (f *fixture) outcome(t *testing.T, action string, in any, dry bool) (text string, err error) {
	t.Helper()
	return f.outcomeAs(t, alice, action, in, dry)
}

func (f *fixture) outcomeAs(t *testing.T, account, action string, in any, dry bool) (text string, err error) {
	t.Helper()
	f.proposed = nil
	ctx := f.as(t, account, action)
	apigw.CallFrom(ctx).DryRun = dry
	out, err := f.invoke(ctx, action, in)
	answer, _ := json.Marshal(out)
	var commands []string
	for _, c := range f.proposed {
		b, e := json.Marshal(c)
		if e != nil {
			t.Fatal(e)
		}
		commands = append(commands, fmt.Sprintf("%T %s", c, b))
	}
	text = fmt.Sprintf("%s\nanswer %s\nerror %v", strings.Join(commands, "\n"), answer, err)
	text = f.names.Replace(text)
	for _, n := range noise {
		if n.action != "" && n.action != action {
			continue
		}
		text = n.pattern.ReplaceAllString(text, n.name)
	}
	return text, err
}

// invoke calls an action's handler.
func (f *fixture) invoke(ctx context.Context, action string, in any) (out any, err error) {
	method := reflect.ValueOf(f.svc).MethodByName(action)
	answer := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(in)})
	if e, ok := answer[1].Interface().(error); ok {
		err = e
	}
	return answer[0].Interface(), err
}

func TestEveryDeclaredMemberChangesSomething(t *testing.T) {
	t.Parallel()
	codec := ec2wire.Codec()
	for action, declared := range Members {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			input, ok := codec.InputType(action)
			if !ok {
				t.Fatalf("no such action")
			}
			varied := map[string]bool{}
			for n, c := range memberCases[action] {
				for _, path := range checkCase(t, action, c) {
					varied[path] = true
				}
				if n == 0 {
					checkDryRun(t, action, c)
				}
			}
			for _, path := range declaredLeaves(t, input, declared) {
				if inert[action+"."+path] == "" && !varied[path] {
					t.Errorf("no case varies the member %s", path)
				}
				delete(varied, path)
			}
			for path := range varied {
				t.Errorf("a case varies %s, which is not declared", path)
			}
		})
	}
}

// checkCase runs the case's call as it is and with each variation.
func checkCase(t *testing.T, action string, c memberCase) []string {
	t.Helper()
	run := func(change func(f *fixture, in any)) (string, error) {
		f := newFixture(t)
		in := c.base(f)
		change(f, in)
		return f.outcome(t, action, in, false)
	}
	base, err := run(func(*fixture, any) {})
	if err != nil {
		t.Errorf("the call fails as it is: %v", err)
		return nil
	}
	if again, _ := run(func(*fixture, any) {}); again != base {
		t.Errorf("the same call differs from run to run:\n%s\n%s", base, again)
		return nil
	}
	var paths []string
	for path, value := range c.vary {
		paths = append(paths, path)
		got, err := run(func(f *fixture, in any) { setPath(t, f, reflect.ValueOf(in).Elem(), path, value) })
		_, refused := value.(refusedValue)
		switch {
		case got == base:
			t.Errorf("%s: another value (%v) changes neither command, answer nor error", path, value)
		case err != nil && !refused:
			t.Errorf("%s: the other value is refused: %v", path, err)
		case err == nil && refused:
			t.Errorf("%s: the other value is not refused", path)
		}
	}
	return paths
}

// checkDryRun checks that a dry run of the call answers DryRunOperation and proposes nothing.
func checkDryRun(t *testing.T, action string, c memberCase) {
	t.Helper()
	f := newFixture(t)
	in := c.base(f)
	if !reflect.ValueOf(in).Elem().FieldByName("DryRun").IsValid() {
		return
	}
	_, err := f.outcome(t, action, in, true)
	if code, _ := codeOf(err); code != "DryRunOperation" || len(f.proposed) != 0 {
		t.Errorf("a dry run answers %v and proposes %v", err, f.proposed)
	}
}

// setPath sets a member; lists of structures are followed into their first element.
func setPath(t *testing.T, f *fixture, v reflect.Value, path string, value any) {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		if v.Kind() == reflect.Slice {
			if v.Len() == 0 {
				v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			}
			v = v.Index(0)
		}
		v = v.FieldByName(name)
	}
	if r, ok := value.(refusedValue); ok {
		value = r.value
	}
	if make, ok := value.(func(*fixture) any); ok {
		value = make(f)
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	v.Set(reflect.ValueOf(value).Convert(v.Type()))
}

// declaredLeaves are the declared members down to scalars. Members of which only AWS's default is accepted are left
// out: they are not implemented.
func declaredLeaves(t *testing.T, input reflect.Type, declared []string) []string {
	t.Helper()
	var out []string
	for _, path := range declared {
		if strings.Contains(path, "=") {
			continue
		}
		tree, below := strings.CutSuffix(path, ".*")
		if !below {
			out = append(out, path)
			continue
		}
		out = append(out, leavesBelow(memberType(t, input, tree), tree)...)
	}
	return out
}

func memberType(t *testing.T, typ reflect.Type, path string) reflect.Type {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		field, ok := structOf(typ).FieldByName(name)
		if !ok {
			t.Fatalf("%s has no member %s", typ, path)
		}
		typ = field.Type
	}
	return typ
}

func leavesBelow(typ reflect.Type, path string) []string {
	s := structOf(typ)
	if s.Kind() != reflect.Struct || s.PkgPath() == "time" {
		return []string{path}
	}
	var out []string
	for _, field := range reflect.VisibleFields(s) {
		if field.IsExported() {
			out = append(out, leavesBelow(field.Type, path+"."+field.Name)...)
		}
	}
	return out
}

// structOf strips pointers and lists.
func structOf(typ reflect.Type) reflect.Type {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	return typ
}

func TestMembersAndMethodsAgree(t *testing.T) {
	t.Parallel()
	codec := ec2wire.Codec()
	service := reflect.TypeFor[*Service]()
	for action, declared := range Members {
		if _, ok := service.MethodByName(action); !ok {
			t.Errorf("the action %s has members and no method", action)
		}
		for _, member := range declared {
			path, _, _ := strings.Cut(member, "=")
			path, subtree := strings.CutSuffix(path, ".*")
			if !codec.HasPath(action, path, subtree) {
				t.Errorf("%s has no member %s", action, member)
			}
		}
	}
	for method := range service.Methods() {
		takesContext := method.Type.NumIn() == 3 && method.Type.In(1) == reflect.TypeFor[context.Context]()
		if _, declared := Members[method.Name]; takesContext && !declared && slices.Contains(codec.Actions(), method.Name) {
			t.Errorf("the action %s declares no members", method.Name)
		}
	}
}

// The check has teeth: a member that a handler drops leaves the outcome as it is, and is found by that.
func TestAnIgnoredMemberIsFound(t *testing.T) {
	t.Parallel()
	for action, ignored := range map[string]string{"RunInstances": "AdditionalInfo", "StopInstances": "Hibernate", "CreateTags": "DryRun"} {
		c := memberCases[action][0]
		f, g := newFixture(t), newFixture(t)
		plain, _ := f.outcome(t, action, c.base(f), false)
		in := c.base(g)
		member := reflect.ValueOf(in).Elem().FieldByName(ignored)
		member.Set(reflect.New(member.Type().Elem()))
		if got, _ := g.outcome(t, action, in, false); got != plain {
			t.Errorf("%s: a member that the handler does not look at changes the outcome:\n%s\n%s", action, plain, got)
		}
	}
}
