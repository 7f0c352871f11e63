// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/iam/iamwire"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/apigw/sigv4"
	"github.com/hivecloud/hive/apigw/sts/stswire"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/raftnode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testRegion = "hive-1"
	testSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	aliceKey   = "AKIAALICE"
	sleeperKey = "AKIASLEEPER" // inactive
	sessionKey = "ASIASESSION"
	mfaKey     = "ASIAMFA"
	oldKey     = "ASIAOLD" // its session is over
	fedKey     = "ASIAFEDERATED"
	brokenKey  = "AKIABROKEN" // the store cannot answer
)

// people is an identity store in memory.
type people struct{}

func (people) Lookup(_ context.Context, id string) (Principal, error) {
	alice := Principal{AccountID: "111122223333", AccessKeyID: id, ARN: "arn:aws:iam::111122223333:user/alice", UserID: "AIDAALICE",
		UserName: "alice", Type: PrincipalUser, Secret: testSecret, Status: Active}
	switch id {
	case aliceKey:
	case sleeperKey:
		alice.Status = Inactive
	case brokenKey:
		return Principal{}, errors.New("disk on fire")
	default:
		return Principal{}, ErrUnknownKey
	}
	return alice, nil
}

func (people) Session(_ context.Context, id, token string) (Principal, error) {
	alice, _ := people{}.Lookup(context.Background(), aliceKey)
	alice.AccessKeyID, alice.Session = id, &Session{MFA: id == mfaKey}
	switch {
	case token != "the token":
		return Principal{}, ErrInvalidToken
	case id == oldKey:
		return alice, ErrExpiredToken
	case id == fedKey:
		alice.Type = PrincipalFederated
	}
	return alice, nil
}

// stsHandlers answers one action of STS.
type stsHandlers struct{}

func (stsHandlers) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	call := CallFrom(ctx)
	if call.Principal.Secret != "" {
		return nil, errors.New("the secret reached a handler")
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	return &sts.GetCallerIdentityOutput{Account: &call.Account, Arn: &call.Principal.ARN, UserId: &call.Principal.UserID}, nil
}

// iamHandlers answers actions that succeed and fail in every way.
type iamHandlers struct{}

func (iamHandlers) Helper() string { return "not an action" }

func (iamHandlers) ListUsers(ctx context.Context, in *iam.ListUsersInput) (*iam.ListUsersOutput, error) {
	call := CallFrom(ctx)
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	names := []string{"carol", "alice", "bob"}
	names, next, err := Page(call, names, func(n string) string { return n }, page.Request{MaxResults: in.MaxItems, NextToken: in.Marker, Query: true}, page.IAM)
	if err != nil {
		return nil, err
	}
	out := &iam.ListUsersOutput{Marker: next, IsTruncated: next != nil}
	for _, n := range names {
		out.Users = append(out.Users, iamtypes.User{UserName: aws.String(n), Path: in.PathPrefix})
	}
	return out, nil
}

// CreateUser fails in the way that the user's name asks for.
func (iamHandlers) CreateUser(ctx context.Context, in *iam.CreateUserInput) (*iam.CreateUserOutput, error) {
	call := CallFrom(ctx)
	switch aws.ToString(in.UserName) {
	case "panic":
		panic("canary-secret")
	case "fault":
		return nil, errors.New("canary-secret")
	case "fsm":
		return nil, &command.Error{Code: "EntityAlreadyExists", Message: "User with name fsm already exists."}
	case "refused":
		return nil, awserr.NoSuchEntity("The user with name refused cannot be found.")
	case "leaderless":
		return nil, fmt.Errorf("propose: %w", raftnode.ErrUnavailable)
	case "late":
		<-ctx.Done()
		return nil, ctx.Err()
	case "forgetful":
		return &iam.CreateUserOutput{}, nil
	case "nil":
		return nil, call.Authorize()
	}
	return &iam.CreateUserOutput{User: &iamtypes.User{UserName: in.UserName}}, call.Authorize()
}

func (iamHandlers) DeleteUser(ctx context.Context, _ *iam.DeleteUserInput) (*iam.DeleteUserOutput, error) {
	return &iam.DeleteUserOutput{}, CallFrom(ctx).Authorize(Resource{ARN: "arn:aws:iam::111122223333:user/x"})
}

