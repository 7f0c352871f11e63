// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"testing"

	"golang.org/x/tools/go/packages"
)

const root = "../.."

func mustTree(t *testing.T) []*Source {
	t.Helper()
	tree, err := ReadTree(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree) < 50 {
		t.Fatalf("only %d files were found: the rules would hold for nothing", len(tree))
	}
	return tree
}

func report(t *testing.T, findings []Finding) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
}

func TestTree_ImportsFollowTheArrows(t *testing.T) {
	t.Parallel()
	for _, s := range mustTree(t) {
		report(t, CheckImports(s))
	}
}

func TestTree_PureRoomsArePure(t *testing.T) {
	t.Parallel()
	for _, s := range mustTree(t) {
		report(t, CheckPurity(s))
	}
}

func TestTree_PureRoomsDoNotDependOnMapOrder(t *testing.T) {
	t.Parallel()
	mode := packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, "./fsm/...", "./compute/scheduler/...")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, p := range loaded {
		for _, e := range p.Errors {
			t.Errorf("%s: %v", p.PkgPath, e)
		}
		if !IsPure(p.PkgPath[len(module):]) {
			continue
		}
		for _, file := range p.Syntax {
			files++
			report(t, CheckMapOrder(p.Fset.Position(file.Pos()).Filename, p.Fset, file, p.TypesInfo))
		}
	}
	if files < 10 {
		t.Errorf("only %d files were checked", files)
	}
}

func TestTree_LicenceSizesAndMarkers(t *testing.T) {
	t.Parallel()
	for _, s := range mustTree(t) {
		report(t, CheckText(s))
	}
}

func TestTree_EveryPackageIsDocumented(t *testing.T) {
	t.Parallel()
	report(t, CheckPackageDocs(mustTree(t)))
}
