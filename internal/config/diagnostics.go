// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// Diagnostics are the findings of one Load with the sources they point into.
type Diagnostics struct {
	// List is in the order of the sources and their lines.
	List hcl.Diagnostics

	files map[string]*hcl.File
}

// HasErrors tells whether the configuration is unusable. Warnings are not errors.
func (d *Diagnostics) HasErrors() bool { return d.List.HasErrors() }

// Err is nil, or an error whose text counts the faults. Print them with Write.
func (d *Diagnostics) Err() error {
	if n := len(d.List.Errs()); n > 0 {
		plural := "s"
		if n == 1 {
			plural = ""
		}
		return fmt.Errorf("configuration has %d fault%s: %w", n, plural, d.List)
	}
	return nil
}

// Write prints every finding with its source line, at most width columns wide
// (0: not wrapped).
func (d *Diagnostics) Write(w io.Writer, width uint, color bool) error {
	if err := hcl.NewDiagnosticTextWriter(w, d.files, width, color).WriteDiagnostics(d.List); err != nil {
		return fmt.Errorf("write diagnostics: %w", err)
	}
	return nil
}

// sort puts findings into the order a reader meets them: sources as they were
// read, then lines. Findings without a place come first: they are usually the
// reason for the rest.
func (d *Diagnostics) sort(rank map[string]int) {
	place := func(x *hcl.Diagnostic) (int, int) {
		if x.Subject == nil {
			return -1, 0
		}
		return rank[x.Subject.Filename], x.Subject.Start.Byte
	}
	slices.SortStableFunc(d.List, func(a, b *hcl.Diagnostic) int {
		aFile, aByte := place(a)
		bFile, bByte := place(b)
		return cmp.Or(cmp.Compare(aFile, bFile), cmp.Compare(aByte, bByte))
	})
}
