// SPDX-License-Identifier: Apache-2.0

package admin

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
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve runs handlers on a socket in a short directory: socket paths are
// limited to 107 bytes, and t.TempDir holds the test's name.
func serve(t *testing.T, routes map[string]http.HandlerFunc) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "adm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for route, h := range routes {
		mux.HandleFunc(route, h)
	}
	srv := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return NewClient(socket)
}

func answer(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
}

func TestCalls_ReachTheirRoutes(t *testing.T) {
	t.Parallel()
	instance := Instance{ID: "i-1", State: "running", Ports: map[string]string{"22": "127.80.0.4:22"}}
	c := serve(t, map[string]http.HandlerFunc{
		RouteStatus:   answer(Status{Node: "n1", Ready: true}),
		RouteInstance: func(w http.ResponseWriter, r *http.Request) { i := instance; i.ID = r.PathValue("id"); answer(i)(w, r) },
		RouteInstances: func(w http.ResponseWriter, r *http.Request) {
			answer([]Instance{{ID: "i-2", Account: r.URL.Query().Get("account")}})(w, r)
		},
		RouteAccountCreate: func(w http.ResponseWriter, r *http.Request) {
			var req AccountCreateRequest
			if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
				WriteError(w, err)
				return
			}
			answer(NewAccount{Account: Account{Name: req.Name}})(w, r)
		},
		RouteConsole: func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "boot %s follow=%s", r.PathValue("id"), r.URL.Query().Get("follow"))
		},
	})
	ctx := t.Context()
	if got, err := c.Status(ctx); err != nil || !got.Ready || got.Node != "n1" {
		t.Errorf("status: %+v, %v", got, err)
	}
	if got, err := c.Instance(ctx, "i-1"); err != nil || !cmp.Equal(got, instance) {
		t.Errorf("instance: %+v, %v", got, err)
	}
	if got, err := c.Instances(ctx, "000000000001"); err != nil || got[0].Account != "000000000001" {
		t.Errorf("instances: %+v, %v", got, err)
	}
	if got, err := c.AccountCreate(ctx, AccountCreateRequest{Name: "ada"}); err != nil || got.Account.Name != "ada" {
		t.Errorf("account: %+v, %v", got, err)
	}
	r, err := c.Console(ctx, "i-1", true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if text, err := io.ReadAll(r); err != nil || string(text) != "boot i-1 follow=true" {
		t.Errorf("console: %s, %v", text, err)
	}
}

// An error crosses the socket with kind, message and hint.
func TestErrors_KeepKindAndHint(t *testing.T) {
	t.Parallel()
	c := serve(t, map[string]http.HandlerFunc{
		RouteInstance: func(w http.ResponseWriter, r *http.Request) {
			WriteError(w, fmt.Errorf("look up: %w", Errorf(KindNotFound, "see hive instance list", "no instance %s", r.PathValue("id"))))
		},
		RouteNodes: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusTeapot) },
	})
	_, err := c.Instance(t.Context(), "i-9")
	want := &Error{Kind: KindNotFound, Message: "look up: no instance i-9", Hint: "see hive instance list"}
	if got := AsError(err); got.Kind != want.Kind || got.Message != want.Message || got.Hint != want.Hint {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := c.Nodes(t.Context()); err == nil || !strings.Contains(err.Error(), "oops") || AsError(err).Hint == "" {
		t.Errorf("a foreign answer: %v", err)
	}
}

func TestImport_ProgressThenImage(t *testing.T) {
	t.Parallel()
	var fail bool
	c := serve(t, map[string]http.HandlerFunc{
		RouteImageImport: func(w http.ResponseWriter, _ *http.Request) {
			enc := json.NewEncoder(w)
			_ = enc.Encode(ImportEvent{Phase: "copy", Done: 5, Total: 10})
			if fail {
				_ = enc.Encode(ImportEvent{Error: Errorf(KindConflict, "free some space", "disk is full")})
				return
			}
			_ = enc.Encode(ImportEvent{Phase: "register", Image: &Image{ID: "ami-1"}})
		},
	})
	var phases []string
	image, err := c.ImageImport(t.Context(), ImageImportRequest{}, func(e ImportEvent) { phases = append(phases, e.Phase) })
	if err != nil || image.ID != "ami-1" || !cmp.Equal(phases, []string{"copy", "register"}) {
		t.Errorf("got %+v, %v, phases %v", image, err, phases)
	}
	fail = true
	if _, err := c.ImageImport(t.Context(), ImageImportRequest{}, nil); AsError(err).Kind != KindConflict {
		t.Errorf("got %v, want the conflict of the stream", err)
	}
}

// A stream that ends early is not a success.
func TestImport_CutShortIsAnError(t *testing.T) {
	t.Parallel()
	c := serve(t, map[string]http.HandlerFunc{RouteImageImport: answer(ImportEvent{Phase: "copy"})})
	if _, err := c.ImageImport(t.Context(), ImageImportRequest{}, nil); AsError(err).Kind != KindUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestNoAgent_SaysHowToStartIt(t *testing.T) {
	t.Parallel()
	_, err := NewClient(filepath.Join(t.TempDir(), "none")).Status(t.Context())
	if e := AsError(err); e.Kind != KindUnavailable || !strings.Contains(e.Hint, "hive agent") {
		t.Errorf("got %+v", e)
	}
}

func TestDeadline_IsATimeout(t *testing.T) {
	t.Parallel()
	c := serve(t, map[string]http.HandlerFunc{RouteStatus: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Status(ctx); AsError(err).Kind != KindTimeout {
		t.Errorf("got %v", err)
	}
}

func TestExitCodes_AreDistinctAndFixed(t *testing.T) {
	t.Parallel()
	want := map[Kind]int{
		KindFailure: 1, KindUsage: 2, KindNotFound: 3, KindDenied: 4,
		KindConflict: 5, KindUnavailable: 6, KindTimeout: 7, KindUnhealthy: 8,
	}
	for kind, code := range want {
		if got := kind.ExitCode(); got != code {
			t.Errorf("%s: exit %d, want %d", kind, got, code)
		}
	}
	if Kind("new").ExitCode() != 1 || AsError(errors.New("x")).Kind != KindFailure {
		t.Error("an unknown kind is not a failure")
	}
}
