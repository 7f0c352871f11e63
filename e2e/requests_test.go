// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// TestPresignedURL: a URL that botocore signed works for whoever has it, until it expires, and only as it is.
func TestPresignedURL(t *testing.T) {
	r := shared
	presign := func(seconds string) string {
		t.Helper()
		cmd := exec.Command(python(), "testdata/presign.py", "describe_regions", seconds)
		cmd.Env = append(os.Environ(), r.node.env...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	client := r.https(t)
	get := func(u string) (int, string) {
		t.Helper()
		resp, err := client.Get(u)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	good := presign("600")
	if status, body := get(good); status != 200 || !strings.Contains(body, "<regionName>"+r.node.value("AWS_REGION")+"</regionName>") {
		t.Fatalf("presigned DescribeRegions: %d %s", status, body)
	}
	for name, change := range map[string]func(url.Values){
		"another action":     func(q url.Values) { q.Set("Action", "DescribeInstances") },
		"one more parameter": func(q url.Values) { q.Set("DryRun", "true") },
		"a longer life":      func(q url.Values) { q.Set("X-Amz-Expires", "86400") },
		"another signature":  func(q url.Values) { q.Set("X-Amz-Signature", strings.Repeat("0", 64)) },
		"no signature":       func(q url.Values) { q.Del("X-Amz-Signature") },
		"more than a week":   func(q url.Values) { q.Set("X-Amz-Expires", "604801") },
	} {
		u, err := url.Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		change(q)
		u.RawQuery = q.Encode()
		if status, body := get(u.String()); status < 400 || status >= 500 || !strings.Contains(body, "<RequestID>") || strings.Contains(body, "regionName") {
			t.Errorf("URL with %s: %d %s", name, status, body)
		}
	}
	short := presign("1")
	eventually(t, "URL of one second refused", func() (bool, string) {
		status, body := get(short)
		return status == 400 && strings.Contains(body, "<Code>RequestExpired</Code>"), body
	})
}

// TestRunInstances_SameTokenAtOnce: twenty identical launches at the same time are one.
func TestRunInstances_SameTokenAtOnce(t *testing.T) {
	r := shared
	client, err := newSigned(r.node)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"ImageId": {r.image}, "InstanceType": {"t3.nano"}, "MinCount": {"1"}, "MaxCount": {"1"}, "ClientToken": {"e2e-same-token-at-once"}}
	const calls = 20
	var got [calls]reservation
	var errs [calls]error
	var wg sync.WaitGroup
	for n := range calls {
		wg.Go(func() { got[n], errs[n] = client.run(t.Context(), form) })
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, g := range got {
		for _, id := range g.Instances {
			seen[id] = true
		}
	}
	for id := range seen {
		r.ok(t, "TerminateInstances", params{"InstanceIds": list{id}})
	}
	for n := range calls {
		if errs[n] != nil || got[n].ID == "" || got[n].ID != got[0].ID || len(got[n].Instances) != 1 || got[n].Instances[0] != got[0].Instances[0] {
			t.Errorf("call %d: %+v %v, the first one has %+v", n, got[n], errs[n], got[0])
		}
	}
	out := r.ok(t, "DescribeInstances", params{"Filters": list{params{"Name": "client-token", "Values": list{form.Get("ClientToken")}}}})
	if rows, _ := dig(out, "Reservations").([]any); len(rows) != 1 {
		t.Errorf("the token made %d reservations: %v", len(rows), rows)
	}
	form.Set("InstanceType", "t3.micro")
	if _, err := client.run(t.Context(), form); err == nil || !strings.Contains(err.Error(), "IdempotentParameterMismatch") {
		t.Errorf("the token with other parameters: %v", err)
	}
}
