// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/policy"
)

// ErrMessage says that a text is no authorization message of the account.
var ErrMessage = errors.New("the authorization message is not valid")

// maxMessage bounds what Open inflates, in bytes.
const maxMessage = 64 << 10

// Messages seals explanations of refusals, so that they can be given to callers who may not read policies.
//
// A message is base64url (without padding) of: version 1 | nonce, 12 bytes | AES-256-GCM of the deflated JSON, with the
// account's id as associated data. Any node that has the secret opens it, for callers of the same account.
type Messages struct{ gcm cipher.AEAD }

const messageVersion = 1

// NewMessages derives the key from a secret that all nodes have (the cluster key), of at least 16 bytes.
func NewMessages(secret []byte) (*Messages, error) {
	if len(secret) < 16 {
		return nil, errors.New("authorization messages: the secret is shorter than 16 bytes")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "hive authorization messages v1", 32)
	if err != nil {
		return nil, fmt.Errorf("authorization messages: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("authorization messages: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("authorization messages: %w", err)
	}
	return &Messages{gcm: gcm}, nil
}

// Seal encodes a text for an account's callers.
func (m *Messages) Seal(account, text string) (string, error) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		return "", fmt.Errorf("seal authorization message: %w", err)
	}
	_, err = io.WriteString(w, text)
	if err = errors.Join(err, w.Close()); err != nil {
		return "", fmt.Errorf("seal authorization message: %w", err)
	}
	out := make([]byte, 1+m.gcm.NonceSize(), 1+m.gcm.NonceSize()+packed.Len()+m.gcm.Overhead())
	out[0] = messageVersion
	nonce := out[1:]
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("seal authorization message: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(m.gcm.Seal(out, nonce, packed.Bytes(), []byte(account))), nil
}

// Open decodes what Seal made for the same account; ErrMessage for anything else. It is what
// sts:DecodeAuthorizationMessage answers.
func (m *Messages) Open(account, encoded string) (string, error) {
	box, err := base64.RawURLEncoding.DecodeString(encoded)
	head := 1 + m.gcm.NonceSize()
	if err != nil || len(box) < head || box[0] != messageVersion {
		return "", ErrMessage
	}
	packed, err := m.gcm.Open(nil, box[1:head], box[head:], []byte(account))
	if err != nil {
		return "", ErrMessage
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxMessage))
	if err != nil {
		return "", ErrMessage
	}
	return string(text), nil
}

// list is how AWS writes lists in the decoded message.
type list[T any] struct {
	Items []T `json:"items"`
}

type decodedStatement struct {
	ID     string `json:"statementId"`
	Effect string `json:"effect"`
	Source string `json:"sourcePolicyId"`
	Layer  string `json:"sourcePolicyType"`
}

type decodedCondition struct {
	Key    string             `json:"key"`
	Values list[decodedValue] `json:"values"`
}

type decodedValue struct {
	Value string `json:"value"`
}

type decodedPrincipal struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	ARN  string `json:"arn"`
}

// decoded is the DecodedMessage: AWS's members, in AWS's order.
type decoded struct {
	Allowed  bool                   `json:"allowed"`
	Explicit bool                   `json:"explicitDeny"`
	Matched  list[decodedStatement] `json:"matchedStatements"`
	Failures list[string]           `json:"failures"`
	Context  struct {
		Principal  decodedPrincipal       `json:"principal"`
		Action     string                 `json:"action"`
		Resource   string                 `json:"resource"`
		Conditions list[decodedCondition] `json:"conditions"`
	} `json:"context"`
}

// explain is the text of a refusal's message.
func explain(r apigw.AuthzRequest, q policy.Request, d policy.Decision) string {
	out := decoded{Explicit: d.Explicit, Matched: list[decodedStatement]{[]decodedStatement{}}, Failures: list[string]{[]string{}}}
	if d.Explicit {
		for _, m := range d.Matched {
			out.Matched.Items = append(out.Matched.Items, decodedStatement{ID: m.Statement.Sid, Effect: strings.ToUpper(string(m.Statement.Effect)), Source: m.Source.ID, Layer: string(m.Layer)})
		}
	}
	out.Context.Principal = decodedPrincipal{ID: r.Principal.UserID, Name: r.Principal.UserName, ARN: r.Principal.ARN}
	out.Context.Action, out.Context.Resource = r.Action, q.Resource
	out.Context.Conditions.Items = []decodedCondition{}
	if k, ok := q.Context.(keys); ok {
		all := maps.Clone(k.request)
		maps.Copy(all, k.resource)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			c := decodedCondition{Key: key}
			for _, v := range all[key] {
				c.Values.Items = append(c.Values.Items, decodedValue{Value: v})
			}
			out.Context.Conditions.Items = append(out.Context.Conditions.Items, c)
		}
	}
	text, err := json.Marshal(out)
	if err != nil {
		return "{}" // strings and booleans always marshal
	}
	return string(text)
}
