// SPDX-License-Identifier: Apache-2.0

//go:build e2e || bench

package e2e

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signed is an EC2 client that signs forms and sends them over kept connections: many calls at once, at no cost of its own.
type signed struct {
	http     *http.Client
	signer   *v4.Signer
	keys     aws.Credentials
	endpoint string
	region   string
}

func newSigned(n *node) (*signed, error) {
	c, err := n.https()
	if err != nil {
		return nil, err
	}
	return &signed{
		http: c, signer: v4.NewSigner(),
		keys:     aws.Credentials{AccessKeyID: n.value("AWS_ACCESS_KEY_ID"), SecretAccessKey: n.value("AWS_SECRET_ACCESS_KEY")},
		endpoint: n.value("AWS_ENDPOINT_URL"), region: n.value("AWS_REGION"),
	}, nil
}

// https is a client that trusts the region's CA and keeps its connections.
func (n *node) https() (*http.Client, error) {
	pem, err := os.ReadFile(n.value("AWS_CA_BUNDLE"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("the CA bundle holds no certificate")
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 64}}, nil
}

// send makes one call and returns the answer's body; an error answer is an error.
func (s *signed) send(ctx context.Context, action string, form url.Values) ([]byte, error) {
	values := url.Values{"Action": {action}, "Version": {"2016-11-15"}}
	for name, v := range form {
		values[name] = v
	}
	body := values.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256([]byte(body))
	if err := s.signer.SignHTTP(ctx, s.keys, req, hex.EncodeToString(sum[:]), "ec2", s.region, time.Now()); err != nil {
		return nil, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: HTTP %d: %s", action, resp.StatusCode, answer)
	}
	return answer, err
}

// reservation is the part of RunInstances' answer that calls are compared by.
type reservation struct {
	ID        string   `xml:"reservationId"`
	Instances []string `xml:"instancesSet>item>instanceId"`
}

// run makes one RunInstances call.
func (s *signed) run(ctx context.Context, form url.Values) (out reservation, err error) {
	answer, err := s.send(ctx, "RunInstances", form)
	if err != nil {
		return out, err
	}
	return out, xml.Unmarshal(answer, &out)
}
