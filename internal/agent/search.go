// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/beacon"
	"github.com/hivecloud/hive/internal/join"
	"github.com/hivecloud/hive/internal/pki"
)

// answerAgain is how long a member waits before it tries again to answer searches.
const answerAgain = time.Minute

// answerSearches answers machines on the local links that look for this cluster, once the node can admit them. A region
// works without: what fails is logged and tried again.
func (a *Agent) answerSearches(ctx context.Context) error {
	if !a.config.Listen.Search {
		return nil
	}
	select {
	case <-a.ready:
	case <-ctx.Done():
		return nil
	}
	const deaf = "joiners cannot find this node by multicast; hive admin join --host names it"
	r, err := a.newResponder()
	if err != nil {
		a.log.Warn(deaf, "error", err)
		return nil
	}
	for told := false; ; told = true {
		err := r.Run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if !told {
			a.log.Warn(deaf, "error", err)
		}
		if sleep(ctx, answerAgain) != nil {
			return nil
		}
	}
}

func (a *Agent) newResponder() (*beacon.Responder, error) {
	bound, err := netip.ParseAddrPort(a.truth.addr)
	if err != nil {
		return nil, fmt.Errorf("read address of the cluster port: %w", err)
	}
	told, err := netip.ParseAddrPort(a.truth.advertised)
	if err != nil {
		return nil, fmt.Errorf("read advertised address of the cluster port: %w", err)
	}
	// A zone means nothing to another machine, which learns its own from where the answer comes.
	told = netip.AddrPortFrom(told.Addr().WithZone(""), told.Port())
	return beacon.New(beacon.Config{Cluster: a.id.ClusterID, Bind: bound.Addr(), Address: told, Logger: a.options.Logger})
}

// admitted asks the members that the operator or the token names to admit this machine, and looks for others on the
// local links where neither helps and the operator named none.
func (o JoinOptions) admitted(ctx context.Context, fill func(net.IP) (join.Application, error)) (join.Grant, error) {
	if len(o.Hosts) > 0 {
		return join.Apply(ctx, o.Token, o.Hosts, fill)
	}
	var first error
	if len(o.Token.Addresses) > 0 {
		grant, err := join.Apply(ctx, o.Token, o.Token.Addresses, fill)
		if err == nil || !unreached(err) || ctx.Err() != nil {
			return grant, err
		}
		first = err
		o.note("No member admitted this node at %s, which the token names.", strings.Join(o.Token.Addresses, ", "))
	}
	o.note("Looking for members of %s on the local links.", o.Token.Cluster)
	seen, err := o.search(ctx, o.Token.Cluster)
	if err != nil {
		return join.Grant{}, admin.Errorf(admin.KindUnavailable, nameMember, "%w", errors.Join(first, fmt.Errorf("search on local links: %w", err)))
	}
	if len(seen.Found) == 0 {
		return join.Grant{}, admin.Errorf(admin.KindUnavailable, nameMember, "%w", errors.Join(first,
			fmt.Errorf("no member of %s answered on %s (multicast to %s)", o.Token.Cluster, strings.Join(seen.Asked, ", "), beacon.Groups())))
	}
	told := map[string]bool{}
	for _, f := range seen.Found { // the same member answers by two families
		if text := fmt.Sprintf("Found %s on %s.", f.Address, f.Interface); !told[text] {
			told[text] = true
			o.note("%s", text)
		}
	}
	return join.Apply(ctx, o.Token, seen.Candidates(), fill)
}

// nameMember is what helps where a search found nobody.
const nameMember = "add --host with the address of a member's cluster port; hive admin status on a member prints it"

// unreached tells whether no member of the cluster has decided: none was there, none could decide, or who answered is
// somebody else.
func unreached(err error) bool {
	var e *admin.Error
	return errors.As(err, &e) && e.Kind == admin.KindUnavailable || errors.Is(err, pki.ErrWrongPin) || errors.Is(err, pki.ErrWrongCluster)
}

func (o JoinOptions) note(format string, args ...any) {
	if o.Note != nil {
		o.Note(format, args...)
	}
}
