// SPDX-License-Identifier: Apache-2.0

package wire_test

import "reflect"

// newValue is a pointer to a zero value of a type.
func newValue(t reflect.Type) any { return reflect.New(t).Interface() }
