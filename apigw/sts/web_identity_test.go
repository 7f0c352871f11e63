// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	jose "github.com/go-jose/go-jose/v4"

	"github.com/hivecloud/hive/fsm/state"
)

// issuer is an OIDC provider with a certificate that only its thumbprint vouches for.
type issuer struct {
	t       *testing.T
	server  *httptest.Server
	key     *ecdsa.PrivateKey
	silent  atomic.Bool // answers 503
	fetches atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key}
	i.server = httptest.NewTLSServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.server.Close)
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.fetches.Add(1)
	var document any
	switch {
	case i.silent.Load():
		http.Error(w, "later", http.StatusServiceUnavailable)
		return
	case r.URL.Path == "/.well-known/openid-configuration":
		document = map[string]any{"issuer": i.server.URL, "jwks_uri": i.server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"}}
	default:
		document = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}}
	}
	if err := json.NewEncoder(w).Encode(document); err != nil {
		i.t.Error(err)
	}
}

// token is a signed token; edit changes its claims.
func (i *issuer) token(edit func(map[string]any)) string {
	return i.signed(i.key, "k1", edit)
}

func (i *issuer) signed(key *ecdsa.PrivateKey, id string, edit func(map[string]any)) string {
	i.t.Helper()
	claims := map[string]any{"iss": i.server.URL, "sub": "repo:acme/app", "aud": "sts.amazonaws.com", "iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix()}
	if edit != nil {
		edit(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	made, err := signer.Sign(payload)
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := made.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// trust is a provider of acme for the issuer, and a role that trusts one subject of it.
func (w *world) trust(i *issuer, edit func(*state.OIDCProvider)) (role string) {
	p := &state.OIDCProvider{AccountID: acme, ARN: "arn:aws:iam::" + acme + ":oidc-provider/" + bareURL(i.server.URL), URL: i.server.URL,
		ClientIDs: []string{"sts.amazonaws.com"}, Thumbprints: []string{strings.ToUpper(thumbprint(i.server.Certificate()))}}
	if edit != nil {
		edit(p)
	}
	w.change(func(tx *state.Txn) { state.OIDCProviders.Put(tx, p) })
	name := bareURL(i.server.URL)
	return w.addRole("ci", `{"Effect":"Allow","Principal":{"Federated":"`+p.ARN+`"},"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"`+name+`:aud":"sts.amazonaws.com"},"StringLike":{"`+name+`:sub":"repo:acme/*"}}}`, nil)
}

// anonymous asks without a signature.
func (w *world) anonymous(role, token string) (*sdk.AssumeRoleWithWebIdentityOutput, error) {
	return w.client(aws.AnonymousCredentials{}).AssumeRoleWithWebIdentity(w.t.Context(),
		&sdk.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("build"), WebIdentityToken: &token})
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	t.Parallel()
	w, i := newWorld(t), newIssuer(t)
	role := w.trust(i, nil)
	for range 2 {
		out, err := w.anonymous(role, i.token(nil))
		if err != nil {
			t.Fatal(err)
		}
		if *out.SubjectFromWebIdentityToken != "repo:acme/app" || *out.Audience != "sts.amazonaws.com" || *out.Provider != "arn:aws:iam::111111111111:oidc-provider/"+bareURL(i.server.URL) {
			t.Errorf("got %+v", out)
		}
		if got := w.arn(w.with(out.Credentials)); got != "arn:aws:sts::111111111111:assumed-role/ci/build" {
			t.Errorf("got %s", got)
		}
	}
	if n := i.fetches.Load(); n != 2 {
		t.Errorf("two calls asked the provider %d times, want its document and its keys once", n)
	}
}

func TestAssumeRoleWithWebIdentity_Refuses(t *testing.T) {
	t.Parallel()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) func(*issuer) string {
		return func(i *issuer) string { return i.token(func(c map[string]any) { c[name] = value }) }
	}
	past := time.Now().Add(-time.Minute).Unix()
	for name, c := range map[string]struct {
		token func(*issuer) string
		edit  func(*state.OIDCProvider)
		code  string
		want  string // part of the message
	}{
		"another subject":       {claim("sub", "repo:evil/app"), nil, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"another audience":      {claim("aud", "elsewhere"), nil, "InvalidIdentityToken", "Incorrect token audience"},
		"asked for by another":  {claim("azp", "elsewhere"), nil, "InvalidIdentityToken", "Incorrect token audience"},
		"expired":               {claim("exp", past), nil, "ExpiredTokenException", "must be before the expiration date/time"},
		"no expiry":             {func(i *issuer) string { return i.token(func(c map[string]any) { delete(c, "exp") }) }, nil, "InvalidIdentityToken", "Missing a required claim: exp"},
		"no subject":            {claim("sub", ""), nil, "InvalidIdentityToken", "sub"},
		"not yet valid":         {claim("nbf", time.Now().Add(time.Hour).Unix()), nil, "InvalidIdentityToken", "not before"},
		"unknown issuer":        {claim("iss", "https://other.example.com"), nil, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://other.example.com"},
		"another key":           {func(i *issuer) string { return i.signed(stranger, "k1", nil) }, nil, "InvalidIdentityToken", "signature"},
		"unknown key":           {func(i *issuer) string { return i.signed(stranger, "k2", nil) }, nil, "InvalidIdentityToken", "signature"},
		"no signature":          {func(i *issuer) string { t := i.token(nil); return t[:strings.LastIndexByte(t, '.')+1] }, nil, "InvalidIdentityToken", ""},
		"not a JWT":             {func(*issuer) string { return "not a token" }, nil, "InvalidIdentityToken", "The ID Token provided is not a valid JWT"},
		"unsigned algorithm":    {func(*issuer) string { return "eyJhbGciOiJub25lIn0.e30." }, nil, "InvalidIdentityToken", ""},
		"wrong thumbprint":      {(*issuer).plain, func(p *state.OIDCProvider) { p.Thumbprints = []string{strings.Repeat("0", 40)} }, "IDPCommunicationError", "thumbprint"},
		"provider that is down": {func(i *issuer) string { i.silent.Store(true); return i.token(nil) }, nil, "IDPCommunicationError", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, i := newWorld(t), newIssuer(t)
			role := w.trust(i, c.edit)
			_, err := w.anonymous(role, c.token(i))
			code, message := refusal(err)
			if err == nil || c.code != "" && code != c.code || !strings.Contains(message, c.want) {
				t.Errorf("got %v, want %s with %q", err, c.code, c.want)
			}
		})
	}
	t.Run("a role that does not trust the provider", func(t *testing.T) {
		t.Parallel()
		w, i := newWorld(t), newIssuer(t)
		w.trust(i, nil)
		_, err := w.anonymous(w.addRole("other", trustAcme, nil), i.token(nil))
		wantRefusal(t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
		_, err = w.anonymous("arn:aws:iam::111111111111:role/none", i.token(nil))
		wantRefusal(t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	})
	t.Run("other actions need a signature", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.client(aws.AnonymousCredentials{}).GetCallerIdentity(t.Context(), &sdk.GetCallerIdentityInput{})
		if code, _ := refusal(err); code != "MissingAuthenticationToken" {
			t.Errorf("got %v", err)
		}
	})
}

func (i *issuer) plain() string { return i.token(nil) }
