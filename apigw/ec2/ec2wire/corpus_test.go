// SPDX-License-Identifier: Apache-2.0

package ec2wire

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hivecloud/hive/apigw/wire"
)

// snapshots is the directory of the SDK module's own filled requests: one of every action, every member set, every
// list twice. Nobody here wrote them.
func snapshots(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/ec2").Output()
	if err != nil {
		t.Fatalf("find the SDK module: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "request_snapshot")
}

// readSnapshot returns the parameters of one request.
func readSnapshot(t *testing.T, path string) wire.Form {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(raw), "application/x-www-form-urlencoded\n\n")
	if !ok {
		t.Fatalf("%s: unexpected form", path)
	}
	form, err := wire.ParseForm(body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return form
}

func TestEveryTypeHasAPlan(t *testing.T) {
	t.Parallel()
	if err := Codec().CompileAll(); err != nil {
		t.Fatal(err)
	}
}

// TestSnapshotsOfTheSDK decodes the SDK's filled request of every action: nothing is unknown, every member that the
// action has arrives, every list has both items.
func TestSnapshotsOfTheSDK(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(snapshots(t), "*.request.snap"))
	if err != nil || len(files) != len(Codec().Actions()) {
		t.Fatalf("found %d snapshots for %d actions (%v)", len(files), len(Codec().Actions()), err)
	}
	lists := 0
	for _, file := range files {
		form := readSnapshot(t, file)
		action, err := form.Take("Action")
		if err != nil {
			t.Fatal(err)
		}
		if version, err := form.Take("Version"); err != nil || version != Version {
			t.Fatalf("%s: version %q, %v", action, version, err)
		}
		input, ok := Codec().InputType(action)
		if !ok {
			t.Fatalf("no action %s", action)
		}
		in := reflect.New(input)
		params, err := Codec().Decode(slices.Clone(form), in.Interface())
		if err != nil {
			t.Errorf("%s: %v", action, err)
			continue
		}
		if len(params) != len(form) {
			t.Errorf("%s: %d of %d parameters took effect", action, len(params), len(form))
		}
		members, err := Codec().Members(action)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			if !slices.ContainsFunc(params, func(p wire.Param) bool { return p.Path == m.Path }) {
				t.Errorf("%s: %s (%s) is not in the request", action, m.Path, m.Wire)
			}
		}
		lists += checkFilled(t, action, in.Elem(), action)
	}
	if lists < 900 {
		t.Errorf("saw only %d lists", lists)
	}
}

// checkFilled walks a decoded input: no nil member, every list with two items. It returns how many lists it saw.
func checkFilled(t *testing.T, action string, v reflect.Value, path string) int {
	t.Helper()
	lists := 0
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			t.Errorf("%s is nil", path)
			return 0
		}
		return checkFilled(t, action, v.Elem(), path)
	case reflect.Struct:
		if !strings.HasPrefix(v.Type().PkgPath(), "github.com/aws/aws-sdk-go-v2/service/ec2") {
			return 0 // time.Time
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				lists += checkFilled(t, action, v.Field(i), path+"."+f.Name)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return 0
		}
		if v.Len() != 2 {
			t.Errorf("%s has %d items", path, v.Len())
		}
		lists++
		for i := range v.Len() {
			lists += checkFilled(t, action, v.Index(i), path)
		}
	case reflect.String:
		if v.Len() == 0 {
			t.Errorf("%s is empty", path)
		}
	}
	return lists
}

// TestEveryMemberDecodesAlone sends each member of each action by itself, with the wire name that the table gives.
func TestEveryMemberDecodesAlone(t *testing.T) {
	t.Parallel()
	members, lists := 0, 0
	for _, action := range Codec().Actions() {
		all, err := Codec().Members(action)
		if err != nil {
			t.Fatal(err)
		}
		input, _ := Codec().InputType(action)
		for _, m := range all {
			name := indexed(m.Wire, "1")
			in := reflect.New(input)
			params, err := Codec().Decode(wire.Form{{Name: name, Value: sample(m.Type)}}, in.Interface())
			if err != nil || len(params) != 1 || params[0].Path != m.Path {
				t.Errorf("%s: %s: got %v, %v", action, name, params, err)
			}
			members++
			if second := indexed(m.Wire, "2"); second != m.Wire {
				lists++
				if _, err := Codec().Decode(wire.Form{{Name: second, Value: sample(m.Type)}}, in.Interface()); err == nil {
					t.Errorf("%s: %s: a list without its first item was accepted", action, m.Wire)
				}
			}
		}
	}
	if members < 5800 || lists < 2100 {
		t.Errorf("saw %d members, %d of them in lists", members, lists)
	}
}

// indexed replaces the N of lists in a wire name.
func indexed(name, index string) string {
	segments := strings.Split(name, ".")
	for i, s := range segments {
		if s == "N" {
			segments[i] = index
		}
	}
	return strings.Join(segments, ".")
}

// sample is a value that any scalar of the type accepts.
func sample(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true"
	case reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return "7"
	case reflect.Struct:
		return "2026-01-31T23:59:59Z"
	case reflect.Slice:
		return "aGl2ZQ=="
	}
	return "x"
}
