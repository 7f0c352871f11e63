// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"

	"github.com/labstack/echo/v4"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/apigw/cloudtrail"
	"github.com/hivecloud/hive/apigw/cloudtrail/cloudtrailwire"
	"github.com/hivecloud/hive/apigw/cloudwatch"
	"github.com/hivecloud/hive/apigw/cloudwatch/cloudwatchwire"
	"github.com/hivecloud/hive/apigw/ec2"
	"github.com/hivecloud/hive/apigw/ec2/ec2wire"
	"github.com/hivecloud/hive/apigw/iam"
	"github.com/hivecloud/hive/apigw/iam/iamwire"
	"github.com/hivecloud/hive/apigw/kms"
	"github.com/hivecloud/hive/apigw/kms/kmswire"
	"github.com/hivecloud/hive/apigw/principals"
	"github.com/hivecloud/hive/apigw/servicequotas"
	"github.com/hivecloud/hive/apigw/servicequotas/servicequotaswire"
	"github.com/hivecloud/hive/apigw/sts"
	"github.com/hivecloud/hive/apigw/sts/stswire"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/internal/vip"
)

// newGateway makes the API gateway and opens its port, unless this node is not to answer the API.
func (a *Agent) newGateway() (*apigw.Gateway, net.Listener, error) {
	services, err := a.services()
	if err != nil {
		return nil, nil, err
	}
	tlsConfig, err := a.edgeTLS()
	if err != nil {
		return nil, nil, err
	}
	key, err := a.tokenKey()
	if err != nil {
		return nil, nil, err
	}
	keys, err := principals.New(a.region, a.ring)
	if err != nil {
		return nil, nil, err
	}
	authorizer, err := a.authorizer()
	if err != nil {
		return nil, nil, err
	}
	var listener net.Listener
	if a.apiAddr = string(a.config.Listen.API); a.answersAPI() {
		if listener, err = net.Listen("tcp", a.apiAddr); err != nil {
			return nil, nil, busy(err, "listen.api", a.apiAddr)
		}
		a.apiAddr = listener.Addr().String()
	}
	a.callers = vip.NewCallers(a.config.Network.VirtualIP)
	g, err := apigw.New(apigw.Config{
		Addr: a.apiAddr, TLS: tlsConfig, Region: a.id.Region, Services: services, Principals: keys, TokenKey: key, Authorizer: authorizer,
		Limits:  a.limits(),
		Metrics: apiMetrics{a}, Audit: observers{a.audit.recorder, a.keyUses}, Routes: a.health, ConnState: a.callers.Track, Log: a.options.Logger,
	})
	if err != nil {
		if listener != nil {
			err = errors.Join(err, listener.Close())
		}
		return nil, nil, err
	}
	return g, listener, nil
}

// busy turns a port that cannot be bound into an error with a next step.
func busy(err error, key, addr string) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return admin.Errorf(admin.KindConflict, "stop what listens there (ss -ltnp), or set "+key+" to another port", "the address %s is in use: %w", addr, err)
	case errors.Is(err, syscall.EACCES):
		return admin.Errorf(admin.KindDenied, "set "+key+" to a port above 1023, or give the binary CAP_NET_BIND_SERVICE", "the address %s may not be bound: %w", addr, err)
	}
	return fmt.Errorf("bind %s %s: %w", key, addr, err)
}

