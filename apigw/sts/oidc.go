// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"
)

const (
	// fetchTimeout bounds each request to a provider.
	fetchTimeout = 5 * time.Second
	// maxFetch bounds what a provider may answer, in bytes.
	maxFetch = 1 << 20
	// keepVerifier is how long a provider's discovery document and keys are used. Keys that are unknown are looked
	// for at once; a key that was taken out counts until then.
	keepVerifier = time.Hour
	// maxVerifiers bounds how many providers are kept. Beyond it all are dropped: they come back as they are asked for.
	maxVerifiers = 256
)

// algorithms are those that AWS accepts.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512}

// webIdentity is who a provider vouches for.
type webIdentity struct {
	provider *state.OIDCProvider
	subject  string
	audience string
	keys     map[string][]string // condition keys: "server.example.com:sub"
}

// verifiers keeps what is known of providers. It is safe for concurrent use.
type verifiers struct {
	mu   sync.Mutex
	kept map[string]*verifier // by ARN
}

// verifier checks the tokens of one provider. It belongs to the row that it was made from.
type verifier struct {
	row    *state.OIDCProvider
	issuer string
	keys   oidc.KeySet
	until  time.Time
}

func newVerifiers() *verifiers { return &verifiers{kept: map[string]*verifier{}} }

// identify checks a token against the OIDC providers of an account.
func (s *verifiers) identify(ctx context.Context, v *state.View, account, token string, now time.Time) (*webIdentity, error) {
	issuer, err := issuerOf(token)
	if err != nil {
		return nil, err
	}
	provider, ok := findProvider(v, account, issuer)
	if !ok {
		return nil, awserr.New("InvalidIdentityToken", "No OpenIDConnect provider found in your account for %.256s", issuer)
	}
	kept, err := s.verifier(ctx, provider, issuer, now)
	if err != nil {
		return nil, err
	}
	claims, err := kept.check(ctx, token, now)
	if err != nil {
		return nil, err
	}
	return claims.identity(provider, issuer)
}

// issuerOf reads whom a token names as its issuer; nothing of it is believed yet.
func issuerOf(token string) (string, error) {
	malformed := awserr.New("InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", malformed
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", malformed
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer == "" {
		return "", malformed
	}
	return claims.Issuer, nil
}

// verifier returns the provider's, and asks the provider for its discovery document when there is none yet.
func (s *verifiers) verifier(ctx context.Context, row *state.OIDCProvider, issuer string, now time.Time) (*verifier, error) {
	s.mu.Lock()
	kept := s.kept[row.ARN]
	s.mu.Unlock()
	if kept != nil && kept.row == row && kept.issuer == issuer && now.Before(kept.until) {
		return kept, nil
	}
	if !strings.HasPrefix(issuer, "https://") {
		issuer = "https://" + issuer
	}
	client := &http.Client{Transport: transport(row.Thumbprints), Timeout: fetchTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("the provider redirects")
	}}
	asked := oidc.ClientContext(context.WithoutCancel(ctx), client) // the keys outlive this call; the client has a timeout
	found, err := oidc.NewProvider(asked, issuer)
	if err != nil {
		return nil, unreachable(err)
	}
	var document struct {
		Keys string `json:"jwks_uri"`
	}
	if err := found.Claims(&document); err != nil || !strings.HasPrefix(document.Keys, "https://") {
		return nil, unreachable(errors.New("its jwks_uri is not an https URL"))
	}
	kept = &verifier{row: row, issuer: issuer, keys: oidc.NewRemoteKeySet(asked, document.Keys), until: now.Add(keepVerifier)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= maxVerifiers {
		clear(s.kept)
	}
	s.kept[row.ARN] = kept
	return kept, nil
}

// unreachable is a provider that does not answer as one; callers may try again.
func unreachable(err error) error {
	return awserr.New("IDPCommunicationError", "The identity provider could not be reached to verify the token: %.256s", err.Error())
}

// watched notes why keys could not be had: the verifier's own error does not tell a bad signature from a silent provider.
type watched struct {
	oidc.KeySet
	err error
}

// VerifySignature checks a token's signature.
func (w *watched) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, token)
	w.err = err
	return payload, err
}

// tokenClaims are what is read of a token.
type tokenClaims struct {
	Subject  string   `json:"sub"`
	Issued   float64  `json:"iat"`
	Party    string   `json:"azp"`
	Methods  []string `json:"amr"`
	Audience []string `json:"-"`
}

// check verifies signature, issuer and times.
func (k *verifier) check(ctx context.Context, token string, now time.Time) (*tokenClaims, error) {
	keys := &watched{KeySet: k.keys}
	verify := oidc.NewVerifier(k.issuer, keys, &oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: algorithms, Now: func() time.Time { return now }})
	checked, err := verify.Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired) && expired.Expiry.Unix() <= 0:
		return nil, awserr.New("InvalidIdentityToken", "Missing a required claim: exp")
	case errors.As(err, &expired):
		return nil, awserr.New("ExpiredTokenException", "Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), expired.Expiry.Unix())
	case keys.err != nil && strings.HasPrefix(keys.err.Error(), "fetching keys"):
		return nil, unreachable(keys.err)
	case err != nil:
		return nil, awserr.New("InvalidIdentityToken", "The web identity token is not valid: %.256s", strings.TrimPrefix(err.Error(), "oidc: "))
	}
	claims := &tokenClaims{Audience: checked.Audience}
	if err := checked.Claims(claims); err != nil {
		return nil, awserr.New("InvalidIdentityToken", "The web identity token is not valid: its claims do not read")
	}
	switch {
	case claims.Subject == "":
		return nil, awserr.New("InvalidIdentityToken", "Missing a required claim: sub")
	case claims.Issued == 0:
		return nil, awserr.New("InvalidIdentityToken", "Missing a required claim: iat")
	}
	return claims, nil
}

// identity is who the token is about, for a provider that knows its audience. Where a token names the client that asked
// for it (azp), that one is the audience, as on AWS.
func (c *tokenClaims) identity(p *state.OIDCProvider, issuer string) (*webIdentity, error) {
	audiences := c.Audience
	if c.Party != "" {
		audiences = []string{c.Party}
	}
	who := &webIdentity{provider: p, subject: c.Subject, audience: first(audiences, p.ClientIDs)}
	if who.audience == "" {
		return nil, awserr.New("InvalidIdentityToken", "Incorrect token audience")
	}
	prefix := bareURL(issuer)
	who.keys = map[string][]string{prefix + ":sub": {c.Subject}, prefix + ":aud": {who.audience}}
	if c.Party != "" {
		who.keys[prefix+":oaud"] = c.Audience
	}
	if len(c.Methods) > 0 {
		who.keys[prefix+":amr"] = c.Methods
	}
	return who, nil
}

// first is the first of the values that is among the allowed ones.
func first(values, allowed []string) string {
	for _, v := range values {
		if slices.Contains(allowed, v) {
			return v
		}
	}
	return ""
}
