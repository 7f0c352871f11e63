// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// apiVersion is the version of the EC2 API.
const apiVersion = "2016-11-15"

// answerLimit bounds one answer.
const answerLimit = 16 << 20

// query is a client of the EC2 query protocol
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html).
type query struct {
	endpoint string
	region   string
	keys     aws.Credentials
	http     *http.Client
}

// apiError is an error as EC2 sends it.
type apiError struct {
	Code    string `xml:"Errors>Error>Code"`
	Message string `xml:"Errors>Error>Message"`
	Status  int    `xml:"-"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }

// call makes one signed request and decodes its answer into out.
func (q *query) call(ctx context.Context, action string, params url.Values, out any) error {
	form := url.Values{"Action": {action}, "Version": {apiVersion}}
	for name, values := range params {
		form[name] = values
	}
	body := form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(q.endpoint, "/")+"/", strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request %s: %w", action, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, q.keys, req, hex.EncodeToString(hash[:]), "ec2", q.region, time.Now()); err != nil {
		return fmt.Errorf("sign request %s: %w", action, err)
	}
	resp, err := q.http.Do(req)
	if err != nil {
		return fmt.Errorf("call %s: %w", action, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", action, err)
	}
	if resp.StatusCode != http.StatusOK {
		e := &apiError{Status: resp.StatusCode}
		if err := xml.Unmarshal(text, e); err != nil || e.Code == "" {
			return fmt.Errorf("call %s: status %s", action, resp.Status)
		}
		return fmt.Errorf("call %s: %w", action, e)
	}
	if err := xml.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decode answer of %s: %w", action, err)
	}
	return nil
}
