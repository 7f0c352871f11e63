// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

type client struct{ http *http.Client }

// Trust makes the client that knows the region's CA.
func (c *Cluster) Trust(bundle string) {
	c.T.Helper()
	pem, err := os.ReadFile(bundle)
	if err != nil {
		c.T.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		c.T.Fatal("the CA bundle holds no certificate")
	}
	c.bundle = bundle
	c.client.http = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// AWS is what the environment of an AWS client says to reach the region at a URL.
func (c *Cluster) AWS(endpoint string) []string {
	return append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_CA_BUNDLE="+c.bundle, "AWS_REGION="+Region, "AWS_DEFAULT_REGION="+Region,
		"AWS_ACCESS_KEY_ID="+c.Keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+c.Keys.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
}

// Answer is what a call got.
type Answer struct {
	Status int
	Retry  string // the Retry-After header
	Body   []byte
}

// Request is a call with every choice that a test may want to make.
type Request struct {
	Service, Version string
	Keys             aws.Credentials
	Form             url.Values
}

// Call makes one signed EC2 call at an endpoint, once.
func (c *Cluster) Call(ctx context.Context, endpoint, action string, form url.Values) (Answer, error) {
	values := url.Values{"Action": {action}}
	for name, v := range form {
		values[name] = v
	}
	return c.Ask(ctx, endpoint, Request{Service: "ec2", Version: "2016-11-15", Keys: c.Keys, Form: values})
}

// Ask makes one signed call at an endpoint, once.
func (c *Cluster) Ask(ctx context.Context, endpoint string, r Request) (Answer, error) {
	values := url.Values{"Version": {r.Version}}
	for name, v := range r.Form {
		values[name] = v
	}
	body := values.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return c.signed(req, body, r.Service, r.Keys)
}

// JSON makes one signed call of a service that speaks AWS JSON 1.1, once. target is the operation with its prefix.
func (c *Cluster) JSON(ctx context.Context, endpoint, service, target string, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", target)
	return c.signed(req, string(body), service, c.Keys)
}

func (c *Cluster) signed(req *http.Request, body, service string, keys aws.Credentials) (Answer, error) {
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(req.Context(), keys, req, hex.EncodeToString(sum[:]), service, Region, time.Now()); err != nil {
		return Answer{}, err
	}
	return c.send(req)
}

// Presign is a URL that makes a call at an endpoint in the next ten minutes.
func (c *Cluster) Presign(ctx context.Context, endpoint string, r Request) (string, error) {
	values := url.Values{"Version": {r.Version}, "X-Amz-Expires": {"600"}}
	for name, v := range r.Form {
		values[name] = v
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/?"+values.Encode(), nil)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(nil)
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, r.Keys, req, hex.EncodeToString(sum[:]), r.Service, Region, time.Now())
	return signed, err
}

// Fetch gets a URL as it is.
func (c *Cluster) Fetch(ctx context.Context, address string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Answer{}, err
	}
	return c.send(req)
}

func (c *Cluster) send(req *http.Request) (Answer, error) {
	resp, err := c.client.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return Answer{resp.StatusCode, resp.Header.Get("Retry-After"), answer}, err
}

// OK is a call through a node that must succeed.
func (c *Cluster) OK(n *Node, action string, form url.Values) []byte {
	c.T.Helper()
	got, err := c.Call(c.T.Context(), n.Endpoint, action, form)
	if err != nil || got.Status != http.StatusOK {
		c.T.Fatalf("%s through %s: %d %v\n%s", action, n.Name, got.Status, err, got.Body)
	}
	return got.Body
}
