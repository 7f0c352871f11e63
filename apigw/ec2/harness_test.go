// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// world is a service over a region in one process, with two accounts and an image that is public.
type world struct {
	*fsmtest.Region
	svc     *Service
	console *fakeConsole
	image   string // of alice, public, 8 GiB root

	planner *scheduler.Scheduler // nil: everything goes to the first node

	mu       sync.Mutex
	proposed []command.Command
}

func newWorld(tb testing.TB, types ...string) *world {
	tb.Helper()
	w := &world{Region: fsmtest.NewRegion(tb, types...), console: &fakeConsole{}}
	w.AddAccount(tb, alice)
	w.AddAccount(tb, bob)
	w.image = w.AddImage(tb, alice, "base", 8)
	public := true
	w.must(tb, command.ModifyImage{AccountID: alice, ImageID: w.image, Public: &public})
	w.must(tb, command.CreateKeyPair{Pair: state.KeyPair{ID: "key-00000000000000001", AccountID: alice, Name: "alice", Type: "ed25519", PublicKey: "ssh-ed25519 AAAA alice"}})
	var err error
	if w.svc, err = New(Config{Region: w, Console: w.console}); err != nil {
		tb.Fatal(err)
	}
	return w
}

// Propose keeps what handlers propose.
func (w *world) Propose(ctx context.Context, c command.Command, into any) error {
	w.mu.Lock()
	w.proposed = append(w.proposed, c)
	w.mu.Unlock()
	if w.planner != nil {
		c = w.planner.Plan(w.FSM.View(), c)
	}
	return w.Region.Propose(ctx, c, into)
}

func (w *world) must(tb testing.TB, c command.Command) {
	tb.Helper()
	if err := w.Region.Propose(tb.Context(), c, nil); err != nil {
		tb.Fatalf("propose %T: %v", c, err)
	}
}

// as is a call of an account.
func (w *world) as(tb testing.TB, account, action string) context.Context {
	tb.Helper()
	call := &apigw.Call{
		Account: account, Service: "ec2", Action: action, Region: fsmtest.Name, RequestID: "request-1", Time: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		Principal: apigw.Principal{AccountID: account, ARN: "arn:aws:iam::" + account + ":user/admin", UserName: "admin", Type: apigw.PrincipalUser},
	}
	return apigw.WithCall(tb.Context(), call, apigw.CallConfig{Tokens: pageTokens(tb)})
}

func pageTokens(tb testing.TB) *page.Tokens {
	tb.Helper()
	tokens, err := page.NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		tb.Fatal(err)
	}
	return tokens
}

// run launches instances of t3.micro for account and makes them running.
func (w *world) run(tb testing.TB, account string, n int32, change ...func(*sdk.RunInstancesInput)) []string {
	tb.Helper()
	in := &sdk.RunInstancesInput{ImageId: &w.image, InstanceType: "t3.micro", MinCount: &n, MaxCount: &n}
	for _, c := range change {
		c(in)
	}
	out, err := w.svc.RunInstances(w.as(tb, account, "RunInstances"), in)
	if err != nil {
		tb.Fatalf("run instances: %v", err)
	}
	var ids []string
	for _, i := range out.Instances {
		ids = append(ids, *i.InstanceId)
		w.Observe(tb, *i.InstanceId, command.SawRunning)
	}
	return ids
}

// stop stops an instance and reports it stopped.
func (w *world) stop(tb testing.TB, account, id string) {
	tb.Helper()
	if _, err := w.svc.StopInstances(w.as(tb, account, "StopInstances"), &sdk.StopInstancesInput{InstanceIds: []string{id}}); err != nil {
		tb.Fatalf("stop instance %s: %v", id, err)
	}
	w.Observe(tb, id, command.SawStopped)
}

// terminate ends an instance and reports it gone.
func (w *world) terminate(tb testing.TB, account, id string) {
	tb.Helper()
	if _, err := w.svc.TerminateInstances(w.as(tb, account, "TerminateInstances"), &sdk.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		tb.Fatalf("terminate instance %s: %v", id, err)
	}
	w.Observe(tb, id, command.SawTerminated)
}

// row is an instance's row.
func (w *world) row(tb testing.TB, id string) *state.Instance {
	tb.Helper()
	i, ok := state.Instances.Get(w.FSM.View(), state.AnyAccount, id)
	if !ok {
		tb.Fatalf("instance %s: no such row", id)
	}
	return i
}

// wantError checks code and, when given, message of a refusal by handler or state machine.
func wantError(tb testing.TB, err error, code, message string) {
	tb.Helper()
	gotCode, gotMessage := codeOf(err)
	if gotCode != code || message != "" && gotMessage != message {
		tb.Errorf("got error %q %q (%v), want %q %q", gotCode, gotMessage, err, code, message)
	}
}

func ptr[T any](v T) *T { return &v }

// fakeConsole stands for the nodes that run guests: they are in other processes, whose console has tests of its own.
type fakeConsole struct {
	output []byte
	asked  []string
}

func (c *fakeConsole) Output(_ context.Context, node, id string) ([]byte, time.Time, error) {
	c.asked = append(c.asked, node+"/"+id)
	if c.output == nil {
		return nil, time.Time{}, nil
	}
	return c.output, time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC), nil
}

func (c *fakeConsole) Screenshot(_ context.Context, node, id string) ([]byte, error) {
	c.asked = append(c.asked, node+"/"+id)
	var b bytes.Buffer
	err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 72, 40)))
	return b.Bytes(), err
}

// placed launches an instance of t3.micro on a node of a zone, past the region's planner, which knows one node only.
func (w *world) placed(tb testing.TB, account, node, zone string) string {
	tb.Helper()
	in := &sdk.RunInstancesInput{ImageId: &w.image, InstanceType: "t3.micro", MinCount: ptr[int32](1), MaxCount: ptr[int32](1),
		Placement: &types.Placement{AvailabilityZone: &zone}}
	plan, err := w.svc.planLaunch(w.FSM.View(), account, in)
	if err != nil {
		tb.Fatal(err)
	}
	c := plan.withIDs("", "")
	c.Planned, c.Plan = true, []command.Assignment{{NodeID: node, BootMode: "legacy-bios", Charge: state.Resources{MilliCPU: 500, MemoryMiB: 1024}}}
	index := w.FSM.Applied() + 1
	b, err := command.Encode(command.Envelope{Request: command.RequestID{0xff}, Time: w.FSM.Now() + 1, Node: node, Command: c})
	if err != nil {
		tb.Fatal(err)
	}
	if err := command.DecodeResult(w.FSM.Apply(index, b), nil); err != nil {
		tb.Fatal(err)
	}
	_ = w.Region.Propose(tb.Context(), command.Tick{}, nil) // the region's own index is one behind: this entry is skipped
	id := c.Launches[0].Instance.ID
	w.Observe(tb, id, command.SawRunning)
	return id
}
