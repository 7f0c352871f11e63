// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"github.com/hivecloud/hive/apigw/kms"
	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/gossip"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/logging"
	"github.com/hivecloud/hive/internal/metrics"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/internal/vip"
	"github.com/hivecloud/hive/raftnode"
	"github.com/hivecloud/hive/raftnode/region"
)

// tickEvery is how often the leader tells the region the time.
const tickEvery = time.Minute

// Options is what an agent needs besides its configuration.
type Options struct {
	// Executable is the hive binary that blockd and guards are started from. Default: this one.
	Executable string
	// SimulateGuests puts guests and volumes in memory in the place of QEMU, guards and blockd: see DESIGN.md.
	SimulateGuests bool
	Version        string
	Revision       string
	Logger         hclog.Logger
	// Recent keeps the agent's newest log lines for hive debug bundle; nil: they are in no bundle.
	Recent *logging.Recent
	// Ready is called once when the node serves.
	Ready func()
}

// Agent is a running node.
type Agent struct {
	config  *config.Config
	options Options
	log     hclog.Logger
	at      layout
	id      identity
	started time.Time

	ring      *seal.Ring
	truth     *truth
	region    *region.Region
	host      host
	blocks    disks
	daemon    diskDaemon
	guests    hypervisors
	rotations *rotations
	farewells farewells
	exec      *executor.Executor
	lease     *leases
	metrics   *metrics.Registry
	usage     *usage
	meter     *meter
	audit     *audit
	keyUses   *keyUses
	keys      *kms.Service
	// simulation is blocks, daemon and guests of a node that simulates them; nil on a real one.
	simulation *simulated
	gossip     *gossip.Gossip
	edge       *pki.Edge // nil when the operator gave a certificate

	apiAddr     string
	callers     *vip.Callers // connections to the virtual address
	metricsAddr atomic.Value // string
	ready       chan struct{}
	end         context.CancelFunc
}

// Run runs the node of an initialised data directory until the context ends or an operator asks it to end. Guests,
// their guards and blockd go on.
func Run(ctx context.Context, c *config.Config, o Options) error {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.Executable == "" {
		exe, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find own executable: %w", err)
		}
		o.Executable = exe
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &Agent{config: c, options: o, log: o.Logger.Named("agent"), at: layout{c.Node.DataDir}, started: time.Now(), ready: make(chan struct{}), end: cancel}
	if err := a.prepare(ctx); err != nil {
		return err
	}
	return errors.Join(a.serve(ctx), a.truth.close(), a.meter.close(), a.audit.close())
}

// prepare opens what everything else needs, in the order of need.
func (a *Agent) prepare(ctx context.Context) (err error) {
	if a.id, err = readIdentity(a.at.node()); err != nil {
		return err
	}
	if err := a.at.checkLeft(); err != nil {
		return err
	}
	if err := a.checkConfig(); err != nil {
		return err
	}
	if err := a.checkSimulation(); err != nil {
		return err
	}
	if a.ring, err = seal.Load(a.at.clusterKey()); err != nil {
		return err
	}
	a.metrics = metrics.New(a.options.Version, a.options.Revision)
	if err := a.metrics.CaptureLibraries(); err != nil {
		return err
	}
	// The probe comes before the log: it can refuse (accel = kvm), and nothing should have started then.
	if a.host, err = a.lookAtHost(ctx); err != nil {
		return err
	}
	a.log.Info("accelerator chosen", "accel", a.host.accel.Accel, "reason", a.host.accel.Reason)
	a.truth, err = openTruth(ctx, truthConfig{at: a.at, id: a.id, config: a.config, logger: a.options.Logger, planner: charger{a.host.ratios}})
	if err != nil {
		return err
	}
	a.region = a.truth.region
	a.ring.Follow(a.sealVersion)
	a.rotations = newRotations(a)
	a.handleClusterKey()
	a.handleLeave()
	a.handleEnter()
	a.handleNodeCalls()
	return a.prepareGuests()
}

// lookAtHost finds out what instances may take here.
func (a *Agent) lookAtHost(ctx context.Context) (host, error) {
	if a.options.SimulateGuests {
		return simulatedHost(a.config), nil
	}
	return inspect(ctx, a.config)
}

// checkConfig refuses a configuration that contradicts what Init decided.
func (a *Agent) checkConfig() error {
	for _, one := range []struct{ what, have, want string }{
		{"cluster.region", a.config.Cluster.Region, a.id.Region},
		{"node.name", a.config.Node.Name, a.id.Node},
	} {
		if one.have != one.want {
			return admin.Errorf(admin.KindConflict, "set "+one.what+" back, or use another --data-dir", "%s is %q, but this data directory was initialised with %q", one.what, one.have, one.want)
		}
	}
	return nil
}

