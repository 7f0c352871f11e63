// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/mattn/go-isatty"
)

// Options says how a process logs.
type Options struct {
	Name   string    // root name, such as agent
	Level  string    // trace, debug, info, warn or error
	Format string    // human or json
	Output io.Writer // nil: standard error
	Recent *Recent   // keeps the newest lines too; nil: nobody does
}

// New makes the root logger of a process. An unknown level or format is an
// error, so that a typing fault does not silence the log.
func New(o Options) (hclog.Logger, error) {
	level := hclog.LevelFromString(o.Level)
	if level == hclog.NoLevel {
		return nil, fmt.Errorf("unknown log level %q: use trace, debug, info, warn or error", o.Level)
	}
	if o.Format != "human" && o.Format != "json" {
		return nil, fmt.Errorf("unknown log format %q: use human or json", o.Format)
	}
	if o.Output == nil {
		o.Output = os.Stderr
	}
	opts := &hclog.LoggerOptions{
		Name:        o.Name,
		Level:       level,
		Output:      o.Output,
		JSONFormat:  o.Format == "json",
		TimeFormat:  "2006-01-02T15:04:05.000Z07:00",
		DisableTime: false,
		Color:       color(o),
		// Sub-loggers share the level, so that a reload changes all of them.
		IndependentLevels: false,
	}
	if o.Recent == nil {
		return hclog.New(opts), nil
	}
	logger := hclog.NewInterceptLogger(opts)
	logger.RegisterSink(hclog.NewSinkAdapter(&hclog.LoggerOptions{Level: level, Output: o.Recent, TimeFormat: opts.TimeFormat, Color: hclog.ColorOff}))
	return logger, nil
}

// color colours levels only for people who look at a terminal and did not ask
// for plain text (https://no-color.org).
func color(o Options) hclog.ColorOption {
	f, ok := o.Output.(*os.File)
	if !ok || o.Format == "json" || os.Getenv("NO_COLOR") != "" || !isatty.IsTerminal(f.Fd()) {
		return hclog.ColorOff
	}
	return hclog.ForceColor
}

// RequestIDKey is the key of request ids in log lines.
const RequestIDKey = "request_id"

type contextKey struct{}

// WithRequestID returns a context whose loggers name the request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// RequestID is the id of the request that ctx belongs to, or empty.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(contextKey{}).(string)
	return id
}

// With returns logger, naming the request of ctx when there is one. A nil
// logger becomes one that writes nothing.
func With(ctx context.Context, logger hclog.Logger) hclog.Logger {
	if logger == nil {
		return hclog.NewNullLogger()
	}
	if id := RequestID(ctx); id != "" {
		return logger.With(RequestIDKey, id)
	}
	return logger
}
