// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"

	"github.com/hivecloud/hive/apigw"
)

// Claims are what a token says: whose session it is.
type Claims struct {
	AccountID string
	// Type is PrincipalAssumedRole, PrincipalFederated, PrincipalUser or PrincipalRoot (the last two from GetSessionToken).
	Type apigw.PrincipalType
	// UserID is the id of the user whose permissions a user's or federated session has (the account's for root); UserName
	// its name. Both are empty for roles, whose id is the Session's RoleID.
	UserID   string
	UserName string
	// KeyID is the long-term access key that a user's or federated session was made with: the session ends with it.
	KeyID   string
	Session apigw.Session
}

// wire are the claims of version 1. Names are frozen; a new field needs a new version.
type wire struct {
	Account     string            `codec:"a"`
	Type        string            `codec:"t"`
	UserID      string            `codec:"u,omitempty"`
	UserName    string            `codec:"n,omitempty"`
	KeyID       string            `codec:"k,omitempty"`
	RoleARN     string            `codec:"r,omitempty"`
	RoleID      string            `codec:"i,omitempty"`
	Name        string            `codec:"s,omitempty"`
	Policies    []string          `codec:"p,omitempty"`
	PolicyARNs  []string          `codec:"m,omitempty"`
	Tags        map[string]string `codec:"g,omitempty"`
	Transitive  []string          `codec:"v,omitempty"`
	Source      string            `codec:"o,omitempty"`
	Issued      int64             `codec:"b"` // milliseconds since 1970
	Expires     int64             `codec:"e"` // milliseconds since 1970
	MFA         bool              `codec:"2,omitempty"`
	Provider    string            `codec:"w,omitempty"`
	Federated   string            `codec:"j,omitempty"`
	InstanceARN string            `codec:"x,omitempty"`
}

// maxClaims bounds the unpacked claims, in bytes.
const maxClaims = 256 << 10

var handle = func() *codec.MsgpackHandle {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.Canonical, h.ErrorIfNoField, h.RawToString = true, true, true
	return h
}()

func (c *Claims) wire() wire {
	s := &c.Session
	return wire{Account: c.AccountID, Type: string(c.Type), UserID: c.UserID, UserName: c.UserName, KeyID: c.KeyID,
		RoleARN: s.RoleARN, RoleID: s.RoleID, Name: s.Name, Policies: s.Policies, PolicyARNs: s.PolicyARNs,
		Tags: s.Tags, Transitive: s.TransitiveTags, Source: s.SourceIdentity, Issued: s.Issued.UnixMilli(), Expires: s.Expires.UnixMilli(),
		MFA: s.MFA, Provider: s.Provider, Federated: s.Federated, InstanceARN: s.InstanceARN}
}

func (w *wire) claims() *Claims {
	return &Claims{AccountID: w.Account, Type: apigw.PrincipalType(w.Type), UserID: w.UserID, UserName: w.UserName, KeyID: w.KeyID,
		Session: apigw.Session{RoleARN: w.RoleARN, RoleID: w.RoleID, Name: w.Name, Policies: w.Policies, PolicyARNs: w.PolicyARNs,
			Tags: w.Tags, TransitiveTags: w.Transitive, SourceIdentity: w.Source, Issued: time.UnixMilli(w.Issued).UTC(),
			Expires: time.UnixMilli(w.Expires).UTC(), MFA: w.MFA, Provider: w.Provider, Federated: w.Federated, InstanceARN: w.InstanceARN}}
}

// pack encodes and compresses.
func pack(value any) []byte {
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		panic("session: " + err.Error())
	}
	if err := codec.NewEncoder(z, handle).Encode(value); err != nil {
		panic("session: encode claims: " + err.Error())
	}
	if err := z.Close(); err != nil {
		panic("session: " + err.Error())
	}
	return out.Bytes()
}

// readers are kept because a new one costs 40 KiB.
var readers = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// unpack reverses pack for claims.
func unpack(b []byte) (*Claims, error) {
	z := readers.Get().(io.ReadCloser)
	defer readers.Put(z)
	if err := z.(flate.Resetter).Reset(bytes.NewReader(b), nil); err != nil {
		return nil, fmt.Errorf("unpack claims: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxClaims+1))
	if err != nil {
		return nil, fmt.Errorf("unpack claims: %w", err)
	}
	if len(plain) > maxClaims {
		return nil, errors.New("unpack claims: too long")
	}
	var w wire
	d := codec.NewDecoderBytes(plain, handle)
	if err := d.Decode(&w); err != nil {
		return nil, fmt.Errorf("decode claims: %w", err)
	}
	if d.NumBytesRead() != len(plain) {
		return nil, errors.New("decode claims: bytes are left over")
	}
	return w.claims(), nil
}
