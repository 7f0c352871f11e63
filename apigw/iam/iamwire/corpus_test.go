// SPDX-License-Identifier: Apache-2.0

package iamwire

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

func TestEveryTypeHasAPlan(t *testing.T) {
	t.Parallel()
	if err := Codec().CompileAll(); err != nil {
		t.Fatal(err)
	}
}

// unions are the actions whose filled request carries a union, which the codec refuses by name.
var unions = map[string]string{"SimulatePrincipalPolicy": "PolicyExclusionList.member.1"}

// TestSnapshotsOfTheSDK decodes the SDK's filled request of every action: nothing is unknown, every member arrives.
func TestSnapshotsOfTheSDK(t *testing.T) {
	t.Parallel()
	dir, err := exec.Command("go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/iam").Output()
	if err != nil {
		t.Fatalf("find the SDK module: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "request_snapshot", "*.request.snap"))
	if err != nil || len(files) < 150 {
		t.Fatalf("found %d snapshots (%v)", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(string(raw), "application/x-www-form-urlencoded\n\n")
		form, err := wire.ParseForm(body)
		if err != nil {
			t.Fatal(err)
		}
		action, err := form.Take("Action")
		if err != nil {
			t.Fatal(err)
		}
		if version, err := form.Take("Version"); err != nil || version != Version {
			t.Fatalf("%s: version %q, %v", action, version, err)
		}
		input, ok := Codec().InputType(action)
		if !ok {
			t.Fatalf("%s: no action %q", file, action)
		}
		params, err := Codec().Decode(form, reflect.New(input).Interface())
		if want := unions[action]; want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v", action, err)
			}
			continue
		}
		if err != nil || len(params) != len(form) {
			t.Errorf("%s: %d of %d parameters took effect, %v", action, len(params), len(form), err)
			continue
		}
		members, err := Codec().Members(action)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			if !slices.ContainsFunc(params, func(p wire.Param) bool { return p.Path == m.Path }) {
				t.Errorf("%s: %s is not in the request", action, m.Wire)
			}
		}
	}
}
