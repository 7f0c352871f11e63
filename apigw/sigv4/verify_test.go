// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	testKey    = "AKIAIOSFODNN7EXAMPLE"
	testSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	form       = "Action=DescribeInstances&Version=2016-11-15"
)

var (
	signedAt = time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC)
	opts     = Options{Skew: 5 * time.Minute}
)

// received is the request as a server sees it: written to the wire and read back.
func received(t testing.TB, r *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// signedPost is a request signed by the Go SDK; edit runs before signing.
func signedPost(t testing.TB, body string, edit func(*http.Request)) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "https://127.0.0.1:8443/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if edit != nil {
		edit(r)
	}
	sign(t, r, HashBody([]byte(body)))
	return received(t, r)
}

func sign(t testing.TB, r *http.Request, hash string) {
	t.Helper()
	creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret}
	if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hash, "ec2", "hive-1", signedAt); err != nil {
		t.Fatal(err)
	}
}

// check parses and verifies as a server does.
func check(r *http.Request, body string, now time.Time) error {
	s, err := Parse(r)
	if err != nil {
		return err
	}
	if err := s.CheckTime(now, opts); err != nil {
		return err
	}
	return s.Verify(r, testSecret, HashBody([]byte(body)), nil, opts)
}

func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

func TestVectorsOfBotocore(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Service, Method, URL, Body, Token string
		Headers                                 map[string]string
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) < 9 {
		t.Fatalf("read %d vectors: %v", len(vectors), err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequest(v.Method, v.URL, strings.NewReader(v.Body))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range v.Headers {
				r.Header.Set(name, value)
			}
			r = received(t, r)
			if err := check(r, v.Body, signedAt.Add(30*time.Second)); err != nil {
				t.Fatalf("refused: %v", err)
			}
			s, err := Parse(r)
			if err != nil || s.Service != v.Service || s.SecurityToken != v.Token || s.AccessKeyID != testKey || s.Region != "hive-1" {
				t.Errorf("parsed %+v, %v", s, err)
			}
			if err := s.Verify(r, testSecret+"x", HashBody([]byte(v.Body)), nil, opts); kindOf(err) != Mismatch {
				t.Errorf("another secret: got %v", err)
			}
		})
	}
}

func TestGoSDKSignatures(t *testing.T) {
	t.Parallel()
	edits := map[string]func(*http.Request){
		"plain":               nil,
		"several values":      func(r *http.Request) { r.Header["X-Amz-Meta"] = []string{"b  b", " a"} },
		"signed length":       func(r *http.Request) { r.Header.Set("Amz-Sdk-Request", "attempt=1; max=3") },
		"query to escape":     func(r *http.Request) { r.URL.RawQuery = "b=%20+x&a=%2F&a=1&c" },
		"path to escape":      func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a b/c/d", "/a%20b/c%2Fd" },
		"payload hash header": func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", HashBody([]byte(form))) },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := check(signedPost(t, form, edit), form, signedAt); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestGoSDKPresigned(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "https://127.0.0.1:8443/?X-Amz-Expires=60&"+form, nil)
	creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret, SessionToken: "to/ken+="}
	url, _, err := v4.NewSigner().PresignHTTP(context.Background(), creds, r, HashBody(nil), "ec2", "hive-1", signedAt)
	if err != nil {
		t.Fatal(err)
	}
	got := httptest.NewRequest(http.MethodGet, url, nil)
	for after, want := range map[time.Duration]Kind{0: 0, 59 * time.Second: 0, 61 * time.Second: Expired, -4 * time.Minute: 0, -6 * time.Minute: NotYet} {
		if err := check(got, "", signedAt.Add(after)); kindOf(err) != want {
			t.Errorf("after %s: got %v, want kind %d", after, err, want)
		}
	}
	tampered := httptest.NewRequest(http.MethodGet, strings.Replace(url, "Instances", "Volumes", 1), nil)
	if err := check(tampered, "", signedAt); kindOf(err) != Mismatch {
		t.Errorf("tampered query: got %v", err)
	}
}

