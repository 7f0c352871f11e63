// SPDX-License-Identifier: Apache-2.0

package join

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/rpc"
)

// dialTime is how long a member may take to answer the dial.
const dialTime = 10 * time.Second

// patience is how long to dial the next of left addresses: all of them together take no more than half of the time there
// is, so that some is left for what the caller does when nobody answers.
func patience(ctx context.Context, left int) time.Duration {
	until, limited := ctx.Deadline()
	if !limited {
		return dialTime
	}
	return min(dialTime, time.Until(until)/2/time.Duration(left))
}

// Apply asks the members at the given addresses in turn to admit a node. fill gets the address from which this machine
// reaches the member, and completes the application: it is called once a member has proved to be one. The first member
// that grants or refuses decides; one that is not reached, has no leader or is somebody else is passed over.
func Apply(ctx context.Context, t Token, addresses []string, fill func(local net.IP) (Application, error)) (Grant, error) {
	if len(addresses) == 0 {
		return Grant{}, admin.Errorf(admin.KindUsage, "add --host with the address of a member's cluster port", "the join token names no address")
	}
	var faults []error
	for i, address := range addresses {
		grant, err := ask(ctx, t, address, patience(ctx, len(addresses)-i), fill)
		var e *admin.Error
		switch {
		case err == nil:
			return grant, nil
		case errors.As(err, &e) && e.Kind != admin.KindUnavailable:
			return Grant{}, err
		case ctx.Err() != nil:
			return Grant{}, fmt.Errorf("join by %s: %w", address, err)
		}
		faults = append(faults, fmt.Errorf("%s: %w", address, err))
	}
	err := errors.Join(faults...)
	if errors.Is(err, pki.ErrWrongPin) || errors.Is(err, pki.ErrWrongCluster) {
		return Grant{}, admin.Errorf(admin.KindDenied, "check that --host names a member of the cluster that made the token; if the cluster's authority was rotated since, take a new token", "who answered is not the cluster %s: %w", t.Cluster, err)
	}
	return Grant{}, admin.Errorf(admin.KindUnavailable, "check that a member runs and that its cluster port can be reached from here, or name another with --host", "no member admitted this node: %w", err)
}

// ask makes the exchange with one member.
func ask(ctx context.Context, t Token, address string, wait time.Duration, fill func(net.IP) (Application, error)) (Grant, error) {
	dialCtx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	d := tls.Dialer{Config: pki.StrangerTLS(t.Cluster, t.Pin, rpc.ProtoJoin)}
	c, err := d.DialContext(dialCtx, "tcp", address)
	if err != nil {
		return Grant{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	var local net.IP
	if tcp, ok := c.LocalAddr().(*net.TCPAddr); ok {
		local = tcp.IP
	}
	a, err := fill(local)
	if err != nil {
		return Grant{}, err
	}
	a.Version, a.Cluster, a.Token, a.Secret = Version, t.Cluster, t.ID, t.Secret.Reveal()
	if err := c.SetDeadline(time.Now().Add(serveTime)); err != nil {
		return Grant{}, err
	}
	if err := writeFrame(c, a, maxApplication); err != nil {
		return Grant{}, fmt.Errorf("send application: %w", err)
	}
	var out answer
	if err := readFrame(c, &out, maxAnswer); err != nil {
		return Grant{}, fmt.Errorf("read answer: %w", err)
	}
	switch {
	case out.Refusal != nil:
		return Grant{}, out.Refusal
	case out.Grant == nil:
		return Grant{}, errors.New("read answer: it holds neither a grant nor a reason")
	}
	return *out.Grant, nil
}
