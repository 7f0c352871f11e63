// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/doctor"
)

// Limits of a bundle.
const (
	logTail   = 1 << 20  // of each log file
	partLimit = 32 << 20 // of each part
	maxGuests = 100      // whose logs are taken
)

// Options says of which node a bundle is.
type Options struct {
	Config   *config.Config
	Client   *admin.Client
	Machine  doctor.Machine
	Version  string
	Revision string
}

// Manifest says what went in.
type Manifest struct {
	Created time.Time         `json:"created"`
	Node    string            `json:"node"`
	Files   []string          `json:"files"`
	Errors  map[string]string `json:"errors,omitempty"` // part -> why it is not there
}

// part is one file of a bundle.
type part struct {
	name string
	read func(context.Context) ([]byte, error)
}

// Write collects everything and writes it as tar.gz. Parts that cannot be had are no error.
func Write(ctx context.Context, w io.Writer, o Options) (Manifest, error) {
	m := Manifest{Created: time.Now().UTC().Truncate(time.Second), Node: o.Config.Node.Name, Errors: map[string]string{}}
	scrub := NewScrubber(o.Config.Node.DataDir)
	zip := gzip.NewWriter(w)
	out := tar.NewWriter(zip)
	root := "hive-" + o.Config.Node.Name + "-" + m.Created.Format("20060102T150405Z") + "/"
	put := func(name string, text []byte) error {
		text = scrub.Scrub(text)
		if err := out.WriteHeader(&tar.Header{Name: root + name, Mode: 0o600, Size: int64(len(text)), ModTime: m.Created}); err != nil {
			return fmt.Errorf("write %s into bundle: %w", name, err)
		}
		if _, err := out.Write(text); err != nil {
			return fmt.Errorf("write %s into bundle: %w", name, err)
		}
		m.Files = append(m.Files, name)
		return nil
	}
	for _, p := range o.parts() {
		text, err := p.read(ctx)
		if err != nil {
			m.Errors[p.name] = string(scrub.Scrub([]byte(err.Error())))
			continue
		}
		if err := put(p.name, text); err != nil {
			return m, err
		}
	}
	text, err := encode(m)
	if err != nil {
		return m, err
	}
	return m, errors.Join(put("manifest.json", text), out.Close(), zip.Close())
}

// parts lists what is collected.
func (o Options) parts() []part {
	c := o.Client
	parts := []part{
		{"version.json", o.version},
		{"config.hcl", func(context.Context) ([]byte, error) { return []byte(o.Config.HCL(true)), nil }},
		{"doctor.json", func(ctx context.Context) ([]byte, error) {
			return encode(doctor.Run(ctx, o.Config, o.Machine, []string{"accelerator"}))
		}},
		{"status.json", ask(c.Status)}, {"members.json", ask(c.Members)}, {"nodes.json", ask(c.Nodes)},
		{"raft-status.json", ask(c.RaftStatus)}, {"raft-peers.json", ask(c.RaftPeers)}, {"settings.json", ask(c.Settings)},
	}
	names := map[string]string{admin.DebugGoroutines: "goroutines.txt", admin.DebugLog: "logs/agent.log", admin.DebugMetrics: "metrics.txt", admin.DebugState: "state.json"}
	for _, id := range admin.DebugParts() {
		parts = append(parts, part{names[id], func(ctx context.Context) ([]byte, error) {
			r, err := c.Debug(ctx, id)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return io.ReadAll(io.LimitReader(r, partLimit))
		}})
	}
	return append(parts, o.logs()...)
}

// logs are the files of the other processes. A guest's serial log is its owner's and stays where it is.
func (o Options) logs() []part {
	parts := []part{tail("logs/blockd.log", filepath.Join(o.Config.Node.DataDir, "log", "blockd.log"))}
	found, _ := filepath.Glob(filepath.Join(o.Config.Node.DataDir, "guests", "*", "guard.log")) // a constant pattern is valid
	for _, file := range found[:min(len(found), maxGuests)] {
		dir := filepath.Dir(file)
		for _, name := range []string{"guard.log", "qemu.log"} {
			parts = append(parts, tail("logs/"+filepath.Base(dir)+"."+name, filepath.Join(dir, name)))
		}
	}
	return parts
}

func (o Options) version(ctx context.Context) ([]byte, error) {
	kernel, err := o.Machine.ReadFile("/proc/version")
	if err != nil {
		kernel = err.Error()
	}
	qemu, err := o.Machine.Output(ctx, o.Config.Compute.QEMUBinary, "--version")
	if err != nil {
		qemu = err.Error()
	}
	qemu, _, _ = strings.Cut(qemu, "\n")
	return encode(map[string]any{"hive": o.Version, "revision": o.Revision, "go": runtime.Version(), "kernel": strings.TrimSpace(kernel), "qemu": qemu,
		"cpus": o.Machine.CPUs, "memory": o.Machine.Memory})
}

// ask makes a call of the agent a part.
func ask[T any](call func(context.Context) (T, error)) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		answer, err := call(ctx)
		if err != nil {
			return nil, err
		}
		return encode(answer)
	}
}

// tail is the end of a log file.
func tail(name, path string) part {
	return part{name, func(context.Context) ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.NewSectionReader(f, max(0, st.Size()-logTail), logTail))
		if _, rest, cut := bytes.Cut(text, []byte("\n")); cut && st.Size() > logTail {
			text = rest // half a line could be half a secret
		}
		return text, err
	}}
}

func encode(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode part of bundle: %w", err)
	}
	return append(text, '\n'), nil
}
