// SPDX-License-Identifier: Apache-2.0

package logging

import "fmt"

const redacted = "[redacted]"

// Secret is text that prints as [redacted] everywhere: with every verb, in JSON
// and in log lines. Convert it with string(s) where the value itself is needed;
// that conversion is what a reviewer looks for.
type Secret string

var (
	_ fmt.Formatter  = Secret("")
	_ fmt.GoStringer = Secret("")
)

// String hides the value.
func (Secret) String() string { return redacted }

// GoString hides the value from %#v.
func (Secret) GoString() string { return redacted }

// Format hides the value from every other verb, such as %x and %d.
func (Secret) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(redacted)) }

// MarshalText hides the value from JSON and other encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
