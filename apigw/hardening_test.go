// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/hivecloud/hive/apigw/sigv4"
)

const whoAmI = "Action=GetCallerIdentity&Version=2011-06-15"

// TestHeadersThatAreRefused: what a signature leaves open must not change what a request means.
func TestHeadersThatAreRefused(t *testing.T) {
	t.Parallel()
	g := newGate(t, nil)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	twice := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Add(name, r.Header.Get(name)); r.Header.Add(name, value) }
	}
	// unsign takes a header out of the signed ones.
	unsign := func(name string) func(*http.Request) {
		return func(r *http.Request) {
			a := r.Header.Get("Authorization")
			a = strings.NewReplacer(name+";", "", ";"+name, "").Replace(a)
			r.Header.Set("Authorization", a)
		}
	}
	session := request{form: whoAmI, service: "sts", key: sessionKey, token: "the token"}
	with := func(q request, edit func(*http.Request)) request { q.edit = edit; return q }
	plain := request{form: whoAmI, service: "sts"}
	for name, c := range map[string]struct {
		q      request
		status int
		code   string
		want   string
	}{
		"session token not signed":       {with(session, unsign("x-amz-security-token")), 400, "IncompleteSignature", "not signed: x-amz-security-token"},
		"session token added afterwards": {with(plain, set("X-Amz-Security-Token", "the token")), 400, "IncompleteSignature", "not signed: x-amz-security-token"},
		"session token exchanged":        {with(session, set("X-Amz-Security-Token", "another")), 403, "InvalidClientTokenId", ""},
		"session token twice":            {with(session, twice("X-Amz-Security-Token", "another")), 400, "IncompleteSignature", "more than once"},
		"host not signed":                {with(plain, unsign("host")), 400, "IncompleteSignature", "'Host' must be a 'SignedHeader'"},
		"host exchanged":                 {with(plain, func(r *http.Request) { r.Host = "other.example.com" }), 403, "SignatureDoesNotMatch", ""},
		"date not signed":                {with(plain, unsign("x-amz-date")), 400, "IncompleteSignature", "not signed: x-amz-date"},
		"date twice":                     {with(plain, twice("X-Amz-Date", "20200101T000000Z")), 400, "IncompleteSignature", "more than once"},
		"any x-amz header added":         {with(plain, set("X-Amz-Anything", "x")), 400, "IncompleteSignature", "not signed: x-amz-anything"},
		"authorization twice":            {with(plain, twice("Authorization", "AWS4-HMAC-SHA256 x")), 400, "IncompleteSignature", "more than once"},
		"content type twice":             {with(plain, twice("Content-Type", "text/plain")), 400, "IncompleteSignature", "more than once"},
		"oversized unsigned header":      {with(plain, set("Cookie", strings.Repeat("x", 17<<10))), 400, "IncompleteSignature", "too long"},
		"oversized signed header":        {request{form: whoAmI, service: "sts", header: map[string]string{"X-Custom": strings.Repeat("x", 17<<10)}}, 400, "IncompleteSignature", "too long"},
		"oversized session token":        {request{form: whoAmI, service: "sts", key: sessionKey, token: strings.Repeat("x", 17<<10)}, 400, "IncompleteSignature", "too long"},
		"signed header taken away":       {request{form: whoAmI, service: "sts", header: map[string]string{"X-Custom": "x"}, edit: func(r *http.Request) { r.Header.Del("X-Custom") }}, 400, "IncompleteSignature", "not in the request"},
		"clock behind":                   {request{form: whoAmI, service: "sts", when: time.Now().Add(-5*time.Minute - 2*time.Second)}, 403, "SignatureDoesNotMatch", "Signature expired"},
		"clock ahead":                    {request{form: whoAmI, service: "sts", when: time.Now().Add(5*time.Minute + 30*time.Second)}, 403, "SignatureDoesNotMatch", "Signature not yet current"},
		"clock a little behind":          {request{form: whoAmI, service: "sts", when: time.Now().Add(-4 * time.Minute)}, 200, "", "<Arn>"},
		"clock a little ahead":           {request{form: whoAmI, service: "sts", when: time.Now().Add(4 * time.Minute)}, 200, "", "<Arn>"},
		"header that means nothing":      {with(plain, set("X-Forwarded-For", "10.0.0.1")), 200, "", "<Arn>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := g.do(t, c.q)
			if a.status != c.status || a.code() != c.code || !strings.Contains(a.body, c.want) {
				t.Errorf("got %d %s, want %d %s with %q:\n%s", a.status, a.code(), c.status, c.code, c.want, a.body)
			}
		})
	}
}

