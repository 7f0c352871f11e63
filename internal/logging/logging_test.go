// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func mustNew(t *testing.T, o Options) hclog.Logger {
	t.Helper()
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestJSONLine_HasModuleMessageAndRequestID(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	root := mustNew(t, Options{Name: "agent", Level: "info", Format: "json", Output: &out})
	ctx := WithRequestID(t.Context(), "req-1")
	With(ctx, root.Named("api")).Info("answered", "action", "RunInstances")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	want := map[string]string{"@module": "agent.api", "@message": "answered", "@level": "info", "action": "RunInstances", RequestIDKey: "req-1"}
	for k, v := range want {
		if line[k] != v {
			t.Errorf("%s: got %v, want %s", k, line[k], v)
		}
	}
	if line["@timestamp"] == nil {
		t.Error("no timestamp")
	}
}

func TestHumanLine_IsPlainWhenNotATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	mustNew(t, Options{Level: "debug", Format: "human", Output: &out}).Debug("seen", "n", 1)
	if got := out.String(); !strings.Contains(got, "[DEBUG] seen: n=1") || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
}

func TestSetLevel_ReachesEarlierSubLoggers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	root := mustNew(t, Options{Level: "warn", Format: "human", Output: &out})
	sub := root.Named("raft")
	sub.Info("hidden")
	root.SetLevel(hclog.Info)
	sub.Info("shown")
	if got := out.String(); strings.Contains(got, "hidden") || !strings.Contains(got, "shown") {
		t.Errorf("got %q", got)
	}
}

func TestWith_NoRequestAndNoLogger(t *testing.T) {
	t.Parallel()
	With(t.Context(), nil).Error("goes nowhere")
	if RequestID(t.Context()) != "" {
		t.Error("a request id out of nothing")
	}
}

func TestUnknownLevelAndFormat_Refused(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Level: "loud", Format: "human"}, {Level: "info", Format: "xml"}} {
		if _, err := New(o); err == nil {
			t.Errorf("accepted %+v", o)
		}
	}
}
