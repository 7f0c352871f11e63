// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/clusterfile"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/metrics"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/raftnode"
	"github.com/hivecloud/hive/raftnode/region"
)

// regionGroup is the region's raft group.
const regionGroup = "region"

// openTimeout bounds the start of the log, which replays what is in it.
const openTimeout = 2 * time.Minute

// handOverTime bounds the hand-over of the leadership by a node that ends.
const handOverTime = 3 * time.Second

// truthConfig says how to open the region's log.
type truthConfig struct {
	at        layout
	id        identity
	config    *config.Config
	planner   scheduler.Charger // nil: commands that need a place are refused
	bootstrap bool              // the log is new and this node its only voter
	alone     bool              // listen on loopback, at any port: nobody is to join yet
	logger    hclog.Logger
}

// truth is the region's log with its state machine, and the cluster port that it uses.
type truth struct {
	id       string
	identity *pki.Identity
	fsm      *fsm.FSM
	node     *raftnode.Node
	region   *region.Region
	addr     string // bound
	client   *rpc.Client
	server   *rpc.Server
	mux      *rpc.Mux

	// Where others reach this node's cluster port, and this machine's address on the way to them (nil: unknown).
	advertised string
	local      net.IP
	seeds      []clusterfile.Member // who was a member when this node last ran or joined
	logStore   string

	stop   context.CancelFunc
	served *errgroup.Group
}

// credentials are the node's certificate as the cluster port needs it.
type credentials struct{ *pki.Identity }

// openTruth opens the cluster port and the log.
func openTruth(ctx context.Context, c truthConfig) (*truth, error) {
	who, err := pki.NewDir(vfs.OS(), c.at.pki()).Identity(c.id.ClusterID)
	if err != nil {
		return nil, err
	}
	t := &truth{id: c.id.NodeID, identity: who, fsm: fsm.New(), logStore: c.config.Raft.Log}
	if t.seeds, err = readSeeds(c.at.clusterFile()); err != nil {
		return nil, err
	}
	who.ServeStrangers(rpc.ProtoJoin)
	bind := string(c.config.Listen.Cluster)
	if c.alone {
		bind = "127.0.0.1:0"
	}
	mux, err := rpc.NewMux(rpc.MuxConfig{Self: c.id.NodeID, Bind: bind, Protocols: []string{rpc.ProtoRaft, rpc.ProtoRPC, rpc.ProtoData, rpc.ProtoJoin},
		Strangers: []string{rpc.ProtoJoin}, Credentials: credentials{who},
		Resolver: rpc.ResolverFunc(t.resolve), Denied: t.denied, Logger: c.logger})
	if err != nil {
		return nil, err
	}
	if err := mux.Open(); err != nil {
		return nil, busy(err, "listen.cluster", bind)
	}
	t.mux, t.addr = mux, mux.Addr().String()
	t.local = toward(t.otherSeeds())
	t.advertised = advertise(c.config, t.addr, t.local)
	serveCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop, t.served = stop, new(errgroup.Group)
	t.served.Go(func() error { return mux.Run(serveCtx) })
	if err := t.openLog(ctx, serveCtx, mux, c); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// openLog starts the calls, the streams and the log on an open cluster port.
func (t *truth) openLog(ctx, serveCtx context.Context, mux *rpc.Mux, c truthConfig) error {
	calls, err := mux.Listen(rpc.ProtoRPC)
	if err != nil {
		return err
	}
	server := rpc.NewServer(c.logger)
	t.server, t.client = server, rpc.NewClient(mux)
	host, err := raftnode.NewHost(raftnode.HostConfig{Network: mux, Server: server, Client: t.client, Logger: c.logger})
	if err != nil {
		return err
	}
	t.served.Go(func() error { return server.Serve(serveCtx, calls) })
	t.served.Go(func() error { return host.Run(serveCtx) })
	cfg := raftnode.Config{Host: host, Group: regionGroup, StateMachine: region.StateMachine(t.fsm), Dir: c.at.raft(), Log: logKind(c.config.Raft.Log), Logger: c.logger}
	if c.planner != nil {
		cfg.Prepare = region.Prepare(t.fsm, scheduler.New(c.planner))
	}
	if t.node, err = raftnode.New(cfg); err != nil {
		return err
	}
	t.region = region.New(c.id.NodeID, t.fsm, available{t.node})
	openCtx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := t.node.Open(openCtx); err != nil {
		return fmt.Errorf("open the region's log: %w", err)
	}
	if c.bootstrap {
		return t.node.Bootstrap(openCtx)
	}
	return nil
}

// logKind is raftnode's name of a configured log store.
func logKind(name string) raftnode.LogKind {
	if name == "wal" {
		return raftnode.WAL
	}
	return raftnode.Bolt
}

// resolve finds a node's cluster port in the replicated state.
func (t *truth) resolve(_ context.Context, node rpc.NodeID) (string, error) {
	if node == t.id {
		return t.addr, nil
	}
	v := t.fsm.View()
	if m, ok := state.Members.Get(v, state.AnyAccount, node); ok && m.ClusterAddr != "" {
		return m.ClusterAddr, nil
	}
	if n, ok := state.Nodes.Get(v, state.AnyAccount, node); ok {
		return n.ClusterAddr, nil
	}
	for _, m := range t.seeds { // a new node has no state yet
		if m.NodeID == node {
			return m.Addr, nil
		}
	}
	return "", rpc.ErrUnknownNode
}

// otherSeeds are the addresses of the other members' cluster ports when this node started.
func (t *truth) otherSeeds() []string {
	var out []string
	for _, m := range t.seeds {
		if m.NodeID != t.id {
			out = append(out, m.Addr)
		}
	}
	return out
}

// readSeeds reads the members from cluster.json; a founder that has not published it yet has none.
func readSeeds(path string) ([]clusterfile.Member, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	f, err := clusterfile.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("read members from %s: %w", path, err)
	}
	return f.Members, nil
}

