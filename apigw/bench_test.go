// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/hivecloud/hive/apigw/sigv4"
)

// BenchmarkSignedCall is the whole pipeline without sockets: signature, form, handler, answer.
func BenchmarkSignedCall(b *testing.B) {
	cfg := testConfig()
	cfg.Throttle.Off = true
	g, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	form := "Action=GetCallerIdentity&Version=2011-06-15"
	r := httptest.NewRequest(http.MethodPost, "https://127.0.0.1:8443/", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	creds := aws.Credentials{AccessKeyID: aliceKey, SecretAccessKey: testSecret}
	if err := v4.NewSigner().SignHTTP(b.Context(), creds, r, sigv4.HashBody([]byte(form)), "sts", testRegion, time.Now()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(form))
		w := httptest.NewRecorder()
		g.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