func (a *Agent) prepareGuests() error {
	err := a.prepareSubstrate()
	if err != nil {
		return err
	}
	if a.lease, err = newLeases(a); err != nil {
		return err
	}
	a.exec = executor.New(executor.Config{NodeID: a.id.NodeID, Region: a.region, Blocks: a.blocks, Guests: a.guests, Epoch: a.lease.holder.Epoch, Logger: a.options.Logger})
	a.usage = newUsage(a)
	if a.meter, err = newMeter(meterConfig{self: a.id.NodeID, region: a.region, client: a.truth.client, at: a.at, logger: a.options.Logger}); err != nil {
		return err
	}
	a.meter.serve(a.truth.server)
	if a.audit, err = newAudit(auditConfig{self: a.id.NodeID, region: a.region, client: a.truth.client, config: a.config.Audit, logger: a.options.Logger}); err != nil {
		return err
	}
	a.audit.serve(a.truth.server)
	a.keyUses = &keyUses{region: a.region, log: a.options.Logger.Named("key-uses")}
	return a.watchMetrics()
}

// blockDir is the directory of the node's volumes.
func (a *Agent) blockDir() string {
	if a.config.Block.DataDir != "" {
		return a.config.Block.DataDir
	}
	return filepath.Join(a.at.dir, "volumes")
}

