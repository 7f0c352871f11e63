// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/beacon"
)

// deadPort is a port of loopback where nobody listens.
func deadPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answers is a search that finds addresses.
func answers(addresses ...string) func(context.Context, string) (beacon.Result, error) {
	out := beacon.Result{Asked: []string{"eth0", "eth1"}}
	for _, a := range addresses {
		at := netip.MustParseAddrPort(a)
		out.Found = append(out.Found, beacon.Found{Address: at, From: at.Addr(), Interface: "eth0", Loopback: true})
	}
	return func(context.Context, string) (beacon.Result, error) { return out, nil }
}

func TestJoin_SearchFindsAMember(t *testing.T) {
	t.Parallel()
	stranger, _ := founder(t) // of another cluster, which answers as well
	for name, named := range map[string][]string{"none": nil, "dead": {deadPort(t)}, "a stranger": {stranger.truth.addr}} {
		t.Run(name, func(t *testing.T) {
			a, token := founder(t)
			settle(t, a)
			var notes []string
			token.Addresses = named
			made, err := Join(t.Context(), JoinOptions{Config: nodeConfig(t, "b"), Token: token, search: answers(stranger.truth.addr, a.truth.addr),
				Note: func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }})
			if err != nil || made.ClusterID != a.id.ClusterID {
				t.Fatalf("%+v, %v", made, err)
			}
			if said := strings.Join(notes, "\n"); !strings.Contains(said, "Found "+a.truth.addr+" on eth0.") || !strings.Contains(said, "Looking for members of "+a.id.ClusterID) {
				t.Errorf("said\n%s", said)
			}
		})
	}
}

func TestJoin_SearchInVain(t *testing.T) {
	t.Parallel()
	a, token := founder(t)
	dead := deadPort(t)
	token.Addresses = []string{dead}
	c := nodeConfig(t, "b")
	for name, search := range map[string]func(context.Context, string) (beacon.Result, error){
		"answered on eth0, eth1": answers(),
		"no network interface": func(context.Context, string) (beacon.Result, error) {
			return beacon.Result{}, errors.New("no network interface")
		},
		"no member admitted": answers(deadPort(t)),
	} {
		_, err := Join(t.Context(), JoinOptions{Config: c, Token: token, search: search})
		var e *admin.Error
		if !errors.As(err, &e) || e.Kind != admin.KindUnavailable || !strings.Contains(e.Hint, "--host") || !strings.Contains(e.Message, name) {
			t.Errorf("%s: %v", name, err)
		}
		if name != "no member admitted" && !strings.Contains(e.Message, dead) {
			t.Errorf("%s: the token's address is not named: %v", name, err)
		}
		if names := left(t, c); len(names) > 0 {
			t.Errorf("%s left %v", name, names)
		}
	}
	v, err := a.region.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := state.Members.Count(v); n != 1 {
		t.Errorf("%d members", n)
	}
}

// A member that refuses has decided, and an operator who names a host means that host.
func TestJoin_WithoutSearch(t *testing.T) {
	t.Parallel()
	a, token := founder(t)
	settle(t, a)
	search := func(context.Context, string) (beacon.Result, error) {
		t.Error("searched")
		return beacon.Result{}, nil
	}
	c := nodeConfig(t, "a") // a name in use
	if _, err := Join(t.Context(), JoinOptions{Config: c, Token: token, search: search}); err == nil {
		t.Error("a refused node was admitted")
	}
	c = nodeConfig(t, "b")
	if _, err := Join(t.Context(), JoinOptions{Config: c, Token: token, Hosts: []string{deadPort(t)}, search: search}); err == nil {
		t.Error("joined at a dead host")
	}
}
