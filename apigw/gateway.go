// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/apigw/sigv4"
)

// Config is what a Gateway needs.
type Config struct {
	// Addr is where Run listens, "127.0.0.1:443". Ignored when Listener is set.
	Addr string
	// Listener is an open TCP listener; Run closes it.
	Listener net.Listener
	// TLS holds the certificate (or GetCertificate). Required for Run; versions below 1.2 are never spoken.
	TLS *tls.Config
	// Region is this region's name: the one that signatures must name. Required.
	Region string
	// Services are what the gateway answers. Required.
	Services []Service
	// Principals finds the owners of access keys. Required.
	Principals Principals
	// Authorizer decides what principals may do; nil means AccountAuthorizer.
	Authorizer Authorizer
	// TokenKey authenticates page tokens: at least 16 bytes, the same on all nodes. Required.
	TokenKey []byte
	// Throttle bounds the calls of an account on this node; the zero value means DefaultThrottle.
	Throttle Throttle
	// Limits, when set, is asked at every call instead: limits that change while the gateway runs. It must be quick.
	Limits func() Throttle
	// Metrics and Audit observe calls; nil observes nothing.
	Metrics Metrics
	Audit   Audit
	// Routes adds what is not an AWS query service (the console, health, other protocols) to the same listener.
	Routes func(*echo.Echo)
	// CallTimeout ends a handler's context; the caller is told to retry. Default 30 s, below the SDKs' 60 s.
	CallTimeout time.Duration
	// ShutdownGrace is how long Run waits for calls in flight when it is told to stop. Default 10 s.
	ShutdownGrace time.Duration
	// ConnState, when set, is told what becomes of each connection (http.Server.ConnState).
	ConnState func(net.Conn, http.ConnState)
	// Log is the parent logger; nil logs nothing.
	Log hclog.Logger
}

// MaxBody is the largest form that is read, in bytes. AWS's own limit for EC2 is of this order (user data is 16 KiB).
const MaxBody = 1 << 20

// Gateway answers AWS's query protocols.
type Gateway struct {
	cfg       Config
	log       hclog.Logger
	services  map[string]*service // by credential scope
	versions  map[string]*service // by API version, for requests without a credential scope
	tokens    *page.Tokens
	keys      sigv4.Keys
	throttle  *throttle
	strangers *rate.Limiter // records of calls in nobody's name
	echo      *echo.Echo
	now       func() time.Time
	ready     chan struct{}
	addr      net.Addr // set before ready is closed: of the first listener
	once      sync.Once
}

// New checks the configuration and registers the services; it returns all faults of all services at once.
func New(cfg Config) (*Gateway, error) {
	if cfg.Region == "" || cfg.Principals == nil || len(cfg.Services) == 0 {
		return nil, errors.New("api gateway: region, principals and services are required")
	}
	if cfg.Authorizer == nil {
		cfg.Authorizer = AccountAuthorizer{}
	}
	if cfg.Throttle == (Throttle{}) {
		cfg.Throttle = DefaultThrottle
	}
	if cfg.Limits == nil {
		cfg.Limits = func() Throttle { return cfg.Throttle }
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = 30 * time.Second
	}
	if cfg.ShutdownGrace == 0 {
		cfg.ShutdownGrace = 10 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	tokens, err := page.NewTokens(cfg.TokenKey)
	if err != nil {
		return nil, fmt.Errorf("api gateway: %w", err)
	}
	g := &Gateway{cfg: cfg, log: cfg.Log.Named("apigw"), tokens: tokens, services: map[string]*service{}, versions: map[string]*service{},
		throttle: newThrottle(cfg.Limits), strangers: rate.NewLimiter(strangerRate, strangerBurst), now: time.Now, ready: make(chan struct{})}
	var faults []error
	for _, s := range cfg.Services {
		svc, err := newService(s)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if g.services[svc.scope] != nil {
			faults = append(faults, fmt.Errorf("register service %s: it is registered already", s.Name))
		}
		g.services[svc.scope], g.versions[s.Codec.Version()] = svc, svc
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	g.echo = g.router()
	return g, nil
}

// router puts the query services at "/" and everything else where Config.Routes says.
func (g *Gateway) router() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = g.routeError
	e.Any("/", g.serve)
	e.POST(documentRoute, g.serve)
	if g.cfg.Routes != nil {
		g.cfg.Routes(e)
	}
	return e
}

// Handler is the gateway without its listener, for tests and for listeners that others own.
func (g *Gateway) Handler() http.Handler { return g.echo }

// Actions lists the implemented actions of a service in order; nil for an unknown service.
func (g *Gateway) Actions(serviceName string) []string {
	for _, s := range g.services {
		if s.name == serviceName {
			return s.names()
		}
	}
	return nil
}

// Ready is closed when the gateway listens.
func (g *Gateway) Ready() <-chan struct{} { return g.ready }

// Addr is the address the gateway listens on; valid once Ready is closed.
func (g *Gateway) Addr() net.Addr { return g.addr }

// Run serves until ctx ends, then lets calls in flight finish. It returns nil after a stop that was asked for. A
// Gateway runs once.
func (g *Gateway) Run(ctx context.Context) error {
	if g.cfg.TLS == nil {
		return errors.New("run api gateway: no TLS configuration")
	}
	listener := g.cfg.Listener
	if listener == nil {
		var lc net.ListenConfig
		var err error
		if listener, err = lc.Listen(ctx, "tcp", g.cfg.Addr); err != nil {
			return fmt.Errorf("run api gateway: %w", err)
		}
	}
	return g.Serve(ctx, listener)
}

// Serve is Run on a listener that is open already. After its end it may be called again.
func (g *Gateway) Serve(ctx context.Context, listener net.Listener) error {
	if g.cfg.TLS == nil {
		return errors.Join(errors.New("run api gateway: no TLS configuration"), listener.Close())
	}
	tlsConfig := g.cfg.TLS.Clone()
	tlsConfig.MinVersion = max(tlsConfig.MinVersion, tls.VersionTLS12)
	server := &http.Server{
		Handler: g.echo, TLSConfig: tlsConfig, ConnState: g.cfg.ConnState,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: g.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}), // handshakes that clients gave up
	}
	g.once.Do(func() {
		g.addr = listener.Addr()
		close(g.ready)
	})
	g.log.Info("listening", "addr", listener.Addr().String(), "region", g.cfg.Region)
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-served:
		return fmt.Errorf("run api gateway: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.ShutdownGrace)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = fmt.Errorf("stop api gateway: calls were still running after %s: %w", g.cfg.ShutdownGrace, errors.Join(err, server.Close()))
	}
	<-served
	return err
}