// TestRefusals edits a request that was signed correctly.
func TestRefusals(t *testing.T) {
	t.Parallel()
	auth := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	cases := []struct {
		name string
		edit func(*http.Request)
		want Kind
	}{
		{"untouched", func(*http.Request) {}, 0},
		{"unsigned", func(r *http.Request) { r.Header.Del("Authorization") }, Missing},
		{"other host", func(r *http.Request) { r.Host = "other" }, Mismatch},
		{"other method", func(r *http.Request) { r.Method = "PUT" }, Mismatch},
		{"other path", func(r *http.Request) { r.URL.Path = "/x" }, Mismatch},
		{"added query", func(r *http.Request) { r.URL.RawQuery = "a=b" }, Mismatch},
		{"other signed header", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, Mismatch},
		{"other time", func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260131T235958Z") }, Mismatch},
		{"time of another day", func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260201T000000Z") }, WrongScope},
		{"time twice", func(r *http.Request) { r.Header.Add("X-Amz-Date", "20260131T235959Z") }, Malformed},
		{"no time", func(r *http.Request) { r.Header.Del("X-Amz-Date") }, Malformed},
		{"bad time", func(r *http.Request) { r.Header.Set("X-Amz-Date", "2026") }, Malformed},
		{"authorization twice", func(r *http.Request) { r.Header.Add("Authorization", "x") }, Malformed},
		{"unsigned x-amz header", func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "t") }, Malformed},
		{"signed header removed", func(r *http.Request) { r.Header.Del("Content-Type") }, Malformed},
		{"both mechanisms", func(r *http.Request) { r.URL.RawQuery = "X-Amz-Signature=x" }, Malformed},
		{"other algorithm", auth("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), Malformed},
		{"version 2", func(r *http.Request) { r.Header.Set("Authorization", "AWS "+testKey+":c2ln") }, Malformed},
		{"huge authorization", func(r *http.Request) {
			r.Header.Set("Authorization", Algorithm+" Credential="+strings.Repeat("a", 20000))
		}, Malformed},
		{"huge signed header", func(r *http.Request) { r.Header.Set("Content-Type", strings.Repeat("a", 20000)) }, Malformed},
		{"part twice", auth("SignedHeaders=", "SignedHeaders=host, SignedHeaders="), Malformed},
		{"unknown part", auth("SignedHeaders=", "X=1, SignedHeaders="), Malformed},
		{"host not signed", auth("content-type;host", "content-type"), Malformed},
		{"headers not sorted", auth("content-type;host", "host;content-type"), Malformed},
		{"header signed twice", auth("content-type;host", "content-type;host;host"), Malformed},
		{"short scope", auth("/aws4_request", ""), Malformed},
		{"scope without region", auth("hive-1", ""), Malformed},
		{"other region", auth("hive-1", "hive-2"), Mismatch},
		{"other service", auth("/ec2/", "/iam/"), Mismatch},
		{"bad scope date", auth("20260131", "2026013x"), Malformed},
		{"short signature", func(r *http.Request) { a := r.Header.Get("Authorization"); r.Header.Set("Authorization", a[:len(a)-2]) }, Malformed},
		{"bad escape in query", func(r *http.Request) { r.URL.RawQuery = "a=%zz" }, Malformed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := signedPost(t, form, nil)
			c.edit(r)
			if err := check(r, form, signedAt); kindOf(err) != c.want {
				t.Errorf("got %v (kind %d), want kind %d", err, kindOf(err), c.want)
			}
		})
	}
}

func TestPayload(t *testing.T) {
	t.Parallel()
	named := func(hash string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "https://h/", strings.NewReader(form))
		r.Header.Set("X-Amz-Content-Sha256", hash)
		sign(t, r, hash)
		return received(t, r)
	}
	verify := func(r *http.Request, body string, o Options) Kind {
		s, err := Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		return kindOf(s.Verify(r, testSecret, HashBody([]byte(body)), nil, o))
	}
	lax := Options{Skew: opts.Skew, UnsignedPayload: true}
	cases := []struct {
		name string
		r    *http.Request
		body string
		o    Options
		want Kind
	}{
		{"tampered body without a named hash", signedPost(t, form, nil), form + "x", opts, Mismatch},
		{"tampered body with a named hash", named(HashBody([]byte(form))), form + "x", opts, BadPayload},
		{"unsigned where it is not allowed", named(UnsignedPayload), form, opts, BadPayload},
		{"unsigned where it is allowed", named(UnsignedPayload), form + "x", lax, 0},
		{"streaming", named("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), form, lax, BadPayload},
		{"signed where unsigned is allowed", named(HashBody([]byte(form))), form, lax, 0},
	}
	for _, c := range cases {
		if got := verify(c.r, c.body, c.o); got != c.want {
			t.Errorf("%s: got kind %d, want %d", c.name, got, c.want)
		}
	}
}

func TestSkew(t *testing.T) {
	t.Parallel()
	r := signedPost(t, form, nil)
	for after, want := range map[time.Duration]Kind{
		0: 0, 5 * time.Minute: 0, 5*time.Minute + time.Second: Expired, -5 * time.Minute: 0, -5*time.Minute - time.Second: NotYet, 365 * 24 * time.Hour: Expired,
	} {
		if err := check(r, form, signedAt.Add(after)); kindOf(err) != want {
			t.Errorf("after %s: got %v, want kind %d", after, err, want)
		}
	}
}

func TestKeysFollowSecret(t *testing.T) {
	t.Parallel()
	var keys Keys
	r := signedPost(t, form, nil)
	s, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Verify(r, testSecret, HashBody([]byte(form)), &keys, opts); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(r, "rotated", HashBody([]byte(form)), &keys, opts); kindOf(err) != Mismatch {
			t.Fatalf("rotated secret: got %v", err)
		}
	}
	for i := range maxKeys + 10 {
		keys.signing(fmt.Sprint(i), "s", "20260131", "r", "ec2")
	}
	if len(keys.m) > maxKeys {
		t.Errorf("the cache holds %d keys", len(keys.m))
	}
}

func BenchmarkVerify(b *testing.B) {
	var keys Keys
	r := signedPost(b, form, nil)
	body := []byte(form)
	b.ReportAllocs()
	for b.Loop() {
		s, err := Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Verify(r, testSecret, HashBody(body), &keys, opts); err != nil {
			b.Fatal(err)
		}
	}
}
