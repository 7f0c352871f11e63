// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/doctor"
	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/vfs"
)

const (
	secretKey = "wJalrXUtnFEMIK7MDENGbPxRfiCYCANARYKEY123" // as AWS's are: 40 characters
	userData  = "#cloud-config canary-of-the-user-data"
)

// nodeWithSecrets is a data directory with every kind of secret; canaries are strings that must be in no bundle.
func nodeWithSecrets(t *testing.T) (dir string, canaries map[string]string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "bun") // socket paths are limited to 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	canaries = map[string]string{"access key secret": secretKey, "user data": userData, "gossip key": hex.EncodeToString([]byte("canary-of-the-gossip-32-bytes-xx"))}
	for _, sub := range []string{"run", "log", "guests/i-1"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := seal.Generate().Save(filepath.Join(dir, "cluster.key")); err != nil {
		t.Fatal(err)
	}
	if err := pki.NewDir(vfs.OS(), filepath.Join(dir, "pki")).CreateAuthorities("c-1"); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "gossip.key"), canaries["gossip key"]+"\n")
	write(t, filepath.Join(dir, "guests/i-1/seed.img"), userData)
	write(t, filepath.Join(dir, "guests/i-1/serial.log"), userData)
	canaries["cluster key"] = strings.Fields(read(t, filepath.Join(dir, "cluster.key")))[4]
	for _, name := range []string{"ca", "api-ca"} {
		canaries[name+" key"] = strings.Split(read(t, filepath.Join(dir, "pki", name+".key")), "\n")[1]
	}
	return dir, canaries
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// leaky is an agent that logs everything it should not.
func leaky(t *testing.T, socket, log string) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc(admin.RouteDebug, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s of the agent\n%s", r.PathValue("id"), log)
	})
	mux.HandleFunc(admin.RouteRaftStatus, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(admin.RaftStatus{Term: 7}) })
	srv, done := &http.Server{Handler: mux}, make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close(); <-done })
}

// unpack returns the files of a bundle by their name below its directory.
func unpack(t *testing.T, b []byte) map[string]string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(path.Clean(h.Name), "/")
		files[name] = string(text)
	}
}

func options(t *testing.T, dir string) Options {
	t.Helper()
	cfg, diags := config.Load(config.Sources{Flags: map[string]string{"data-dir": dir, "node": "n1", "api": "127.0.0.1:0", "cluster": "127.0.0.1:0"}})
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	return Options{Config: cfg, Client: admin.NewClient(cfg.AdminSocket()), Machine: doctor.Host(), Version: "0.1.0", Revision: "abc"}
}

func TestBundle_HoldsNoSecretEvenWhenTheLogsDo(t *testing.T) {
	t.Parallel()
	dir, canaries := nodeWithSecrets(t)
	leak := "control of the search\nkey " + canaries["cluster key"] + " and " + canaries["gossip key"] + "\n" +
		`{"SecretAccessKey": "` + secretKey + `"}` + "\nsecret_access_key=" + secretKey + "\n" + read(t, filepath.Join(dir, "pki/ca.key")) +
		"line " + canaries["api-ca key"] + "\n"
	leaky(t, filepath.Join(dir, "run/admin.sock"), leak)
	write(t, filepath.Join(dir, "log/blockd.log"), leak)
	write(t, filepath.Join(dir, "guests/i-1/guard.log"), leak)
	var b bytes.Buffer
	m, err := Write(t.Context(), &b, options(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	files := unpack(t, b.Bytes())
	for name, text := range files {
		for what, canary := range canaries {
			if strings.Contains(text, canary) {
				t.Errorf("%s holds the %s", name, what)
			}
		}
	}
	for _, name := range []string{"logs/agent.log", "logs/blockd.log", "logs/i-1.guard.log", "goroutines.txt", "metrics.txt", "state.json"} {
		if !strings.Contains(files[name], "control of the search") {
			t.Errorf("%s is not what was there: %q", name, files[name])
		}
	}
	for _, name := range []string{"version.json", "config.hcl", "doctor.json", "raft-status.json", "manifest.json"} {
		if len(files[name]) == 0 {
			t.Errorf("no %s", name)
		}
	}
	if len(m.Files) != len(files) || m.Errors["members.json"] == "" || m.Errors["logs/i-1.qemu.log"] == "" {
		t.Errorf("%+v", m)
	}
}

// A node whose agent is down is the one that a bundle is wanted of.
func TestBundle_WithoutAnAgent(t *testing.T) {
	t.Parallel()
	dir, _ := nodeWithSecrets(t)
	write(t, filepath.Join(dir, "log/blockd.log"), strings.Repeat("x", logTail)+"\nthe end\n")
	var b bytes.Buffer
	m, err := Write(t.Context(), &b, options(t, dir))
	if err != nil || m.Errors["status.json"] == "" {
		t.Fatalf("%+v, %v", m, err)
	}
	files := unpack(t, b.Bytes())
	if files["logs/blockd.log"] != "the end\n" || files["doctor.json"] == "" {
		t.Errorf("log %.40q", files["logs/blockd.log"])
	}
}
