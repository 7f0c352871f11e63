// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// adminBodyLimit bounds the body of an admin request.
const adminBodyLimit = 1 << 20

// adminServer serves internal/admin's routes on a unix socket that only the agent's user can open: who can open it is
// the operator, there is no other authentication.
type adminServer struct {
	a   *Agent
	log hclog.Logger
}

// route answers one request; what it returns is sent as JSON.
type route func(ctx context.Context, r *http.Request) (any, error)

func (s *adminServer) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range joined(joined(s.governance(), s.keys()), map[string]route{
		admin.RouteStatus:           s.status,
		admin.RouteMembers:          s.members,
		admin.RouteRaftStatus:       s.raftStatus,
		admin.RouteRaftPeers:        s.raftPeers,
		admin.RouteNodes:            s.nodes,
		admin.RouteNode:             s.node,
		admin.RouteNodeCordon:       s.nodeCordon,
		admin.RouteNodeUndrain:      s.nodeUndrain,
		admin.RouteNodeRemoval:      s.nodeRemoval,
		admin.RouteNodeRemove:       s.nodeRemove,
		admin.RouteNodeCapabilities: s.nodeCapabilities,
		admin.RouteInstances:        s.instances,
		admin.RouteInstance:         s.instance,
		admin.RouteImages:           s.images,
		admin.RouteAccounts:         s.accounts,
		admin.RouteAccountCreate:    s.accountCreate,
		admin.RouteAccessKeys:       s.accessKeys,
		admin.RouteAccessKeyCreate:  s.accessKeyCreate,
		admin.RouteAccessKeyDelete:  s.accessKeyDelete,
		admin.RouteEnv:              s.env,
		admin.RouteTokens:           s.tokens,
		admin.RouteTokenCreate:      s.tokenCreate,
		admin.RouteTokenRevoke:      s.tokenRevoke,
		admin.RouteRaftTransfer:     s.raftTransfer,
		admin.RouteRaftRemove:       s.raftRemove,
		admin.RouteSettings:         s.settings,
		admin.RouteSettingSet:       s.settingSet,
		admin.RouteUsers:            s.users,
		admin.RouteUserCreate:       s.userCreate,
		admin.RouteUserDelete:       s.userDelete,
		admin.RouteUpgrade:          s.upgrade,
		admin.RouteUpgradeFinalize:  s.upgradeFinalize,
		admin.RoutePolicySimulate:   s.policySimulate,
	}) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			out, err := h(r.Context(), r)
			if err != nil {
				admin.WriteError(w, operatorError(err))
				return
			}
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(out); err != nil {
				s.log.Debug("client left before its answer", "error", err)
			}
		})
	}
	mux.HandleFunc(admin.RouteSnapshotSave, s.snapshotSave)
	mux.HandleFunc(admin.RouteSnapshotRestore, s.snapshotRestore)
	mux.HandleFunc(admin.RouteDebug, s.debug)
	mux.HandleFunc(admin.RouteConsole, s.console)
	mux.HandleFunc(admin.RouteImageImport, s.imageImport)
	mux.HandleFunc(admin.RouteShutdown, s.shutdown)
	mux.HandleFunc(admin.RouteLeave, s.leave)
	mux.HandleFunc(admin.RouteNodeDrain, s.nodeDrain)
	mux.HandleFunc(admin.RouteEvents, s.events)
	return mux
}

// operatorError turns a refusal by the region into one with a kind and a next step.
func operatorError(err error) error {
	var e *admin.Error
	if errors.As(err, &e) {
		return err
	}
	var refusal *command.Error
	if !errors.As(err, &refusal) {
		var u interface{ Unavailable() bool }
		if errors.As(err, &u) && u.Unavailable() {
			return admin.Errorf(admin.KindUnavailable, "hive raft status shows whether there is a leader and a quorum", "%w", err)
		}
		return err
	}
	switch refusal.Code {
	case "ConstraintViolationException", "PolicyInUseException", "DuplicatePolicyAttachmentException", "PolicyNotAttachedException":
		return admin.Errorf(admin.KindConflict, "hive account list and hive account scp list show how things stand", "%s", refusal.Message)
	case "EntityAlreadyExists", "LimitExceeded", "InvalidAMIName.Duplicate":
		return admin.Errorf(admin.KindConflict, "choose another name, or remove the old one first", "%s", refusal.Message)
	case "InvalidJoinToken":
		return admin.Errorf(admin.KindUsage, "hive admin token create --help shows what a token may do", "%s", refusal.Message)
	case "JoinTokenNotFound":
		return admin.Errorf(admin.KindNotFound, "hive admin token list shows the tokens", "%s", refusal.Message)
	case "UnknownSetting":
		return admin.Errorf(admin.KindNotFound, "hive settings list shows the settings", "%s", strings.TrimSuffix(refusal.Message, "."))
	case "InvalidSettingValue":
		return admin.Errorf(admin.KindUsage, "hive settings list -o wide shows what each setting takes", "%s", strings.TrimSuffix(refusal.Message, "."))
	case "SettingInUse":
		return admin.Errorf(admin.KindConflict, "name it among the zones, or remove what is in it first", "%s", strings.TrimSuffix(refusal.Message, "."))
	case "RotationInProgress", "RotationConflict", "RotationWaits":
		return admin.Errorf(admin.KindConflict, "hive admin rotations shows where it stands", "%s", strings.TrimSuffix(refusal.Message, "."))
	case "RotationNotFound":
		return admin.Errorf(admin.KindNotFound, "hive admin rotations shows the rotations", "%s", strings.TrimSuffix(refusal.Message, "."))
	case command.UnsupportedFormatLevel, "NodeTooOld":
		return admin.Errorf(admin.KindConflict, "hive admin upgrade status shows what each node runs", "%s", strings.TrimSuffix(refusal.Message, "."))
	case "NoSuchEntity":
		return admin.Errorf(admin.KindNotFound, "list what there is first", "%s", refusal.Message)
	}
	return admin.Errorf(admin.KindFailure, "hive doctor checks what this node needs", "%s: %s", refusal.Code, refusal.Message)
}