// TestRawHeaders: what Go's own client would not send is refused before it reaches the pipeline.
func TestRawHeaders(t *testing.T) {
	t.Parallel()
	r := run(t, nil)
	for name, head := range map[string]string{
		"two hosts":          "Host: a\r\nHost: b\r\n",
		"no host":            "",
		"hundred kilobytes":  "Host: a\r\nX-Fill: " + strings.Repeat("x", 100<<10) + "\r\n",
		"two lengths":        "Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
		"folded header":      "Host: a\r\nX-Amz-Date: 1\r\n 2\r\n",
		"length and chunked": "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := tls.Dial("tcp", r.Addr().String(), &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			go io.WriteString(conn, "POST / HTTP/1.1\r\n"+head+"\r\n") // the server may answer before it has read all
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				return // it hung up: as good
			}
			defer resp.Body.Close()
			if resp.StatusCode < 400 || resp.StatusCode > 599 {
				t.Errorf("got %s", resp.Status)
			}
		})
	}
}

// TestIdenticalRetry: an SDK that heard no answer sends the same bytes again.
func TestIdenticalRetry(t *testing.T) {
	t.Parallel()
	g := newGate(t, nil)
	creds := aws.Credentials{AccessKeyID: sessionKey, SecretAccessKey: testSecret, SessionToken: "the token"}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.server.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, sigv4.HashBody([]byte(whoAmI)), "sts", testRegion, time.Now()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again := r.Clone(t.Context())
		again.Body, again.ContentLength = io.NopCloser(bytes.NewReader([]byte(whoAmI))), int64(len(whoAmI))
		resp, err := g.server.Client().Do(again)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("got %s", resp.Status)
		}
	}
}

// TestPresignedWithASession: the token travels in the query, under the signature.
func TestPresignedWithASession(t *testing.T) {
	t.Parallel()
	g := newGate(t, nil)
	presign := func(token string) string {
		r, err := http.NewRequest(http.MethodGet, g.server.URL+"/?"+whoAmI+"&X-Amz-Expires=900", nil)
		if err != nil {
			t.Fatal(err)
		}
		url, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: sessionKey, SecretAccessKey: testSecret, SessionToken: token},
			r, sigv4.HashBody(nil), "sts", testRegion, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return url
	}
	good := presign("the token")
	for name, c := range map[string]struct {
		url  string
		code string
	}{
		"good":            {good, ""},
		"other token":     {presign("another"), "InvalidClientTokenId"},
		"token exchanged": {strings.Replace(good, "the%20token", "another", 1), "InvalidClientTokenId"},
		"token added":     {good + "&X-Amz-Security-Token=another", "IncompleteSignature"},
		"without":         {strings.Replace(good, "X-Amz-Security-Token=the%20token&", "", 1), "InvalidClientTokenId"},
		"action changed":  {strings.Replace(good, "GetCallerIdentity", "GetSessionToken", 1), "SignatureDoesNotMatch"},
	} {
		if name != "good" && c.url == good {
			t.Fatalf("%s: the URL is as before: %s", name, good)
		}
		resp, err := g.server.Client().Get(c.url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := (answer{body: string(body)}).code(); got != c.code || c.code == "" && resp.StatusCode != http.StatusOK {
			t.Errorf("%s: got %s %s", name, resp.Status, body)
		}
	}
}
