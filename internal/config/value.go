// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Bytes is an amount of storage or memory in bytes.
type Bytes uint64

// byteUnits lists the units from small to large. Decimal units exist because
// disks are sold in them; everything else in Hive is binary.
var byteUnits = []struct {
	name string
	size uint64
}{
	{"B", 1}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
}

var errBytes = errors.New(`write a whole or decimal number with a unit, such as "512MiB", "4GiB" or "1.5TB"`)

// ParseBytes reads an amount with a unit: B, KB, MB, GB, TB or KiB, MiB, GiB,
// TiB, in any case. A bare number is bytes.
func ParseBytes(s string) (Bytes, error) {
	text := strings.TrimSpace(s)
	cut := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	number, unit := text, "B"
	if cut >= 0 {
		number, unit = text[:cut], strings.TrimSpace(text[cut:])
	}
	for _, u := range byteUnits {
		if !strings.EqualFold(u.name, unit) {
			continue
		}
		if whole, err := strconv.ParseUint(number, 10, 64); err == nil {
			if whole > math.MaxInt64/u.size {
				return 0, fmt.Errorf("%s is more than a machine can hold", s)
			}
			return Bytes(whole * u.size), nil
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || number == "." {
			return 0, errBytes
		}
		if n*float64(u.size) >= math.MaxInt64 {
			return 0, fmt.Errorf("%s is more than a machine can hold", s)
		}
		return Bytes(math.Round(n * float64(u.size))), nil
	}
	return 0, errBytes
}

// String prints the amount in the largest binary unit that divides it.
func (b Bytes) String() string {
	for i := len(byteUnits) - 1; i >= 5; i-- {
		if u := byteUnits[i]; b > 0 && uint64(b)%u.size == 0 {
			return strconv.FormatUint(uint64(b)/u.size, 10) + u.name
		}
	}
	return strconv.FormatUint(uint64(b), 10) + "B"
}

// HostPort is a listen or dial address. The host may be empty or an IPv6
// address in brackets; the port is numeric, and 0 lets the kernel choose.
type HostPort string

// ParseHostPort checks and returns an address.
func ParseHostPort(s string) (HostPort, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", errors.New(`write host:port, such as "0.0.0.0:9443" or "[::]:9443"`)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	if strings.ContainsAny(host, " /") {
		return "", fmt.Errorf("%q is not a host name or address", host)
	}
	return HostPort(s), nil
}

// Host is the part before the port; empty means every address.
func (h HostPort) Host() string {
	host, _, _ := net.SplitHostPort(string(h))
	return host
}

// Port is the numeric port.
func (h HostPort) Port() int {
	_, port, _ := net.SplitHostPort(string(h))
	n, _ := strconv.Atoi(port)
	return n
}

var (
	typeBytes    = reflect.TypeFor[Bytes]()
	typeHostPort = reflect.TypeFor[HostPort]()
	typePrefix   = reflect.TypeFor[netip.Prefix]()
	typeAddr     = reflect.TypeFor[netip.Addr]()
	typeDuration = reflect.TypeFor[time.Duration]()
)

// parseScalar reads s as a value of type t.
func parseScalar(t reflect.Type, s string) (reflect.Value, error) {
	switch t {
	case typeBytes:
		v, err := ParseBytes(s)
		return reflect.ValueOf(v), err
	case typeHostPort:
		v, err := ParseHostPort(s)
		return reflect.ValueOf(v), err
	case typePrefix:
		return parsePrefix(s)
	case typeAddr:
		if s == "" {
			return reflect.ValueOf(netip.Addr{}), nil
		}
		a, err := netip.ParseAddr(s)
		if err != nil {
			return reflect.Value{}, errors.New(`write an address without a length, such as "10.0.0.5"`)
		}
		return reflect.ValueOf(a), nil
	case typeDuration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return reflect.Value{}, errors.New(`write a number with a unit, such as "500ms", "30s" or "2h"`)
		}
		return reflect.ValueOf(d), nil
	}
	switch t.Kind() {
	case reflect.String:
		return reflect.ValueOf(s).Convert(t), nil
	case reflect.Int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return reflect.Value{}, errors.New("a whole number is required")
		}
		return reflect.ValueOf(n), nil
	case reflect.Float64:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return reflect.Value{}, errors.New("a number is required")
		}
		return reflect.ValueOf(f), nil
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return reflect.Value{}, errors.New("true or false is required")
		}
		return reflect.ValueOf(b), nil
	}
	panic(fmt.Sprintf("config: no parser for %s", t))
}

// parsePrefix reads a CIDR block and refuses host bits: 10.1.2.3/16 is more
// often a mistake in the mask than a wish for 10.1.0.0/16.
func parsePrefix(s string) (reflect.Value, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return reflect.Value{}, errors.New(`write an address block, such as "127.80.0.0/16"`)
	}
	if p != p.Masked() {
		return reflect.Value{}, fmt.Errorf("%s has bits set beyond its length; the block is %s", s, p.Masked())
	}
	return reflect.ValueOf(p), nil
}

// format prints a value in the syntax parseScalar and splitList read.
func format(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []string:
		return strings.Join(x, ",")
	case []int:
		words := make([]string, len(x))
		for i, n := range x {
			words[i] = strconv.Itoa(n)
		}
		return strings.Join(words, ",")
	case map[string]string:
		words := make([]string, 0, len(x))
		for _, k := range sortedKeys(x) {
			words = append(words, k+"="+x[k])
		}
		return strings.Join(words, ",")
	case netip.Addr:
		if !x.IsValid() {
			return ""
		}
		return x.String()
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	default:
		return fmt.Sprint(x)
	}
}