// decode reads a request's body strictly.
func decode[T any](r *http.Request) (T, error) {
	var in T
	d := json.NewDecoder(io.LimitReader(r.Body, adminBodyLimit))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return in, admin.Errorf(admin.KindUsage, "use a hive command of the agent's own version", "decode request: %w", err)
	}
	return in, nil
}

// serve listens on the admin socket until the context ends.
func (s *adminServer) serve(ctx context.Context, socket string) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		return fmt.Errorf("make directory of the admin socket: %w", err)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the admin socket of an earlier agent: %w", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listen on admin socket: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return errors.Join(fmt.Errorf("protect admin socket: %w", err), l.Close())
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve admin socket: %w", err)
	case <-ctx.Done():
	}
	// Streams that follow a console end with ctx; what still runs gets a moment.
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(stopCtx); err != nil {
		err = server.Close()
		<-done
		return err
	}
	<-done
	return nil
}

func (s *adminServer) status(ctx context.Context, _ *http.Request) (any, error) {
	return s.a.status(ctx), nil
}

func (s *adminServer) members(ctx context.Context, _ *http.Request) (any, error) {
	out, ends := s.a.members(), s.a.lease.ends(ctx)
	for n := range out {
		out[n].Lease = ends[out[n].NodeID]
	}
	return out, nil
}

func (s *adminServer) nodes(ctx context.Context, _ *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	out, ends := []admin.Node{}, s.a.lease.ends(ctx)
	for n := range state.Nodes.All(v) {
		row := nodeRow(v, n)
		row.Lease = ends[n.ID]
		out = append(out, row)
	}
	return out, nil
}

func (s *adminServer) instances(ctx context.Context, r *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	of, err := accountAsked(v, r)
	if err != nil {
		return nil, err
	}
	out := []admin.Instance{}
	for i := range state.Instances.Of(v, of) {
		out = append(out, instanceRow(v, i))
	}
	return out, nil
}

func (s *adminServer) instance(ctx context.Context, r *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	i, err := findInstance(v, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	row := instanceRow(v, i)
	row.GuardPID, row.QEMUPID = s.a.guests.PIDs(i.ID)
	return row, nil
}

func findInstance(v *state.View, id string) (*state.Instance, error) {
	i, ok := state.Instances.Get(v, state.AnyAccount, id)
	if !ok {
		return nil, admin.Errorf(admin.KindNotFound, "hive instance list shows the instances", "no instance has the id %s", id)
	}
	return i, nil
}

func (s *adminServer) images(ctx context.Context, r *http.Request) (any, error) {
	v, err := s.a.region.View(ctx)
	if err != nil {
		return nil, err
	}
	viewer, err := accountAsked(v, r)
	if err != nil {
		return nil, err
	}
	out := []admin.Image{}
	for i := range state.Images.All(v) {
		if i.MayLaunch(viewer) {
			out = append(out, imageRow(i))
		}
	}
	return out, nil
}

// followEvery is how often a followed console is looked at.
const followEvery = 300 * time.Millisecond

// console streams an instance's serial log; with follow it goes on until the client leaves.
func (s *adminServer) console(w http.ResponseWriter, r *http.Request) {
	v, err := s.a.region.View(r.Context())
	var i *state.Instance
	if err == nil {
		i, err = findInstance(v, r.PathValue("id"))
	}
	if err != nil {
		admin.WriteError(w, operatorError(err))
		return
	}
	follow := r.URL.Query().Get("follow") == "true"
	w.Header().Set("Content-Type", "application/octet-stream")
	var at int64
	for {
		n, err := s.a.copySerial(r.Context(), w, i, at)
		if err != nil {
			s.log.Debug("console stream ended", "error", err)
			return
		}
		at = n
		if !follow {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(followEvery):
		}
	}
}

// shutdown ends the agent; with drain it ends the node's guests and blockd before.
func (s *adminServer) shutdown(w http.ResponseWriter, r *http.Request) {
	in, err := decode[admin.ShutdownRequest](r)
	if err != nil {
		admin.WriteError(w, err)
		return
	}
	lines := newLines(w)
	if in.Drain {
		grace := time.Duration(in.Timeout) * time.Second
		if grace == 0 {
			grace = time.Minute
		}
		err = s.a.drain(r.Context(), grace, func(step string) { lines.send(admin.ShutdownEvent{Step: step}) })
	}
	if err != nil {
		lines.send(admin.ShutdownEvent{Step: "the node was not drained", Error: admin.AsError(err)})
		return
	}
	lines.send(admin.ShutdownEvent{Step: "the agent ends"})
	s.a.end()
}

// lines sends JSON values, one a line, as they come.
type lines struct {
	w   http.ResponseWriter
	enc *json.Encoder
}

func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", "application/x-ndjson")
	return &lines{w: w, enc: json.NewEncoder(w)}
}

// send ignores a client that left: what it asked for goes on.
func (l *lines) send(v any) {
	if l.enc.Encode(v) == nil {
		_ = http.NewResponseController(l.w).Flush()
	}
}
