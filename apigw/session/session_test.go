// SPDX-License-Identifier: Apache-2.0

package session

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/internal/seal"
)

// fixed are keys that everybody can compute, for the golden file.
type fixed struct{}

func (fixed) Version() int { return 7 }

func (fixed) Derive(version int, use string, length int) ([]byte, error) {
	if version != 7 {
		return nil, seal.ErrUnknownVersion
	}
	return []byte((use + strings.Repeat(".", length))[:length]), nil
}

var issued = time.Date(2026, 11, 25, 8, 0, 0, 123e6, time.UTC)

func claims() Claims {
	return Claims{AccountID: "123456789012", Type: apigw.PrincipalAssumedRole, UserID: "AIDA1", UserName: "alice", KeyID: "AKIA1",
		Session: apigw.Session{RoleARN: "arn:aws:iam::123456789012:role/r", RoleID: "AROA1", Name: "s", Policies: []string{"{}"},
			PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, Tags: map[string]string{"a": "1", "b": "2"}, TransitiveTags: []string{"a"},
			SourceIdentity: "me", Issued: issued, Expires: issued.Add(time.Hour), MFA: true, Provider: "p", Federated: "f", InstanceARN: "i"}}
}

func TestTokensOfVersion1StayReadable(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/token-1.golden")
	if err != nil {
		t.Fatal(err)
	}
	id, rest, _ := strings.Cut(strings.TrimSpace(string(golden)), "\n")
	secret, token, _ := strings.Cut(rest, "\n")
	k := mustNew(t, fixed{})
	got, gotSecret, err := k.Open(id, token, issued)
	if err != nil {
		t.Fatal(err)
	}
	if want := claims(); !cmp.Equal(*got, want) {
		t.Error(cmp.Diff(want, *got))
	}
	if gotSecret.Reveal() != secret {
		t.Errorf("got the secret %s, want %s", gotSecret.Reveal(), secret)
	}
}

func mustNew(tb testing.TB, keys Keys) *Keeper {
	tb.Helper()
	k, err := New(keys)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func mustIssue(tb testing.TB, k *Keeper, c Claims) Credentials {
	tb.Helper()
	made, err := k.Issue(c)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

func TestAnyNodeWithTheClusterKeyOpens(t *testing.T) {
	t.Parallel()
	ring := seal.Generate()
	other, err := seal.Parse(ring.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	made := mustIssue(t, mustNew(t, ring), claims())
	got, secret, err := mustNew(t, other).Open(made.AccessKeyID, made.Token.Reveal(), issued)
	if err != nil || secret.Reveal() != made.Secret.Reveal() || got.AccountID != "123456789012" {
		t.Errorf("got %+v, %v", got, err)
	}
	if len(made.Secret.Reveal()) != 40 || len(made.AccessKeyID) != 20 || !made.Expires.Equal(issued.Add(time.Hour)) {
		t.Errorf("credentials of an unusual form: %s, a secret of %d, until %s", made.AccessKeyID, len(made.Secret.Reveal()), made.Expires)
	}
	if text := fmt.Sprintf("%v %+v %#v", made, made, made); strings.Contains(text, made.Token.Reveal()) || strings.Contains(text, made.Secret.Reveal()) {
		t.Error("printing credentials shows what is secret")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	ring := seal.Generate()
	k := mustNew(t, ring)
	made := mustIssue(t, k, claims())
	foreign := mustIssue(t, mustNew(t, seal.Generate()), claims())
	other := mustIssue(t, k, claims())
	token := made.Token.Reveal()
	for name, c := range map[string][2]string{
		"none":                    {made.AccessKeyID, ""},
		"another region's":        {foreign.AccessKeyID, foreign.Token.Reveal()},
		"another session's":       {made.AccessKeyID, other.Token.Reveal()},
		"a long-term key":         {"AKIA" + made.AccessKeyID[4:], token},
		"not base64":              {made.AccessKeyID, "!" + token},
		"cut":                     {made.AccessKeyID, token[:len(token)-4]},
		"too long":                {made.AccessKeyID, token + strings.Repeat("A", MaxToken)},
		"with a line break":       {made.AccessKeyID, token[:8] + "\n" + token[8:]},
		"another version of keys": {made.AccessKeyID, flip(t, token, 7)},
		"another format":          {made.AccessKeyID, flip(t, token, 3)},
		"another nonce":           {made.AccessKeyID, flip(t, token, 9)},
		"changed":                 {made.AccessKeyID, flip(t, token, 30)},
	} {
		if got, _, err := k.Open(c[0], c[1], issued); !errors.Is(err, ErrInvalid) || got != nil {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if _, _, err := k.Open(made.AccessKeyID, token, issued.Add(time.Hour-time.Millisecond)); err != nil {
		t.Errorf("in its last millisecond: %v", err)
	}
	if _, _, err := k.Open(made.AccessKeyID, token, issued.Add(time.Hour)); !errors.Is(err, ErrExpired) {
		t.Errorf("after its time: %v", err)
	}
	old := ring.Version()
	ring.Add(2)
	if _, _, err := k.Open(made.AccessKeyID, token, issued); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	if err := ring.Drop(old); err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.Open(made.AccessKeyID, token, issued); !errors.Is(err, ErrInvalid) {
		t.Errorf("after its key was dropped: %v", err)
	}
}

// flip changes one bit of a token.
func flip(t *testing.T, token string, at int) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	return base64.StdEncoding.EncodeToString(b)
}

func TestPacked(t *testing.T) {
	t.Parallel()
	if got := Packed(&apigw.Session{Name: "n"}); got != 0 {
		t.Errorf("nothing to pack takes %d percent", got)
	}
	if got := Packed(&apigw.Session{Policies: []string{`{"Version":"2012-10-17","Statement":[]}`}}); got < 1 || got > 5 {
		t.Errorf("a small policy takes %d percent", got)
	}
	tags := map[string]string{}
	for i := range 50 {
		tags[fmt.Sprintf("key%d", i)] = mustIssue(t, mustNew(t, seal.Generate()), claims()).Token.Reveal()[:256]
	}
	if got := Packed(&apigw.Session{Tags: tags}); got <= 100 {
		t.Errorf("fifty large tags take %d percent", got)
	}
}

func FuzzOpen(f *testing.F) {
	k := mustNew(f, fixed{})
	made, err := k.issue(claims(), "ASIAAAAAAAAAAAAAAAAA", [nonceLen]byte{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("ASIAAAAAAAAAAAAAAAAA", made.Token.Reveal())
	f.Add("", "SElWAQ==")
	f.Fuzz(func(t *testing.T, id, token string) {
		got, _, err := k.Open(id, token, issued)
		if (err == nil) != (got != nil) {
			t.Fatalf("got %v, %v", got, err)
		}
		if err == nil && (id != made.AccessKeyID || token != made.Token.Reveal()) {
			t.Fatalf("opened a token that was never made: %s %s", id, token)
		}
	})
}

// FuzzUnpack looks at the decoder behind the seal.
func FuzzUnpack(f *testing.F) {
	c := claims()
	f.Add(pack(c.wire()))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := unpack(b)
		if err != nil {
			return
		}
		again, err := unpack(pack(got.wire()))
		if err != nil || !cmp.Equal(again.wire(), got.wire()) {
			t.Fatalf("claims change when packed again: %v, %v", got, err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	k := mustNew(b, seal.Generate())
	made := mustIssue(b, k, claims())
	token := made.Token.Reveal()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := k.Open(made.AccessKeyID, token, issued); err != nil {
			b.Fatal(err)
		}
	}
}