// serve runs everything until the context ends or a part fails.
func (a *Agent) serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	gateway, port, err := a.newGateway()
	if err != nil {
		return err
	}
	if a.gossip, err = a.newGossip(); err != nil {
		return err
	}
	if err := a.gossip.Open(); err != nil {
		return busy(err, "listen.gossip", string(a.config.Listen.Gossip))
	}
	g.Go(func() error { return a.serveDisks(ctx) })
	g.Go(func() error {
		return (&adminServer{a: a, log: a.log.Named("admin")}).serve(ctx, a.config.AdminSocket())
	})
	g.Go(func() error { return a.serveAPI(ctx, gateway, port) })
	g.Go(func() error { return a.serveMetrics(ctx) })
	g.Go(func() error { return a.gossip.Run(ctx) })
	g.Go(func() error { return a.renewCertificates(ctx) })
	g.Go(func() error { return a.tell(ctx) })
	g.Go(func() error { return a.serveJoins(ctx) })
	g.Go(func() error { return a.answerSearches(ctx) })
	g.Go(func() error { return a.serveData(ctx) })
	g.Go(func() error { return a.steward(ctx) })
	g.Go(func() error { return a.keepSettings(ctx) })
	g.Go(func() error { return a.rotations.run(ctx) })
	g.Go(func() error { return a.usage.run(ctx) })
	g.Go(func() error { return a.audit.run(ctx) })
	g.Go(func() error { return a.keyUses.run(ctx, a.id.NodeID) })
	g.Go(func() error { return a.holdVirtualIP(ctx) })
	g.Go(func() error { return a.lease.run(ctx) })
	g.Go(func() error {
		if err := a.join(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		return a.exec.Run(ctx)
	})
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// join has the node taken into the log, registers it with the region when it has caught up, and then says that the node
// is ready.
func (a *Agent) join(ctx context.Context) error {
	for a.keepsDisks() && a.blocks.ping(ctx) != nil { // nothing is planned here before the disks are
		if sleep(ctx, 50*time.Millisecond) != nil {
			return nil
		}
	}
	if err := a.enter(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	c := a.host.register(a.id, a.config, a.truth.advertised, advertise(a.config, a.apiAddr, a.truth.local), a.options.Version)
	c.KeyPin, c.GossipAddr = a.truth.identity.Fingerprint().String(), a.gossip.Addr()
	if free, err := a.blocks.Free(ctx); err == nil {
		c.Node.FreeStorageGiB = max(free, 0) >> 30
	}
	for {
		err := a.region.Fresh(ctx) // registered means: has caught up
		if err == nil {
			if err := a.agrees(a.region.Local()); err != nil {
				return err
			}
			err = a.lease.register(ctx, c)
		}
		var refusal *command.Error
		if errors.As(err, &refusal) {
			return admin.Errorf(admin.KindConflict, "correct the configuration", "the region refuses this node: %s", refusal.Message)
		}
		if err == nil {
			break
		}
		a.log.Info("waiting for the region to register this node", "reason", err)
		if sleep(ctx, 500*time.Millisecond) != nil {
			return nil
		}
	}
	close(a.ready)
	a.log.Info("node is ready", "api", a.announced(), "region", a.id.Region, "node", a.id.Node)
	if a.options.Ready != nil {
		a.options.Ready()
	}
	return nil
}

// tell has the leader tell the region the time.
func (a *Agent) tell(ctx context.Context) error {
	for sleep(ctx, tickEvery) == nil {
		if !a.truth.leads() {
			continue
		}
		if err := a.region.Propose(ctx, command.Tick{}, nil); err != nil && ctx.Err() == nil {
			a.log.Warn("cannot tell the region the time", "error", err)
		}
		if err := a.keys.RotateDue(ctx, a.region.Local(), time.Now()); err != nil && ctx.Err() == nil {
			a.log.Warn("cannot rotate KMS keys", "error", err)
		}
	}
	return nil
}

// drain ends the node's guests in order, and then its block daemon.
func (a *Agent) drain(ctx context.Context, grace time.Duration, progress func(step string)) error {
	if err := a.exec.Drain(ctx, grace, func(instance, step string) { progress(instance + ": " + step) }); err != nil {
		return err
	}
	progress("volumes are released, ending the block daemon")
	return a.daemon.stop(ctx)
}

// announced is what the log says of this node's API.
func (a *Agent) announced() string {
	if !a.answersAPI() {
		return "none: the node has no capability api"
	}
	return a.endpoint()
}

// endpoint is the URL of the API for clients on this machine.
func (a *Agent) endpoint() string {
	host, port, err := net.SplitHostPort(a.apiAddr)
	if err != nil {
		return "https://" + a.apiAddr
	}
	if v := a.config.Network.VirtualIP; v.IsValid() {
		return "https://" + net.JoinHostPort(v.String(), port)
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "https://" + net.JoinHostPort(host, port)
}

func (a *Agent) caBundle() string {
	return pki.NewDir(vfs.OS(), a.at.pki()).CertificateFile(pki.APICA)
}

// status is what the agent says about itself.
func (a *Agent) status(ctx context.Context) admin.Status {
	out := admin.Status{Node: a.id.Node, NodeID: a.id.NodeID, ClusterID: a.id.ClusterID, Region: a.id.Region, AZ: a.config.Node.AZ, Version: a.options.Version,
		StartedAt: a.started, Leader: a.truth.leader(), TargetNodes: a.config.Cluster.Nodes, Problems: []string{},
		Accelerator: admin.Accelerator{Name: string(a.host.accel.Accel), Reason: a.host.accel.Reason},
		Addresses:   admin.Addresses{API: a.apiAddr, Cluster: a.truth.addr, Gossip: a.gossip.Addr()}}
	out.Addresses.Metrics, _ = a.metricsAddr.Load().(string)
	v := a.region.Local()
	if r, ok := v.Region(); ok {
		out.FormatLevel = uint64(r.FormatLevel)
	}
	out.Nodes, out.Tolerates = state.Nodes.Count(v), a.truth.tolerates()
	select {
	case <-a.ready:
		out.Ready = out.Leader != ""
	default:
		out.Problems = append(out.Problems, "the node is not registered with its region yet")
	}
	if peers := a.truth.node.Peers(); len(peers) > 0 && !slices.ContainsFunc(peers, func(p raftnode.Peer) bool { return p.ID == a.id.NodeID }) {
		out.Problems = append(out.Problems, "the node is not in the log's configuration: it was removed, or has not been taken in yet")
	}
	if out.Leader == "" {
		out.Problems = append(out.Problems, "the region has no leader")
	}
	if a.simulation != nil {
		out.Problems = append(out.Problems, a.host.accel.Reason+": no instance really runs here")
	}
	out.Problems = append(out.Problems, a.lease.problems()...)
	if !a.answersAPI() {
		out.Addresses.API = ""
	}
	if err := a.blocks.ping(ctx); err != nil && a.keepsDisks() {
		out.Problems = append(out.Problems, "the block daemon does not answer: "+err.Error())
	}
	if err := a.meter.fault(); err != nil {
		out.Problems = append(out.Problems, "metrics of this node are not kept: "+err.Error())
	}
	if err := a.audit.fault(); err != nil {
		out.Problems = append(out.Problems, "API calls of this node are not recorded: "+err.Error())
	}
	out.Processes = append([]admin.Process{{Kind: "agent", PID: os.Getpid()}}, a.guests.processes()...)
	if pid := a.daemon.alive(); pid != 0 {
		out.Processes = append(out.Processes, admin.Process{Kind: "blockd", PID: pid})
	}
	return out
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