func (a *Agent) services() ([]apigw.Service, error) {
	compute, err := ec2.New(ec2.Config{Region: a.region, Console: console{a}, Log: a.options.Logger, Ratios: a.host.ratios})
	if err != nil {
		return nil, err
	}
	users, err := iam.New(iam.Config{Region: a.region, Sealer: a.ring})
	if err != nil {
		return nil, err
	}
	messages, err := a.refusals()
	if err != nil {
		return nil, err
	}
	tokens, err := sts.New(sts.Config{Region: a.region, Keys: a.ring, Messages: messages})
	if err != nil {
		return nil, err
	}
	watch, err := cloudwatch.New(a.region, a.meter)
	if err != nil {
		return nil, err
	}
	if a.keys, err = kms.New(kms.Config{Region: a.region, Sealer: a.ring, Name: a.id.Region, Log: a.options.Logger}); err != nil {
		return nil, err
	}
	limits, err := servicequotas.New(a.region)
	if err != nil {
		return nil, err
	}
	trail, err := cloudtrail.New(a.audit)
	if err != nil {
		return nil, err
	}
	return []apigw.Service{
		{Name: "cloudtrail", Codec: cloudtrailwire.Codec(), Handlers: trail, Members: cloudtrail.Members},
		{Name: "cloudwatch", Scope: "monitoring", Codec: cloudwatchwire.Codec(), Handlers: watch, Members: cloudwatch.Members},
		{Name: "ec2", Codec: ec2wire.Codec(), Handlers: compute, Members: ec2.Members},
		{Name: "iam", Codec: iamwire.Codec(), Handlers: users, Members: iam.Members},
		{Name: "kms", Codec: kmswire.Codec(), Handlers: a.keys, Members: kms.Members},
		{Name: "servicequotas", Codec: servicequotaswire.Codec(), Handlers: limits, Members: servicequotas.Members},
		{Name: "sts", Codec: stswire.Codec(), Handlers: tokens, Members: sts.Members, Unsigned: sts.Unsigned},
	}, nil
}

// edgeTLS is the API's certificate: the operator's, or the one that the API CA issued and renews.
func (a *Agent) edgeTLS() (*tls.Config, error) {
	if a.config.TLS.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(a.config.TLS.CertFile, a.config.TLS.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read API certificate: %w", err)
		}
		return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
	}
	edge, err := pki.NewDir(vfs.OS(), a.at.pki()).Edge()
	if err != nil {
		return nil, err
	}
	a.edge = edge
	return edge.TLS(), nil
}

// tokenKey authenticates page tokens; it is derived from the cluster key, so that every node of the region has it.
func (a *Agent) tokenKey() ([]byte, error) {
	secret, err := os.ReadFile(a.at.clusterKey())
	if err != nil {
		return nil, fmt.Errorf("read cluster key: %w", err)
	}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("hive page tokens v1"))
	return m.Sum(nil), nil
}

// authorizer decides by the policies in the region's state.
func (a *Agent) authorizer() (*authz.Authorizer, error) {
	policies, err := authz.NewStatePolicies(a.region)
	if err != nil {
		return nil, err
	}
	messages, err := a.refusals()
	if err != nil {
		return nil, err
	}
	return authz.New(authz.Config{Policies: policies, Messages: messages})
}

// refusals seals and opens what refusals were about; every node of the region has the key.
func (a *Agent) refusals() (*authz.Messages, error) {
	secret, err := os.ReadFile(a.at.clusterKey())
	if err != nil {
		return nil, fmt.Errorf("read cluster key: %w", err)
	}
	return authz.NewMessages(secret)
}

// health answers the unauthenticated health routes beside the API.
func (a *Agent) health(e *echo.Echo) {
	e.GET("/_hive/health/live", func(c echo.Context) error { return c.String(http.StatusOK, "live\n") })
	e.GET("/_hive/health/ready", func(c echo.Context) error {
		if st := a.status(c.Request().Context()); !st.Ready {
			return c.String(http.StatusServiceUnavailable, "not ready\n")
		}
		return c.String(http.StatusOK, "ready\n")
	})
}

// apiMetrics hands the gateway's observations to the registry.
type apiMetrics struct{ a *Agent }

// Observe counts one request.
func (m apiMetrics) Observe(o apigw.Observation) {
	m.a.metrics.APIRequest(o.Service, o.Action, cmp.Or(o.Code, "OK"), o.Duration)
}
