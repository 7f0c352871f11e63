// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/memberlist"
)

const (
	// leaveTime bounds the goodbye of a node that is shut down.
	leaveTime = 2 * time.Second
	// updateTime bounds the wait for the first other node to hear of a new description.
	updateTime = 5 * time.Second
	// A lone node looks for its seeds after searchFirst, then ever more rarely down to searchRarely; one in company
	// looks for the dead and for missing seeds every searchRarely.
	searchFirst  = time.Second
	searchRarely = 30 * time.Second
	// reclaim is how long a name stays bound to a dead node's address.
	reclaim = 10 * time.Second
)

// ErrNotRunning says that Run was not called yet or has ended.
var ErrNotRunning = errors.New("gossip is not running")

// Config says where a node gossips and with whom.
type Config struct {
	NodeID string
	// Region is the id of the cluster: packets of another are dropped before they are decrypted.
	Region string
	Bind   string // host:port, UDP and TCP; port 0 picks a free one, see Addr
	// Advertise is the host:port under which others reach this node; empty is the bound address, or when that is
	// unspecified the first private one of the machine.
	Advertise string
	// Keys are AES keys of 16, 24 or 32 bytes; the first encrypts, all decrypt. At least one.
	Keys [][]byte
	// Seeds returns host:ports to join by; nil or empty on the first node. It is asked again as long as nobody is found.
	Seeds func() []string
	Meta  Meta // its Node is filled in
	// Logger: nil writes nothing.
	Logger hclog.Logger
}

// Gossip is this node's part in the gossip.
type Gossip struct {
	cfg    Config
	logger hclog.Logger
	ring   *memberlist.Keyring
	roster *roster

	mu   sync.Mutex
	list *memberlist.Memberlist // nil unless Run runs
	meta []byte                 // encoded
	text Meta                   // what meta says
}

// New checks cfg. It does no I/O.
func New(cfg Config) (*Gossip, error) {
	if cfg.NodeID == "" || cfg.Region == "" || len(cfg.Keys) == 0 {
		return nil, errors.New("configure gossip: node id, region and at least one key are required")
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Seeds == nil {
		cfg.Seeds = func() []string { return nil }
	}
	ring, err := memberlist.NewKeyring(cfg.Keys, cfg.Keys[0])
	if err != nil {
		return nil, fmt.Errorf("configure gossip: %w", err)
	}
	g := &Gossip{cfg: cfg, logger: cfg.Logger.Named("gossip"), ring: ring, roster: newRoster()}
	if err := g.setMeta(cfg.Meta); err != nil {
		return nil, fmt.Errorf("configure gossip: %w", err)
	}
	if _, err := g.memberlist(); err != nil {
		return nil, fmt.Errorf("configure gossip: %w", err)
	}
	return g, nil
}

func (g *Gossip) setMeta(m Meta) error {
	m.Node = g.cfg.NodeID
	b, err := m.encode()
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.meta, g.text = b, m
	return nil
}

// memberlist is the library's configuration. The timing finds a dead node among three within about 3 s; a suspicion
// multiplier of 3 would make that slower, for it then waits for a confirmation that no third node can give.
func (g *Gossip) memberlist() (*memberlist.Config, error) {
	c := memberlist.DefaultLANConfig()
	c.Name = g.cfg.NodeID
	c.Label = g.cfg.Region
	c.Keyring = g.ring
	c.ProbeInterval = 500 * time.Millisecond
	c.ProbeTimeout = 250 * time.Millisecond
	c.GossipInterval = 100 * time.Millisecond
	c.SuspicionMult = 4
	c.DeadNodeReclaimTime = reclaim
	c.RequireNodeNames = false
	c.Delegate = (*delegate)(g)
	c.Events = g.roster
	c.Alive = g.roster
	c.LogOutput = nil
	c.Logger = log.New(g.logger.StandardWriter(&hclog.StandardLoggerOptions{InferLevels: true}), "", 0)
	var err error
	if c.BindAddr, c.BindPort, err = hostPort(g.cfg.Bind); err != nil {
		return nil, err
	}
	c.AdvertisePort = c.BindPort
	if g.cfg.Advertise == "" {
		return c, nil
	}
	host, port, err := hostPort(g.cfg.Advertise)
	if err != nil {
		return nil, err
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return nil, fmt.Errorf("advertised address %q: want an IP address", g.cfg.Advertise)
	}
	c.AdvertiseAddr, c.AdvertisePort = ip.String(), port
	return c, nil
}

func hostPort(s string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	p, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: port: %w", s, err)
	}
	return host, int(p), nil
}

