// SPDX-License-Identifier: Apache-2.0

package beacon

import (
	"bytes"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden messages; never for a version that was released")

var (
	aNonce    = Nonce{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	aQuestion = Question{Nonce: aNonce, Cluster: "c-0a1b2c3d"}
	anAnswer  = Answer{Nonce: aNonce, Address: netip.MustParseAddrPort("192.0.2.7:8443")}
	anAnswer6 = Answer{Nonce: aNonce, Address: netip.MustParseAddrPort("[2001:db8::7]:18443")}
)

func must(t testing.TB, b []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func question(t testing.TB, q Question) []byte { b, err := q.Encode(); return must(t, b, err) }
func answer(t testing.TB, a Answer) []byte     { b, err := a.Encode(); return must(t, b, err) }

// The golden messages are what version 1 says: members of any later version are asked in these bytes.
func TestGoldenMessages(t *testing.T) {
	t.Parallel()
	for name, made := range map[string][]byte{"v1.question": question(t, aQuestion), "v1.answer": answer(t, anAnswer), "v1.answer6": answer(t, anAnswer6)} {
		path := filepath.Join("testdata", name)
		if *rewrite {
			if err := os.WriteFile(path, made, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made, want) {
			t.Errorf("%s has changed; a new form needs a new version\n got %x\nwant %x", name, made, want)
		}
	}
	if q, err := DecodeQuestion(question(t, aQuestion)); err != nil || q != aQuestion {
		t.Errorf("got %+v, %v", q, err)
	}
	for _, want := range []Answer{anAnswer, anAnswer6} {
		if a, err := DecodeAnswer(answer(t, want)); err != nil || a != want {
			t.Errorf("got %+v, %v", a, err)
		}
	}
}

// An answer longer than its question would make members amplifiers.
func TestAnswer_IsShorterThanItsQuestion(t *testing.T) {
	t.Parallel()
	short, long := question(t, Question{Cluster: "c"}), question(t, Question{Cluster: strings.Repeat("c", nameRoom)})
	if len(short) != len(long) || len(answer(t, anAnswer6)) >= len(short) || len(long) >= largest {
		t.Errorf("questions of %d and %d bytes, an answer of %d", len(short), len(long), len(answer(t, anAnswer6)))
	}
}

func TestDecode_RefusesWhatDiffersInAnyBit(t *testing.T) {
	t.Parallel()
	for _, made := range [][]byte{question(t, aQuestion), answer(t, anAnswer)} {
		for bit := range len(made) * 8 {
			b := bytes.Clone(made)
			b[bit/8] ^= 1 << (bit % 8)
			if q, err := DecodeQuestion(b); !errors.Is(err, ErrForm) {
				t.Fatalf("bit %d: %+v, %v", bit, q, err)
			}
			if a, err := DecodeAnswer(b); !errors.Is(err, ErrForm) {
				t.Fatalf("bit %d: %+v, %v", bit, a, err)
			}
		}
		for _, b := range [][]byte{nil, made[:len(made)-1], append(bytes.Clone(made), 0), append(bytes.Clone(made), made...)} {
			if _, err := DecodeQuestion(b); !errors.Is(err, ErrForm) {
				t.Errorf("question of %d bytes: %v", len(b), err)
			}
			if _, err := DecodeAnswer(b); !errors.Is(err, ErrForm) {
				t.Errorf("answer of %d bytes: %v", len(b), err)
			}
		}
	}
}

// What is sealed properly and says nonsense is refused as well: the checksum is no secret.
func TestDecode_RefusesNonsenseWithAChecksum(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte){
		"no cluster":          func(b []byte) { b[24] = 0 },
		"longer than it is":   func(b []byte) { b[24] = 64 },
		"something behind it": func(b []byte) { b[80] = 1 },
		"another version":     func(b []byte) { b[4] = 2 },
	} {
		b := question(t, aQuestion)
		change(b)
		if q, err := DecodeQuestion(seal(b)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
	for _, at := range []string{"0.0.0.0:1", "[::]:1", "224.0.0.1:1", "[ff02::1]:1", "255.255.255.255:1", "192.0.2.1:0"} {
		a := netip.MustParseAddrPort(at)
		if b, err := (Answer{Address: a}).Encode(); err == nil {
			t.Errorf("%s was encoded as %x", at, b)
		}
		b := answer(t, anAnswer)
		ip := a.Addr().As16()
		copy(b[24:], ip[:])
		b[40], b[41] = byte(a.Port()>>8), byte(a.Port())
		if got, err := DecodeAnswer(seal(b)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %+v, %v", at, got, err)
		}
	}
	for _, id := range []string{"", strings.Repeat("c", nameRoom+1)} {
		if b, err := (Question{Cluster: id}).Encode(); err == nil {
			t.Errorf("a cluster id of %d bytes was encoded as %x", len(id), b)
		}
	}
}

// FuzzDecode: nothing makes a decoder fail, and what is accepted is exactly what the encoder says.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"v1.question", "v1.answer", "v1.answer6"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, false)
		f.Add(b, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		if sealed && len(b) > sumSize { // otherwise the checksum stops nearly everything
			b = seal(bytes.Clone(b))
		}
		if q, err := DecodeQuestion(b); err == nil && !bytes.Equal(question(t, q), b) {
			t.Errorf("%x was read as %+v", b, q)
		}
		if a, err := DecodeAnswer(b); err == nil && !bytes.Equal(answer(t, a), b) {
			t.Errorf("%x was read as %+v", b, a)
		}
	})
}
