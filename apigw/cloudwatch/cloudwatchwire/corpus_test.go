// SPDX-License-Identifier: Apache-2.0

package cloudwatchwire

import "testing"

func TestEveryTypeHasAPlan(t *testing.T) {
	t.Parallel()
	if err := Codec().CompileAll(); err != nil {
		t.Fatal(err)
	}
}