// alone tells whether this node is the only voter of its log.
func (t *truth) alone() bool {
	peers := t.node.Peers()
	voters, self := 0, false
	for _, p := range peers {
		if p.Voter {
			voters++
			self = self || p.ID == t.id
		}
	}
	return self && voters == 1
}

// handOver gives the leadership to another voter, if there is one: the region goes on without an election's pause.
func (t *truth) handOver() {
	if !t.leads() || t.alone() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handOverTime)
	defer cancel()
	// Without success the others elect a leader when they miss this one.
	_ = t.node.TransferLeadership(ctx, "")
}

// denied tells whether a node was removed from the region.
func (t *truth) denied(node rpc.NodeID) bool { return t.fsm.View().Denied(node) }

// close ends the log and then the cluster port.
func (t *truth) close() error {
	var err error
	if t.node != nil {
		t.handOver()
		err = t.node.Close()
	}
	t.stop()
	if t.client != nil {
		t.client.Close()
	}
	return errors.Join(err, t.served.Wait())
}

func (t *truth) leader() string { return t.node.Leader() }
func (t *truth) leads() bool    { return t.node.IsLeader() }

// tolerates is how many voters may fail.
func (t *truth) tolerates() int {
	voters := 0
	for _, p := range t.node.Peers() {
		if p.Voter {
			voters++
		}
	}
	return max(0, (voters-1)/2)
}

// sample is where the log stands, for metrics.
func (t *truth) sample() metrics.RaftSample {
	s := t.node.Stats()
	return metrics.RaftSample{Leader: t.leads(), Term: s.Term, LastLogIndex: s.LastIndex, AppliedIdx: t.fsm.Applied()}
}

// available marks errors that mean "try again later", so that the API says 503 and not 500.
type available struct{ *raftnode.Node }

// Propose marks its errors.
func (a available) Propose(ctx context.Context, data []byte) ([]byte, uint64, error) {
	result, index, err := a.Node.Propose(ctx, data)
	return result, index, mark(err)
}

// ReadIndex marks its errors.
func (a available) ReadIndex(ctx context.Context) error { return mark(a.Node.ReadIndex(ctx)) }

func mark(err error) error {
	if errors.Is(err, raftnode.ErrUnavailable) || errors.Is(err, raftnode.ErrClosed) {
		return unavailable{err}
	}
	return err
}

// unavailable is an error that a retry may cure.
type unavailable struct{ error }

// Unavailable says so.
func (unavailable) Unavailable() bool { return true }

// Unwrap is the cause.
func (u unavailable) Unwrap() error { return u.error }
