// SPDX-License-Identifier: Apache-2.0

//go:build bench

package apigw_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/principals"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/apigw/sigv4"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/tenant"
)

// rows is a region that is read without a round to the leader: what is measured is the work on this node.
type rows struct{ *state.Store }

func (r rows) View(context.Context) (*state.View, error) { return r.Store.View(), nil }

const (
	benchAccount = "111111111111"
	benchForm    = "Action=DescribeInstances&Version=2016-11-15"
)

// TestBenchAuthentication measures signature and principal of a call: with a key whose secret and signing key are kept
// (warm), with one that is seen for the first time (cold), and with session tokens.
func TestBenchAuthentication(t *testing.T) {
	const many = 2000
	store, ring := state.NewStore(), seal.Generate()
	tx := store.Begin()
	state.Accounts.Put(tx, &state.Account{ID: benchAccount, Name: "acme", Status: state.AccountActive})
	state.Roles.Put(tx, &state.Role{AccountID: benchAccount, Name: "r", ID: "AROA1", Path: "/"})
	var keys []aws.Credentials
	for n := range many {
		user := fmt.Sprintf("u%d", n)
		key, row, err := tenant.NewAccessKey(ring, benchAccount, user, 0)
		if err != nil {
			t.Fatal(err)
		}
		row.Status = state.KeyActive
		state.Users.Put(tx, &state.User{AccountID: benchAccount, Name: user, ID: "AIDA" + user, Path: "/"})
		state.AccessKeys.Put(tx, &row)
		keys = append(keys, aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret.Reveal()})
	}
	tx.Commit()
	find := func() *principals.Store {
		p, err := principals.New(rows{store}, ring)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	bounded := apigw.Session{Policies: []string{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`}, Tags: map[string]string{"team": "blue"}}
	for _, c := range []struct {
		name string
		keys []aws.Credentials
		cold bool
	}{
		{"warm key", keys[:1], false},
		{"cold key", keys, true},
		{"session", []aws.Credentials{sessionKey(t, ring, apigw.Session{})}, false},
		{"session with a policy", []aws.Credentials{sessionKey(t, ring, bounded)}, false},
	} {
		r := testing.Benchmark(func(b *testing.B) { authenticate(b, find, c.keys, c.cold) })
		t.Logf("authenticate a call, %-22s %8.1f us, %d allocations", c.name+":", float64(r.NsPerOp())/1e3, r.AllocsPerOp())
	}
}

func sessionKey(b testing.TB, ring *seal.Ring, s apigw.Session) aws.Credentials {
	b.Helper()
	keeper, err := session.New(ring)
	if err != nil {
		b.Fatal(err)
	}
	s.RoleARN, s.RoleID, s.Name = "arn:aws:iam::"+benchAccount+":role/r", "AROA1", "bench"
	s.Issued, s.Expires = time.Now(), time.Now().Add(time.Hour)
	made, err := keeper.Issue(session.Claims{AccountID: benchAccount, Type: apigw.PrincipalAssumedRole, Session: s})
	if err != nil {
		b.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: made.AccessKeyID, SecretAccessKey: made.Secret.Reveal(), SessionToken: made.Token.Reveal()}
}

// authenticate verifies signed requests in turn; cold forgets what was kept after each round through the keys.
func authenticate(b *testing.B, find func() *principals.Store, keys []aws.Credentials, cold bool) {
	var signed []*http.Request
	for _, k := range keys {
		r := httptest.NewRequest(http.MethodPost, "https://127.0.0.1:8443/", strings.NewReader(benchForm))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if err := v4.NewSigner().SignHTTP(b.Context(), k, r, sigv4.HashBody([]byte(benchForm)), "ec2", "hive-1", time.Now()); err != nil {
			b.Fatal(err)
		}
		signed = append(signed, r)
	}
	store, cache := find(), &sigv4.Keys{}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n == len(signed) {
			if n = 0; cold {
				store, cache = find(), &sigv4.Keys{}
			}
		}
		r := signed[n]
		n++
		sig, err := sigv4.Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		var p apigw.Principal
		if sig.SecurityToken != "" {
			p, err = store.Session(b.Context(), sig.AccessKeyID, sig.SecurityToken)
		} else {
			p, err = store.Lookup(b.Context(), sig.AccessKeyID)
		}
		if err != nil {
			b.Fatal(err)
		}
		if err := sig.Verify(r, p.Secret, sigv4.HashBody([]byte(benchForm)), cache, sigv4.Options{Skew: 5 * time.Minute}); err != nil {
			b.Fatal(err)
		}
	}
}
