// SPDX-License-Identifier: Apache-2.0

//go:build e2e || soak

package netns

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hivecloud/hive/internal/e2e/lab"
)

func TestMain(m *testing.M) {
	prepareRelease() // modules come from the network, which is not there inside
	os.Exit(lab.Main(m))
}

// region is a cluster in namespaces whose guests tick on their serial lines.
type region struct {
	*lab.Cluster
	image string
	watch *watch
	board string // the resource whose tags clients count in
}

// newRegion makes a region of three nodes. hive is their binary; empty: the one under test.
func newRegion(t *testing.T, hive string) *region {
	t.Helper()
	c := lab.New(t, lab.NewNet(t))
	if hive != "" {
		c.Hive = hive
	}
	c.Extra = "limits {\n  api_rps = 100000\n}\n"
	r := &region{Cluster: c}
	c.Three()
	return r
}

// importMicro brings the micro image in.
func (r *region) importMicro() {
	r.T.Helper()
	cache := os.Getenv("HIVE_CACHE")
	if cache == "" {
		cache = filepath.Join(os.TempDir(), "hive-cache")
	}
	raw := filepath.Join(cache, "hive-micro.raw")
	if _, err := os.Stat(raw); err != nil {
		if out, err := exec.Command(r.Hive, "image", "build-micro", "--cache", cache, raw).CombinedOutput(); err != nil {
			r.T.Fatalf("build micro image: %v\n%s", err, out)
		}
	}
	r.image = lab.Run[struct{ ID string }](r.Cluster, r.Nodes[0], "image", "import", raw, "--name", "hive-micro", "--boot-mode", "legacy-bios", "-q").ID
}

// ticking is user data that writes a line to the serial console again and again: whoever sees it grow sees a guest run.
const ticking = "#!/bin/sh\nn=0\nwhile :; do n=$((n+1)); echo \"tick $n\" >/dev/console; sleep 0.3; done\n"

// launch runs count guests and waits until all tick, as spread over the nodes as may be.
func (r *region) launch(count int) []lab.Instance {
	r.T.Helper()
	if r.image == "" {
		r.importMicro()
	}
	n := fmt.Sprint(count)
	form := url.Values{"ImageId": {r.image}, "InstanceType": {"t3.nano"}, "MinCount": {n}, "MaxCount": {n}, "UserData": {base64.StdEncoding.EncodeToString([]byte(ticking))}}
	r.Eventually("room for "+n+" instances", func() error { // nodes tell what they have a moment after they joined
		got, err := r.Call(r.T.Context(), r.Nodes[0].Endpoint, "RunInstances", form)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return err
	})
	all := lab.Run[[]lab.Instance](r.Cluster, r.Nodes[0], "instance", "list")
	r.watch = newWatch(r, all)
	for _, i := range all {
		r.Eventually(i.ID+" ticks", func() error {
			seen := r.instance(r.Nodes[0], i.ID)
			if r.watch.ticks(i.ID, r.on(seen).Name) < 3 {
				return fmt.Errorf("%+v", seen)
			}
			return nil
		})
	}
	return lab.Run[[]lab.Instance](r.Cluster, r.Nodes[0], "instance", "list")
}

// instance is an instance as a node sees it; zero while the node cannot answer.
func (r *region) instance(ask *lab.Node, id string) lab.Instance {
	all, err := lab.Read[[]lab.Instance](r.Cluster, ask, "instance", "list", "--timeout", "5s")
	if at := slices.IndexFunc(all, func(i lab.Instance) bool { return i.ID == id }); err == nil && at >= 0 {
		return all[at]
	}
	return lab.Instance{}
}

// on is the node of an instance, or one without a name.
func (r *region) on(i lab.Instance) *lab.Node {
	for _, n := range r.Nodes {
		if n.Name == i.Node {
			return n
		}
	}
	return &lab.Node{}
}

// others are all nodes but one.
func (r *region) others(but *lab.Node) []*lab.Node {
	return slices.DeleteFunc(slices.Clone(r.Nodes), func(n *lab.Node) bool { return n == but })
}

// tag sets a tag of an instance.
func (r *region) tag(ask *lab.Node, id, key, value string) {
	r.T.Helper()
	r.OK(ask, "CreateTags", url.Values{"ResourceId.1": {id}, "Tag.1.Key": {key}, "Tag.1.Value": {value}})
}

// stateReason is what DescribeInstances says of why an instance is in its state.
func (r *region) stateReason(ask *lab.Node, id string) (code, message string) {
	r.T.Helper()
	var out struct {
		Code    string `xml:"reservationSet>item>instancesSet>item>stateReason>code"`
		Message string `xml:"reservationSet>item>instancesSet>item>stateReason>message"`
	}
	if err := xml.Unmarshal(r.OK(ask, "DescribeInstances", url.Values{"InstanceId.1": {id}}), &out); err != nil {
		r.T.Fatal(err)
	}
	return out.Code, out.Message
}

// guests are the QEMUs of an instance on a node.
func guests(n *lab.Node, id string) []int {
	var out []int
	for _, pid := range n.Processes() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if bytes.Contains(line, []byte("guest="+id)) {
			out = append(out, pid)
		}
	}
	return out
}