// delegate gives memberlist this node's description.
type delegate Gossip

var _ memberlist.Delegate = (*delegate)(nil)

// NodeMeta is called by memberlist.
func (d *delegate) NodeMeta(int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.meta
}

// The rest of memberlist's delegate is not used.
func (d *delegate) NotifyMsg([]byte)                {}
func (d *delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (d *delegate) LocalState(bool) []byte          { return nil }
func (d *delegate) MergeRemoteState([]byte, bool)   {}

// Open binds the port. Run must follow.
func (g *Gossip) Open() error {
	c, err := g.memberlist()
	if err != nil {
		return err
	}
	list, err := memberlist.Create(c)
	if err != nil {
		return fmt.Errorf("start gossip on %s: %w", g.cfg.Bind, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list = list
	return nil
}

// Addr is the host:port under which others reach this node. Open must have returned.
func (g *Gossip) Addr() string {
	list, err := g.running()
	if err != nil {
		return ""
	}
	n := list.LocalNode()
	return net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port)))
}

func (g *Gossip) running() (*memberlist.Memberlist, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.list == nil {
		return nil, ErrNotRunning
	}
	return g.list, nil
}

// Run gossips until ctx ends, then says goodbye and closes the port.
func (g *Gossip) Run(ctx context.Context) error {
	list, err := g.running()
	if err != nil {
		return err
	}
	pause := searchFirst
	for ctx.Err() == nil {
		pause = g.search(list, pause)
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return g.leave(list)
}

// search looks for nodes that should be here and returns the time until the next search.
func (g *Gossip) search(list *memberlist.Memberlist, pause time.Duration) time.Duration {
	alive, missing := map[string]bool{}, []string{}
	for _, m := range g.Members() {
		alive[m.Address] = m.State == Alive
		if m.State == Dead {
			missing = append(missing, m.Address)
		}
	}
	for _, seed := range g.cfg.Seeds() {
		if !alive[seed] {
			missing = append(missing, seed)
		}
	}
	if len(missing) == 0 {
		return searchRarely
	}
	rand.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
	if list.NumMembers() > 1 {
		missing = missing[:1] // in company there is time
	}
	if _, err := list.Join(missing); err != nil {
		g.logger.Debug("nobody answered", "tried", missing, "error", err)
		return min(2*pause, searchRarely)
	}
	return searchRarely
}

func (g *Gossip) leave(list *memberlist.Memberlist) error {
	g.mu.Lock()
	text := g.text
	g.mu.Unlock()
	text.Leaving = true
	var err error
	if list.NumMembers() > 1 {
		// The mark must be there before the news of death is.
		err = errors.Join(g.setMeta(text), list.UpdateNode(leaveTime), list.Leave(leaveTime))
	}
	g.mu.Lock()
	g.list = nil
	g.mu.Unlock()
	if down := list.Shutdown(); down != nil {
		return fmt.Errorf("stop gossip: %w", down)
	}
	if err != nil {
		// The others will find out by themselves.
		g.logger.Warn("goodbye not heard", "error", err)
	}
	return nil
}

// Join contacts nodes at the given host:ports and returns how many answered.
func (g *Gossip) Join(addresses []string) (int, error) {
	list, err := g.running()
	if err != nil {
		return 0, err
	}
	n, err := list.Join(addresses)
	if err != nil {
		return n, fmt.Errorf("join gossip: %w", err)
	}
	return n, nil
}

// SetMeta changes what this node says about itself and returns when another node has heard it.
func (g *Gossip) SetMeta(m Meta) error {
	if err := g.setMeta(m); err != nil {
		return err
	}
	list, err := g.running()
	if err != nil {
		return nil // said when it starts
	}
	if err := list.UpdateNode(updateTime); err != nil {
		return fmt.Errorf("publish description: %w", err)
	}
	return nil
}

// InstallKey makes a key decrypt.
func (g *Gossip) InstallKey(key []byte) error { return g.ring.AddKey(key) }

// UseKey makes an installed key encrypt.
func (g *Gossip) UseKey(key []byte) error { return g.ring.UseKey(key) }

// RemoveKey makes a key no longer decrypt. The one that encrypts cannot be removed.
func (g *Gossip) RemoveKey(key []byte) error { return g.ring.RemoveKey(key) }

// Keys are the keys, the one that encrypts first.
func (g *Gossip) Keys() [][]byte { return g.ring.GetKeys() }
