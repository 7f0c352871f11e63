// SPDX-License-Identifier: Apache-2.0

package guard

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
	"strconv"
	"sync"
	"time"

	"github.com/hivecloud/hive/compute/qemu"
)

const (
	// waitMost bounds one long poll of the status; the client asks again.
	waitMost = 30 * time.Second
	// requestTimeout bounds every other request.
	requestTimeout = 30 * time.Second
	// stopTimeout is how long the server lets answers out when the guard leaves.
	stopTimeout = 5 * time.Second
	// consoleMost bounds one answer with console output.
	consoleMost = 4 << 20
	maxBody     = 1 << 16
)

// The requests' bodies, all JSON objects with no other members.
type (
	renewRequest struct {
		TTLMillis int64 `json:"ttl_ms"`
		// Deadline, when it is not 0, is meant instead.
		Deadline int64 `json:"deadline_boottime_ns,omitempty"`
	}
	powerdownRequest struct {
		GraceMillis int64 `json:"grace_ms"`
	}
	resumeRequest struct {
		Epoch uint64 `json:"epoch"`
	}
	limitsRequest struct {
		Volume string      `json:"volume"`
		Limits qemu.Limits `json:"limits"`
	}
	noRequest  struct{}
	noResponse struct{}

	errorResponse struct {
		Code    string `json:"code,omitempty"`
		Message string `json:"message"`
	}
)

// api is the HTTP server on guard.sock.
type api struct {
	server *http.Server
	wg     sync.WaitGroup
	err    error
	cancel context.CancelFunc
}

// serveAPI begins to answer. Only the guard's own user can connect.
func (g *guard) serveAPI() (*api, error) {
	path := filepath.Join(g.dir, apiName)
	if err := removeIfThere(path); err != nil {
		return nil, err
	}
	// The socket is made under another name, so that nobody can connect before its mode is right.
	temp := path + ".new"
	if err := removeIfThere(temp); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen for control: %w", err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(temp, 0o600), os.Rename(temp, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	// Requests end when the server stops, long polls above all.
	base, cancel := context.WithCancel(context.Background())
	a := &api{cancel: cancel, server: &http.Server{
		Handler: g.routes(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog: g.log.Named("api").StandardLogger(nil),
	}}
	a.wg.Go(func() {
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.err = err
		}
	})
	return a, nil
}

func (a *api) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	polls := time.AfterFunc(stopTimeout/10, a.cancel) // answers first, then long polls
	defer polls.Stop()
	err := a.server.Shutdown(ctx)
	a.cancel()
	a.wg.Wait()
	return errors.Join(err, a.err)
}

func (g *guard) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", g.handleStatus)
	mux.HandleFunc("GET /v1/console", g.handleConsole)
	mux.HandleFunc("GET /v1/screendump", g.handleScreendump)
	get(mux, "/v1/stats", g.stats)
	post(mux, "/v1/renew", func(_ context.Context, r renewRequest) error {
		if r.Deadline != 0 {
			return g.renewUntil(r.Deadline)
		}
		return g.renew(time.Duration(r.TTLMillis) * time.Millisecond)
	})
	post(mux, "/v1/powerdown", func(ctx context.Context, r powerdownRequest) error {
		return g.powerdown(ctx, time.Duration(r.GraceMillis)*time.Millisecond)
	})
	post(mux, "/v1/resume", func(ctx context.Context, r resumeRequest) error { return g.resume(ctx, r.Epoch) })
	post(mux, "/v1/limits", func(ctx context.Context, r limitsRequest) error { return g.setLimits(ctx, r.Volume, r.Limits) })
	for path, do := range map[string]func(context.Context) error{
		"/v1/quit": g.quit, "/v1/reset": g.reset, "/v1/pause": g.pause, "/v1/close": g.close,
	} {
		post(mux, path, func(ctx context.Context, _ noRequest) error { return do(ctx) })
	}
	return mux
}

// get routes a request without a body.
func get[Response any](mux *http.ServeMux, path string, do func(context.Context) (Response, error)) {
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		response, err := do(ctx)
		if err != nil {
			writeError(w, err)
			return
		}
		writeResponse(w, response)
	})
}

// post routes a request with a body that is decoded strictly.
func post[Request any](mux *http.ServeMux, path string, do func(context.Context, Request) error) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		var request Request
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		d.DisallowUnknownFields()
		if err := d.Decode(&request); err != nil && !errors.Is(err, io.EOF) {
			writeError(w, fmt.Errorf("%w: %w", ErrInvalid, err))
			return
		}
		if err := do(ctx, request); err != nil {
			writeError(w, err)
			return
		}
		writeResponse(w, noResponse{})
	})
}

// handleStatus answers at once, or with ?wait=VERSION as soon as the status has a higher version, at the latest after waitMost.
func (g *guard) handleStatus(w http.ResponseWriter, r *http.Request) {
	wait := r.URL.Query().Get("wait")
	if wait == "" {
		writeResponse(w, g.board.get())
		return
	}
	version, err := strconv.ParseUint(wait, 10, 64)
	if err != nil {
		writeError(w, fmt.Errorf("%w: wait: %w", ErrInvalid, err))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), waitMost)
	defer cancel()
	writeResponse(w, g.board.wait(ctx, version))
}

func (g *guard) handleConsole(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
	if err != nil || n < 0 || n > consoleMost {
		writeError(w, fmt.Errorf("%w: bytes: want 0 to %d", ErrInvalid, consoleMost))
		return
	}
	console, err := readConsole(qemu.PathsIn(g.vmDir).Console, n)
	if err != nil {
		writeError(w, err)
		return
	}
	if !console.At.IsZero() {
		w.Header().Set("Last-Modified", console.At.Format(http.TimeFormat))
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(console.Text)
}

func (g *guard) handleScreendump(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	png, err := g.screendump(ctx)
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(png)
}

func writeResponse(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the client has gone: nobody is left to tell
}

func writeError(w http.ResponseWriter, err error) {
	response := errorResponse{Message: err.Error()}
	status := http.StatusInternalServerError
	for code, known := range errorCodes {
		if errors.Is(err, known) {
			response.Code, status = code, http.StatusConflict
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(response)
}