// single fails unless every running instance has exactly one QEMU anywhere, on its node, and others have none.
func (r *region) single() {
	r.T.Helper()
	r.Eventually("one guest a running instance, where the region says", func() error {
		for _, i := range lab.Run[[]lab.Instance](r.Cluster, r.Nodes[0], "instance", "list") {
			for _, n := range r.Nodes {
				want := 0
				if i.State == "running" && i.Node == n.Name {
					want = 1
				}
				if got := guests(n, i.ID); len(got) != want {
					return fmt.Errorf("%s (%s on %s) has %d guests on %s", i.ID, i.State, i.Node, len(got), n.Name)
				}
			}
		}
		return nil
	})
}

// counter is the form of a call that writes a count into a tag: it may be made twice, as clients do that got no answer.
func (r *region) counter(key string, count int) url.Values {
	return url.Values{"ResourceId.1": {r.board}, "Tag.1.Key": {key}, "Tag.1.Value": {strconv.Itoa(count)}}
}

// makeBoard makes the resource that counters are kept at.
func (r *region) makeBoard() {
	r.T.Helper()
	var made struct {
		ID string `xml:"keyPairId"`
	}
	if err := xml.Unmarshal(r.OK(r.Nodes[0], "CreateKeyPair", lab.KeyName("board")), &made); err != nil || made.ID == "" {
		r.T.Fatalf("make a board: %q %v", made.ID, err)
	}
	r.board = made.ID
}

// counted fails when a node knows less of a counter than was acknowledged.
func (r *region) counted(n *lab.Node, key string, acked int) {
	r.T.Helper()
	var out struct {
		Values []int `xml:"tagSet>item>value"`
	}
	form := url.Values{"Filter.1.Name": {"resource-id"}, "Filter.1.Value.1": {r.board}, "Filter.2.Name": {"key"}, "Filter.2.Value.1": {key}}
	r.Eventually("counters of "+n.Name, func() error {
		got, err := r.Call(r.T.Context(), n.Endpoint, "DescribeTags", form)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		if err != nil {
			return err
		}
		return xml.Unmarshal(got.Body, &out)
	})
	if acked > 0 && (len(out.Values) != 1 || out.Values[0] < acked) {
		r.T.Errorf("%s counted to %d, acknowledged, and %s has %v", key, acked, n.Name, out.Values)
	}
}

// writer is a botocore process that counts at one URL.
type writer struct {
	key string
	cmd *exec.Cmd
	in  io.Closer

	mu    sync.Mutex
	lines []written
	done  chan struct{}
}

type written struct {
	Error          string
	Count, Retries int
	Seconds        float64
}

// write starts a writer at an endpoint.
func (r *region) write(endpoint, key string) *writer {
	r.T.Helper()
	if r.board == "" {
		r.makeBoard()
	}
	w := &writer{key: key, cmd: exec.Command(python(), "testdata/writer.py", r.board, key), done: make(chan struct{})}
	w.cmd.Env = r.AWS(endpoint)
	w.cmd.Stderr = os.Stderr
	in, err := w.cmd.StdinPipe()
	if err != nil {
		r.T.Fatal(err)
	}
	out, err := w.cmd.StdoutPipe()
	if err == nil {
		err = w.cmd.Start()
	}
	if err != nil {
		r.T.Fatal(err)
	}
	w.in = in
	go func() {
		defer close(w.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var one written
			if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
				one.Error = err.Error()
			}
			w.mu.Lock()
			w.lines = append(w.lines, one)
			w.mu.Unlock()
		}
	}()
	r.T.Cleanup(func() { _ = w.cmd.Process.Kill() })
	return w
}

func (w *writer) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.lines)
}

// more waits until the writer has done n more calls.
func (r *region) more(w *writer, n int) {
	r.T.Helper()
	until := w.count() + n
	r.Eventually(fmt.Sprintf("%d more writes", n), func() error {
		if got := w.count(); got < until {
			return fmt.Errorf("%d of %d", got, until)
		}
		return nil
	})
}

// end ends the writer; it fails for every call that failed, and for a node that lacks what was acknowledged.
func (r *region) end(w *writer) (calls int) {
	r.T.Helper()
	_ = w.in.Close()
	<-w.done
	_ = w.cmd.Wait()
	retries, slowest, acked := 0, 0.0, 0
	for _, one := range w.lines {
		if one.Error != "" {
			r.T.Errorf("a client with default retries saw an error after %.1f s: %s", one.Seconds, one.Error)
			continue
		}
		acked = one.Count
		retries += one.Retries
		slowest = max(slowest, one.Seconds)
	}
	r.T.Logf("%d calls by botocore, %d tried again, the slowest took %.2f s", len(w.lines), retries, slowest)
	for _, n := range r.Nodes {
		r.counted(n, w.key, acked)
	}
	return len(w.lines)
}

// kept fails for every name that a node does not know.
func (r *region) kept(n *lab.Node, names []string) {
	r.T.Helper()
	known := r.KeyPairs(n)
	for _, name := range names {
		if !known[name] {
			r.T.Errorf("%s was acknowledged and is not on %s", name, n.Name)
		}
	}
}

// python is an interpreter that has botocore: the one in PATH, or the system's.
func python() string {
	for _, candidate := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(candidate, "-c", "import botocore").Run() == nil {
			return candidate
		}
	}
	return "python3"
}

// seconds is for logs.
func seconds(d time.Duration) string {
	return strings.TrimSpace(fmt.Sprintf("%.1f s", d.Seconds()))
}
