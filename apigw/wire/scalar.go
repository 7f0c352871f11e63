// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// parseFunc stores the value of a parameter in a settable field of the type it was made for (after pointers).
type parseFunc func(reflect.Value, string) error

var (
	errBool    = errors.New("must be true or false")
	errNumber  = errors.New("must be a number")
	errInteger = errors.New("must be an integer")
	errRange   = errors.New("is out of range")
	errTime    = errors.New("must be a time in ISO 8601 format, such as 2026-01-31T23:59:59Z")
	errBlob    = errors.New("must be base64 encoded")
)

// parserOf returns the parser of a scalar type.
func parserOf(t reflect.Type) (parseFunc, error) {
	switch {
	case t == timeType:
		return parseTime, nil
	case t == bytesType:
		return parseBlob, nil
	}
	switch t.Kind() {
	case reflect.String:
		return func(v reflect.Value, s string) error { v.SetString(s); return nil }, nil
	case reflect.Bool:
		return parseBool, nil
	case reflect.Int32, reflect.Int64:
		return func(v reflect.Value, s string) error { return parseInt(v, s, t.Bits()) }, nil
	case reflect.Float32, reflect.Float64:
		return func(v reflect.Value, s string) error { return parseFloat(v, s, t.Bits()) }, nil
	}
	return nil, fmt.Errorf("no parser for %s", t)
}

// parseBool accepts what AWS accepts: true and false in any capitalization of the first letter or throughout.
func parseBool(v reflect.Value, s string) error {
	switch s {
	case "true", "True", "TRUE":
		v.SetBool(true)
	case "false", "False", "FALSE":
		v.SetBool(false)
	default:
		return errBool
	}
	return nil
}

func parseInt(v reflect.Value, s string, bits int) error {
	n, err := strconv.ParseInt(s, 10, bits)
	if errors.Is(err, strconv.ErrRange) {
		return errRange
	}
	if err != nil || s[0] == '+' {
		return errInteger
	}
	v.SetInt(n)
	return nil
}

func parseFloat(v reflect.Value, s string, bits int) error {
	n, err := strconv.ParseFloat(s, bits)
	if errors.Is(err, strconv.ErrRange) {
		return errRange
	}
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return errNumber
	}
	v.SetFloat(n)
	return nil
}

// timeLayouts are the forms of ISO 8601 that clients send.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02"}

func parseTime(v reflect.Value, s string) error {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			v.Set(reflect.ValueOf(t.UTC()))
			return nil
		}
	}
	return errTime
}

func parseBlob(v reflect.Value, s string) error {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return errBlob
	}
	v.SetBytes(b)
	return nil
}
