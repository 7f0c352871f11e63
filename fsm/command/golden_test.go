// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A golden file never changes: it is what released logs hold. The flag only writes files that do not exist yet.
var writeNew = flag.Bool("write-new", false, "write golden files of commands that have none")

// fill sets every field of a value to something that is not zero, the same each time.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint64, reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.String:
		v.SetString("s" + string(rune('a'+*n%26)))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{"i-1", "i-2"} {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(e, n)
			v.SetMapIndex(reflect.ValueOf(key), e)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if strings.Contains(v.Type().Field(i).Tag.Get("codec"), "omitempty") {
				continue // came after the release: absent, it encodes as before
			}
			fill(v.Field(i), n)
		}
	default:
		panic("fill: " + v.Type().String())
	}
}

func filled(c Command) Command {
	v, n := reflect.New(reflect.TypeOf(c)), 0
	fill(v.Elem(), &n)
	return v.Elem().Interface().(Command)
}

func TestGoldenCommands_BytesNeverChange(t *testing.T) {
	t.Parallel()
	for _, zero := range All() {
		name := reflect.TypeOf(zero).Name()
		t.Run(name, func(t *testing.T) {
			e := Envelope{Type: zero.Type(), Ignorable: true, Request: RequestID{1, 2, 3}, Time: 1700000000000000000, Node: "n-1", Command: filled(zero)}
			got, err := Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "golden", name+".hex")
			text, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) && *writeNew {
				text = []byte(hex.EncodeToString(got) + "\n")
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				err = os.WriteFile(path, text, 0o644)
			}
			if err != nil {
				t.Fatalf("read golden file (a new command needs `go test -write-new`): %v", err)
			}
			want, err := hex.DecodeString(string(text[:len(text)-1]))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("the bytes of a released command changed: a field may only be added at a new format level (-golden +now):\n%s", diff)
			}
			back, err := Decode(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e, back); diff != "" {
				t.Fatalf("round trip (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecode_DamageIsNoticed(t *testing.T) {
	t.Parallel()
	good, err := Encode(Envelope{Node: "n-1", Command: filled(RunInstances{})})
	if err != nil {
		t.Fatal(err)
	}
	for at := range good {
		bad := append([]byte(nil), good...)
		bad[at] ^= 1
		if _, err := Decode(bad); err == nil {
			t.Fatalf("a flipped bit at byte %d was not noticed", at)
		}
	}
	for n := range good {
		if _, err := Decode(good[:n]); err == nil {
			t.Fatalf("an envelope cut to %d bytes was accepted", n)
		}
	}
}

// stranger is a command with a field that DeleteSnapshot does not have.
type stranger struct{ AccountID, SnapshotID, Extra string }

func (stranger) Type() Type { return DeleteSnapshot{}.Type() }

func TestDecode_UnknownFieldIsRefused(t *testing.T) {
	t.Parallel()
	b, err := Encode(Envelope{Command: stranger{"a", "s", "x"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(b); !errors.Is(err, ErrMalformed) {
		t.Fatalf("got %v, want ErrMalformed", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range All() {
		b, err := Encode(Envelope{Node: "n-1", Command: filled(c)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// The checksum would stop nearly every input: repair it, so that the payload decoder is fuzzed too.
		if len(b) >= headerLen {
			sum := checksum(b)
			b[6], b[7], b[8], b[9] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
		}
		e, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Encode(e)
		if err != nil {
			t.Skip("larger than an envelope may be")
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("decode of a re-encoded envelope: %v", err)
		}
		if diff := cmp.Diff(e, back); diff != "" {
			t.Fatalf("round trip (-want +got):\n%s", diff)
		}
	})
}
