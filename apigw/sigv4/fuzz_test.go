// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// FuzzParse feeds headers and queries that nobody signed: nothing panics, and nothing verifies.
func FuzzParse(f *testing.F) {
	good := signedPost(f, form, nil)
	f.Add("POST", "/", "", good.Header.Get("Authorization"), good.Header.Get("X-Amz-Date"), "")
	f.Add("GET", "/a%2Fb", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20260131%2Fr%2Fs%2Faws4_request&X-Amz-Date=20260131T235959Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0000000000000000000000000000000000000000000000000000000000000000", "", "", "")
	f.Add("GET", "//..//", "a=%&b", "AWS4-HMAC-SHA256 ,=,", "20260131T235959Z", "UNSIGNED-PAYLOAD")
	f.Fuzz(func(t *testing.T, method, path, query, authorization, date, hash string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		u.RawQuery = query
		r := &http.Request{Method: method, URL: u, Host: "h", Header: http.Header{}}
		for name, value := range map[string]string{"Authorization": authorization, "X-Amz-Date": date, "X-Amz-Content-Sha256": hash} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		s, err := Parse(r)
		if err != nil {
			if kindOf(err) == 0 {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		_ = s.CheckTime(signedAt.Add(time.Hour), opts)
		if err := s.Verify(r, "a secret that signed nothing", HashBody(nil), nil, Options{UnsignedPayload: true}); kindOf(err) == 0 {
			t.Fatalf("verified: %v", err)
		}
	})
}