func testConfig() Config {
	return Config{
		Region: testRegion, Principals: people{}, TokenKey: []byte("0123456789abcdef"), CallTimeout: time.Minute,
		Services: []Service{
			{Name: "sts", Codec: stswire.Codec(), Handlers: stsHandlers{}, Members: Members{"GetCallerIdentity": nil}},
			{Name: "iam", Codec: iamwire.Codec(), Handlers: iamHandlers{}, Members: Members{
				"ListUsers":  {"PathPrefix", "MaxItems", "Marker"},
				"CreateUser": {"UserName", "Path=/", "Tags.*"},
				"DeleteUser": {"UserName"},
			}},
		},
	}
}

// gate is a gateway behind a TLS server of its own.
type gate struct {
	*Gateway
	server *httptest.Server
}

func newGate(t testing.TB, edit func(*Config)) *gate {
	t.Helper()
	cfg := testConfig()
	if edit != nil {
		edit(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(g.Handler())
	t.Cleanup(server.Close)
	return &gate{g, server}
}

// request describes one call; zero fields mean a correct one by alice.
type request struct {
	form    string
	key     string
	secret  string
	service string
	region  string
	token   string
	method  string
	path    string
	when    time.Time
	header  map[string]string   // signed
	edit    func(*http.Request) // after signing
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) code() string    { return between(a.body, "<Code>", "</Code>") }
func (a answer) message() string { return between(a.body, "<Message>", "</Message>") }

func between(s, from, to string) string {
	_, rest, _ := strings.Cut(s, from)
	inner, _, _ := strings.Cut(rest, to)
	return inner
}

func (g *gate) do(t testing.TB, q request) answer {
	t.Helper()
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&q.key, aliceKey)
	set(&q.secret, testSecret)
	set(&q.service, "iam")
	set(&q.region, testRegion)
	set(&q.method, http.MethodPost)
	set(&q.path, "/")
	if q.when.IsZero() {
		q.when = time.Now()
	}
	r, err := http.NewRequestWithContext(t.Context(), q.method, g.server.URL+q.path, strings.NewReader(q.form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	creds := aws.Credentials{AccessKeyID: q.key, SecretAccessKey: q.secret, SessionToken: q.token}
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, sigv4.HashBody([]byte(q.form)), q.service, q.region, q.when); err != nil {
		t.Fatal(err)
	}
	if q.edit != nil {
		q.edit(r)
	}
	resp, err := g.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

const listUsers = "Action=ListUsers&Version=2010-05-08"

func createUser(name string) string {
	return "Action=CreateUser&Version=2010-05-08&UserName=" + name
}

func TestCalls(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(c *Config) { c.CallTimeout = 50 * time.Millisecond })
	identity := "Action=GetCallerIdentity&Version=2011-06-15"
	cases := []struct {
		name   string
		q      request
		status int
		code   string
		want   string // part of the body
	}{
		{"identity", request{form: identity, service: "sts"}, 200, "", "<Arn>arn:aws:iam::111122223333:user/alice</Arn>"},
		{"identity by GET", request{method: "GET", path: "/?" + identity, service: "sts"}, 200, "", "<Account>111122223333</Account>"},
		{"global service signed for AWS's home region", request{form: identity, service: "sts", region: "us-east-1"}, 200, "", "<GetCallerIdentityResult>"},
		{"no result element without an output", request{form: "Action=DeleteUser&Version=2010-05-08&UserName=x"}, 200, "", "\">" + "<ResponseMetadata>"},
		{"session", request{form: identity, service: "sts", key: sessionKey, token: "the token"}, 200, "", "<Arn>"},
		{"session without token", request{form: identity, service: "sts", key: sessionKey}, 403, "InvalidClientTokenId", ""},
		{"session with another token", request{form: identity, service: "sts", key: sessionKey, token: "another"}, 403, "InvalidClientTokenId", ""},
		{"session of a user calls IAM", request{form: listUsers, key: sessionKey, token: "the token"}, 403, "InvalidClientTokenId", ""},
		{"with a second factor", request{form: listUsers, key: mfaKey, token: "the token"}, 200, "", "<Users>"},
		{"federated user calls IAM", request{form: listUsers, key: fedKey, token: "the token"}, 403, "InvalidClientTokenId", ""},
		{"session that is over", request{form: identity, service: "sts", key: oldKey, token: "the token"}, 403, "ExpiredToken", "The security token included in the request is expired"},
		{"session that is over, wrong secret", request{form: identity, service: "sts", key: oldKey, token: "the token", secret: "wrong"}, 403, "SignatureDoesNotMatch", ""},
		{"token with a long-term key", request{form: listUsers, token: "any"}, 403, "InvalidClientTokenId", ""},
		{"unknown key", request{form: listUsers, key: "AKIANOBODY"}, 403, "InvalidClientTokenId", ""},
		{"inactive key", request{form: listUsers, key: sleeperKey}, 403, "InvalidClientTokenId", ""},
		{"wrong secret", request{form: listUsers, secret: "wrong"}, 403, "SignatureDoesNotMatch", ""},
		{"store cannot answer", request{form: listUsers, key: brokenKey}, 503, "ServiceUnavailable", ""},
		{"expired", request{form: listUsers, when: time.Now().Add(-6 * time.Minute)}, 403, "SignatureDoesNotMatch", "Signature expired"},
		{"from the future", request{form: listUsers, when: time.Now().Add(6 * time.Minute)}, 403, "SignatureDoesNotMatch", "not yet current"},
		{"another region", request{form: listUsers, region: "hive-2"}, 403, "SignatureDoesNotMatch", "valid region"},
		{"unknown service", request{form: listUsers, service: "lambda"}, 403, "SignatureDoesNotMatch", "lambda"},
		{"tampered body", request{form: listUsers, edit: func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(listUsers, "List", "list", 1)))
		}}, 403, "SignatureDoesNotMatch", ""},
		{"unsigned", request{form: listUsers, edit: func(r *http.Request) { r.Header.Del("Authorization") }}, 403, "MissingAuthenticationToken", "<ErrorResponse"},
		{"garbage signature", request{form: listUsers, edit: func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") }}, 400, "IncompleteSignature", ""},
		{"no action", request{form: "Version=2010-05-08"}, 400, "MissingAction", ""},
		{"no version", request{form: "Action=ListUsers"}, 400, "InvalidAction", "NO_VERSION_SPECIFIED"},
		{"another version", request{form: "Action=ListUsers&Version=2009-01-01"}, 400, "InvalidAction", ""},
		{"unknown action", request{form: "Action=Fly&Version=2010-05-08"}, 400, "InvalidAction", "The action Fly is not valid"},
		{"action without a method", request{form: "Action=CreateRole&Version=2010-05-08"}, 400, "InvalidAction", ""},
		{"method that is not an action", request{form: "Action=Helper&Version=2010-05-08"}, 400, "InvalidAction", ""},
		{"action of another service", request{form: identity}, 400, "InvalidAction", ""},
		{"action twice", request{form: listUsers + "&Action=ListUsers"}, 400, "InvalidParameterCombination", "Action"},
		{"action in query and body", request{form: listUsers, path: "/?Action=ListUsers"}, 400, "InvalidParameterCombination", "Action"},
		{"unknown parameter", request{form: listUsers + "&Colour=red"}, 400, "UnknownParameter", "The parameter Colour is not recognized"},
		{"malformed number", request{form: listUsers + "&MaxItems=ten"}, 400, "ValidationError", "MaxItems"},
		{"undeclared member", request{form: createUser("x") + "&PermissionsBoundary=arn"}, 400, "UnsupportedOperation", "The parameter PermissionsBoundary is not supported by Hive"},
		{"default of an undeclared member", request{form: createUser("x") + "&Path=%2F"}, 200, "", "<UserName>x</UserName>"},
		{"other value of it", request{form: createUser("x") + "&Path=%2Fa%2F"}, 400, "UnsupportedOperation", "Path"},
		{"declared subtree", request{form: createUser("x") + "&Tags.member.1.Key=a&Tags.member.1.Value="}, 200, "", ""},
		{"bad escape", request{form: listUsers + "&PathPrefix=%zz"}, 400, "MalformedQueryString", ""},
		{"bad escape in the query", request{method: "GET", edit: func(r *http.Request) { r.URL.RawQuery = "Action=%z" }}, 400, "IncompleteSignature", ""},
		{"other method", request{form: listUsers, method: "PUT"}, 405, "MethodNotAllowed", ""},
		{"other path", request{form: listUsers, path: "/nothing"}, 404, "InvalidRequest", ""},
		{"other content type", request{form: listUsers, edit: func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }}, 415, "UnsupportedMediaType", ""},
		{"content encoding", request{form: listUsers, edit: func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }}, 415, "UnsupportedMediaType", ""},
		{"ten megabytes", request{form: listUsers + "&PathPrefix=" + strings.Repeat("a", 10<<20)}, 413, "RequestEntityTooLarge", "<ErrorResponse"},
		{"ten megabytes without a length", request{form: listUsers + "&PathPrefix=" + strings.Repeat("a", 10<<20), edit: func(r *http.Request) {
			r.ContentLength = -1
		}}, 413, "RequestEntityTooLarge", ""},
		{"many parameters", request{form: listUsers + strings.Repeat("&a=", 20_000)}, 413, "RequestEntityTooLarge", "20000"},
		{"handler panics", request{form: createUser("panic")}, 500, "InternalFailure", ""},
		{"handler fails", request{form: createUser("fault")}, 500, "InternalFailure", ""},
		{"handler answers nothing", request{form: createUser("nil")}, 500, "InternalFailure", ""},
		{"handler does not authorize", request{form: createUser("forgetful")}, 500, "InternalFailure", ""},
		{"handler refuses", request{form: createUser("refused")}, 404, "NoSuchEntity", "<Type>Sender</Type>"},
		{"state machine refuses", request{form: createUser("fsm")}, 409, "EntityAlreadyExists", "already exists"},
		{"no leader", request{form: createUser("leaderless")}, 503, "ServiceUnavailable", ""},
		{"handler is late", request{form: createUser("late")}, 503, "ServiceUnavailable", "<Type>Receiver</Type>"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := g.do(t, c.q)
			if a.status != c.status || a.code() != c.code || !strings.Contains(a.body, c.want) {
				t.Errorf("got %d %s, want %d %s with %q:\n%s", a.status, a.code(), c.status, c.code, c.want, a.body)
			}
			id := a.header.Get("X-Amzn-Requestid")
			if len(id) != 36 || !strings.Contains(a.body, id) {
				t.Errorf("request id %q is not in the body:\n%s", id, a.body)
			}
			if strings.Contains(a.body, "canary-secret") || strings.Contains(a.body, "disk on fire") {
				t.Errorf("an internal cause leaked:\n%s", a.body)
			}
			if (a.status == 503) != (a.header.Get("Retry-After") != "") {
				t.Errorf("Retry-After is %q with %d", a.header.Get("Retry-After"), a.status)
			}
			if got := a.header.Get("Content-Type"); got != "text/xml;charset=UTF-8" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	g := newGate(t, nil)
	var got []string
	marker := ""
	for range 3 {
		a := g.do(t, request{form: listUsers + "&MaxItems=1" + marker})
		got = append(got, between(a.body, "<UserName>", "</UserName>"))
		next := between(a.body, "<Marker>", "</Marker>")
		if (next == "") != (len(got) == 3) {
			t.Fatalf("page %d: marker %q", len(got), next)
		}
		marker = "&Marker=" + next
	}
	if want := []string{"alice", "bob", "carol"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if a := g.do(t, request{form: listUsers + "&Marker=bm9wZQ"}); a.code() != "ValidationError" {
		t.Errorf("made-up marker: %s", a.body)
	}
}

// denier refuses everything.
type denier struct{ asked []AuthzRequest }

func (d *denier) Authorize(_ context.Context, r AuthzRequest) (Decision, error) {
	d.asked = append(d.asked, r)
	return Decision{Resource: r.Resources[0].ARN}, nil
}

func TestAuthorizerRefuses(t *testing.T) {
	t.Parallel()
	d := &denier{}
	g := newGate(t, func(c *Config) { c.Authorizer = d })
	a := g.do(t, request{form: "Action=DeleteUser&Version=2010-05-08&UserName=x"})
	want := "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:DeleteUser on resource: arn:aws:iam::111122223333:user/x"
	if a.status != 403 || a.code() != "AccessDenied" || a.message() != want {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if len(d.asked) != 1 || d.asked[0].Action != "iam:DeleteUser" || d.asked[0].Resources[0].Account != "111122223333" || d.asked[0].Principal.Secret != "" {
		t.Errorf("asked %+v", d.asked)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(c *Config) {
		c.Throttle = Throttle{ReadRate: 1e-9, ReadBurst: 2, WriteRate: 1e-9, WriteBurst: 1}
	})
	for i, want := range []string{"", "", "Throttling"} {
		if a := g.do(t, request{form: listUsers}); a.code() != want || want != "" && a.status != 400 {
			t.Errorf("read %d: got %d %s", i, a.status, a.body)
		}
	}
	for i, want := range []string{"", "Throttling"} { // a bucket of its own
		if a := g.do(t, request{form: createUser("x")}); a.code() != want {
			t.Errorf("write %d: got %s", i, a.body)
		}
	}
	if a := g.do(t, request{form: listUsers, secret: "wrong"}); a.code() != "SignatureDoesNotMatch" {
		t.Errorf("the throttle answers the unauthenticated: %s", a.body)
	}
}

// recorder keeps what it is told.
type recorder struct {
	mu           sync.Mutex
	observations []Observation
	events       []AuditEvent
}

func (r *recorder) Observe(o Observation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observations = append(r.observations, o)
}

func (r *recorder) Record(_ context.Context, e AuditEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func TestObserved(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	var log strings.Builder
	var mu sync.Mutex
	g := newGate(t, func(c *Config) {
		c.Metrics, c.Audit = r, r
		c.Log = hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &log, Mutex: &mu, JSONFormat: true})
	})
	g.do(t, request{form: listUsers})
	g.do(t, request{form: "Action=Fly&Version=2010-05-08"})
	g.do(t, request{form: listUsers, secret: "wrong"})
	fault := g.do(t, request{form: createUser("panic")})
	g.server.Close() // waits for the calls
	type seen struct {
		Service, Action, Code string
		Status                int
	}
	var got []seen
	for _, o := range r.observations {
		got = append(got, seen{o.Service, o.Action, o.Code, o.Status})
	}
	want := []seen{{"iam", "ListUsers", "", 200}, {"iam", "unknown", "InvalidAction", 400}, {"iam", "unknown", "SignatureDoesNotMatch", 403},
		{"iam", "CreateUser", "InternalFailure", 500}}
	if !slices.Equal(got, want) {
		t.Errorf("observed %v, want %v", got, want)
	}
	if e := r.events; len(e) != 4 || e[2].Code != "SignatureDoesNotMatch" || e[2].Action != "ListUsers" || e[2].Principal.UserName != "alice" || e[0].Response == nil || e[3].Response != nil {
		t.Errorf("recorded %+v", e)
	}
	if r.events[1].Action != "Fly" || r.events[0].Principal.ARN == "" || r.events[0].Principal.Secret != "" {
		t.Errorf("recorded %+v", r.events)
	}
	id := fault.header.Get("X-Amzn-Requestid")
	found := false
	for line := range strings.Lines(log.String()) {
		found = found || strings.Contains(line, "panic: canary-secret") && strings.Contains(line, id) && strings.Contains(line, "gateway_test.go") && strings.Contains(line, `"account":"111122223333"`)
	}
	if !found {
		t.Errorf("no line about the panic with id and stack:\n%s", log.String())
	}
	if strings.Contains(log.String(), testSecret) {
		t.Error("the log holds a secret key")
	}
}

// A call in nobody's name is recorded with the key that was sent, and a flood of them is not.
func TestAudit_CallsInNobodysNameDoNotFillIt(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	g := newGate(t, func(c *Config) { c.Audit = r })
	const more = strangerBurst + 50
	for range more {
		g.do(t, request{form: listUsers, key: "AKIANOBODY0000000000"})
	}
	g.do(t, request{form: listUsers, secret: "wrong"})
	g.server.Close() // waits for the calls
	strangers, known := 0, 0
	for _, e := range r.events {
		switch {
		case e.Principal.AccountID != "":
			known++
		case e.Principal.AccessKeyID != "AKIANOBODY0000000000" || e.Action != "ListUsers" || e.Code != "InvalidClientTokenId":
			t.Errorf("recorded %+v", e)
		default:
			strangers++
		}
	}
	if strangers < strangerBurst || strangers >= more || known != 1 {
		t.Errorf("%d records of %d calls in nobody's name, %d of 1 in somebody's", strangers, more, known)
	}
}
