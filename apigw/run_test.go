// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/labstack/echo/v4"

	"github.com/hivecloud/hive/apigw/sts/stswire"
)

// slowSTS holds a call until it is released.
type slowSTS struct{ entered, release chan struct{} }

func (s slowSTS) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	close(s.entered)
	<-s.release
	return &sts.GetCallerIdentityOutput{Account: aws.String("1")}, CallFrom(ctx).Authorize()
}

// running is a gateway under Run, with a client that trusts it.
type running struct {
	*Gateway
	client *http.Client
	stop   context.CancelFunc
	done   chan error
}

func run(t *testing.T, edit func(*Config)) *running {
	t.Helper()
	certs := httptest.NewUnstartedServer(nil) // for its certificate
	certs.StartTLS()
	t.Cleanup(certs.Close)
	cfg := testConfig()
	cfg.Addr = "127.0.0.1:0"
	cfg.TLS = &tls.Config{Certificates: certs.TLS.Certificates}
	if edit != nil {
		edit(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{Gateway: g, client: certs.Client(), stop: cancel, done: make(chan error, 1)}
	go func() {
		defer close(r.done)
		r.done <- g.Run(ctx)
	}()
	select {
	case <-g.Ready():
	case err := <-r.done:
		t.Fatalf("Run: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		r.client.CloseIdleConnections()
		for range r.done { // until Run has ended, which waits for connections that a client made and never used
		}
	})
	return r
}

// callerIdentity calls through the SDK's own client.
func (r *running) callerIdentity(ctx context.Context) (string, error) {
	client := sts.New(sts.Options{Region: testRegion, HTTPClient: r.client, BaseEndpoint: aws.String("https://" + r.Addr().String()),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: aliceKey, SecretAccessKey: testSecret}, nil
		}), RetryMaxAttempts: 1})
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Account), nil
}

func TestRun_SDKClient(t *testing.T) {
	t.Parallel()
	r := run(t, func(c *Config) {
		c.Routes = func(e *echo.Echo) {
			e.GET("/_hive/health", func(c echo.Context) error { return c.String(http.StatusOK, "fine") })
		}
	})
	account, err := r.callerIdentity(t.Context())
	if err != nil || account != "111122223333" {
		t.Fatalf("got %q, %v", account, err)
	}
	resp, err := r.client.Get("https://" + r.Addr().String() + "/_hive/health")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("extra route: %v, %v", resp, err)
	}
	resp.Body.Close()
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	if conn, err := tls.Dial("tcp", r.Addr().String(), old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 was accepted")
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestRun_FinishesCallsInFlight(t *testing.T) {
	t.Parallel()
	slow := slowSTS{make(chan struct{}), make(chan struct{})}
	r := run(t, func(c *Config) {
		c.Services = []Service{{Name: "sts", Codec: stswire.Codec(), Handlers: slow, Members: Members{"GetCallerIdentity": nil}}}
		c.ShutdownGrace = time.Minute
	})
	type result struct {
		account string
		err     error
	}
	got := make(chan result, 1)
	go func() {
		account, err := r.callerIdentity(t.Context())
		got <- result{account, err}
	}()
	<-slow.entered
	r.stop()
	select {
	case err := <-r.done:
		t.Fatalf("Run returned with a call in flight: %v", err)
	default:
	}
	close(slow.release)
	if a := <-got; a.err != nil || a.account != "1" {
		t.Errorf("the call in flight got %+v", a)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestRun_BusyPort(t *testing.T) {
	t.Parallel()
	r := run(t, nil)
	cfg := testConfig()
	cfg.Addr, cfg.TLS = r.Addr().String(), &tls.Config{}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	r.stop()
	<-r.done
}

// wrongSignature has an action's name on a method that is not one.
type wrongSignature struct{}

func (wrongSignature) GetCallerIdentity(context.Context, *sts.AssumeRoleInput) (*sts.GetCallerIdentityOutput, error) {
	return nil, errors.New("never called")
}
func (wrongSignature) AssumeRole() {}

func TestNew_Faults(t *testing.T) {
	t.Parallel()
	service := func(handlers any, members Members) func(*Config) {
		return func(c *Config) {
			c.Services = []Service{{Name: "sts", Codec: stswire.Codec(), Handlers: handlers, Members: members}}
		}
	}
	cases := []struct {
		name string
		edit func(*Config)
		want []string
	}{
		{"no region", func(c *Config) { c.Region = "" }, []string{"required"}},
		{"no services", func(c *Config) { c.Services = nil }, []string{"required"}},
		{"short token key", func(c *Config) { c.TokenKey = []byte("short") }, []string{"16 bytes"}},
		{"service twice", func(c *Config) { c.Services = append(c.Services, c.Services[0]) }, []string{"registered already"}},
		{"wrong signatures", service(wrongSignature{}, Members{"GetCallerIdentity": nil, "AssumeRole": nil}),
			[]string{"GetCallerIdentity is func(context.Context, *sts.AssumeRoleInput)", "AssumeRole is func()"}},
		{"no members", service(stsHandlers{}, nil), []string{"GetCallerIdentity declares no members"}},
		{"members without a method", service(stsHandlers{}, Members{"GetCallerIdentity": nil, "AssumeRole": nil}), []string{"AssumeRole", "no such method"}},
		{"member that does not exist", service(stsHandlers{}, Members{"GetCallerIdentity": {"Colour"}}), []string{`no "Colour"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig()
			c.edit(&cfg)
			_, err := New(cfg)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}
