// SPDX-License-Identifier: Apache-2.0

//go:build e2e || soak

package e2e

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hivecloud/hive/internal/e2e/lab"
)

// region is three nodes that only pretend to run guests.
type region struct {
	*lab.Cluster
	instances int // half of them carry the tag that has them made anew where their node is lost or drained
	image     string
}

// lifeOf launches instances, kills one node and drains another. Nothing of it needs QEMU: the agents' PATH has none.
func lifeOf(t *testing.T, instances int) {
	t.Helper()
	t.Setenv("PATH", t.TempDir())
	r := &region{Cluster: lab.New(t, nil), instances: instances}
	r.Agent = []string{"--simulate-guests"}
	r.Three()
	r.takeImage()
	r.launch()
	r.saysSo()
	r.refusals()
	lost := r.loseOne()
	r.drainAnother(lost)
}

// lap says how long a step took; nothing is expected of it.
func (r *region) lap(what string) func() {
	begun := time.Now()
	return func() { r.T.Logf("%s: %v", what, time.Since(begun).Round(10*time.Millisecond)) }
}

// instance is what DescribeInstances says of one.
type instance struct {
	ID      string `xml:"instanceId"`
	State   string `xml:"instanceState>name"`
	Reason  string `xml:"stateReason>message"`
	Private string `xml:"privateIpAddress"`
	Tags    []struct {
		Key string `xml:"key"`
	} `xml:"tagSet>item"`
	node string // of the admin's list
}

// remakes tells whether the instance is to be made anew elsewhere.
func (i instance) remakes() bool { return len(i.Tags) > 0 }

// describe asks a node for all instances, by the API and for their nodes by the admin socket.
func (r *region) describe(through *lab.Node) (map[string]instance, error) {
	got, err := r.Call(r.T.Context(), through.Endpoint, "DescribeInstances", nil)
	if err != nil || got.Status != http.StatusOK {
		return nil, fmt.Errorf("DescribeInstances through %s: %d %w %s", through.Name, got.Status, err, got.Body)
	}
	var out struct {
		Instances []instance `xml:"reservationSet>item>instancesSet>item"`
	}
	if err := xml.Unmarshal(got.Body, &out); err != nil {
		return nil, err
	}
	rows, err := lab.Read[[]lab.Instance](r.Cluster, through, "instance", "list")
	if err != nil {
		return nil, err
	}
	at := map[string]string{}
	for _, row := range rows {
		at[row.ID] = row.Node
	}
	all := map[string]instance{}
	for _, i := range out.Instances {
		i.node = at[i.ID]
		all[i.ID] = i
	}
	return all, nil
}

// eventually waits until every instance is as it should be.
func (r *region) eventually(what string, through *lab.Node, ok func(instance) bool) map[string]instance {
	r.T.Helper()
	var all map[string]instance
	r.Eventually(what, func() (err error) {
		if all, err = r.describe(through); err != nil {
			return err
		}
		if len(all) != r.instances {
			return fmt.Errorf("%d instances", len(all))
		}
		for _, i := range all {
			if !ok(i) {
				return fmt.Errorf("%+v", i)
			}
		}
		return nil
	})
	return all
}

// takeImage imports a file: its bytes are read and hashed, and not kept.
func (r *region) takeImage() {
	r.T.Helper()
	raw := filepath.Join(r.Nodes[0].Dir, "nothing.raw")
	if err := os.WriteFile(raw, bytes.Repeat([]byte("no boot sector here\n"), 100_000), 0o644); err != nil {
		r.T.Fatal(err)
	}
	r.image = lab.Run[struct{ ID string }](r.Cluster, r.Nodes[0], "image", "import", raw, "--name", "nothing", "--format", "raw", "--boot-mode", "legacy-bios", "-q").ID
}

// launch runs half of the instances through one node and half through another; they spread over all three.
func (r *region) launch() {
	r.T.Helper()
	count := min(r.instances/2, 60) // of one call
	form := url.Values{"ImageId": {r.image}, "InstanceType": {"t3.nano"}, "MinCount": {fmt.Sprint(count)}, "MaxCount": {fmt.Sprint(count)}}
	r.Eventually("room for instances", func() error { // nodes tell what they have a moment after they joined
		nodes, err := lab.Read[[]struct{ State string }](r.Cluster, r.Nodes[0], "node", "list")
		if err == nil && (len(nodes) != 3 || nodes[0].State != "ready" || nodes[1].State != "ready" || nodes[2].State != "ready") {
			err = fmt.Errorf("%+v", nodes)
		}
		return err
	})
	running := r.lap(fmt.Sprintf("launched %d instances", r.instances))
	for range r.instances / 2 / count {
		r.OK(r.Nodes[1], "RunInstances", form)
	}
	for name, value := range map[string]string{"ResourceType": "instance", "Tag.1.Key": "hive:recovery", "Tag.1.Value": "remake"} {
		form.Set("TagSpecification.1."+name, value)
	}
	for range r.instances / 2 / count {
		r.OK(r.Nodes[2], "RunInstances", form)
	}
	all := r.eventually("all run", r.Nodes[0], func(i instance) bool { return i.State == "running" })
	running()
	spread := map[string]int{}
	for _, i := range all {
		spread[i.node]++
	}
	if share := r.instances / 3; spread["node1"] != share || spread["node2"] != share || spread["node3"] != share {
		r.T.Errorf("instances a node: %v, want an even spread", spread)
	}
}

// saysSo: nobody takes the region for a real one.
func (r *region) saysSo() {
	r.T.Helper()
	for _, n := range r.Nodes {
		status := lab.Run[struct {
			Problems    []string
			Accelerator struct{ Name string }
		}](r.Cluster, n, "admin", "status")
		if status.Accelerator.Name != "simulated" || !strings.Contains(strings.Join(status.Problems, "\n"), "simulated") {
			r.T.Errorf("the status of %s: %+v", n.Name, status)
		}
		if !strings.Contains(n.Tail(1<<20), "GUESTS AND VOLUMES OF THIS NODE ARE SIMULATED") {
			r.T.Errorf("the log of %s does not say that guests are simulated", n.Name)
		}
		for _, pid := range n.Processes() {
			if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && !bytes.Contains(line, []byte("\x00agent\x00")) {
				r.T.Errorf("%s runs %q", n.Name, line)
			}
		}
	}
	for _, n := range lab.Run[[]struct{ Node, Accelerator string }](r.Cluster, r.Nodes[1], "node", "list") {
		if n.Accelerator != "simulated" {
			r.T.Errorf("node list: %+v", n)
		}
	}
	list := lab.Run[[]struct {
		ID        string
		Simulated bool
	}](r.Cluster, r.Nodes[0], "instance", "list")
	for _, i := range list {
		if !i.Simulated {
			r.T.Errorf("instance list: %+v", i)
		}
	}
	id := list[0].ID
	for _, n := range r.Nodes {
		if out, err := r.Try(n, "instance", "console", id); err != nil || !strings.HasPrefix(string(out), "simulated guest "+id) {
			r.T.Errorf("console of %s through %s: %q %v", id, n.Name, out, err)
		}
	}
	r.OK(r.Nodes[0], "GetConsoleScreenshot", url.Values{"InstanceId": {id}})
}

// refusals: a simulated directory is not started as a real one, and in the simulation a restart is a power cut.
func (r *region) refusals() {
	r.T.Helper()
	n := r.Nodes[2]
	started := func() int { return strings.Count(n.Tail(1<<20), "executor: started guest") }
	before := started()
	n.Stop()
	if out, err := r.Try(n, "agent"); err == nil || !strings.Contains(err.Error(), "start it with --simulate-guests") {
		r.T.Errorf("a real start on a simulated directory: %v\n%s", err, out)
	}
	r.Start(n)
	r.Eventually("the guests of "+n.Name+", gone with its agent, are started again on the volumes that they had", func() error {
		if got := started(); got != before+r.instances/3 {
			return fmt.Errorf("guests started so far: %d, before the restart: %d", got, before)
		}
		return nil
	})
	r.eventually("all run again", n, func(i instance) bool { return i.State == "running" })
}

// loseOne kills an agent as a power cut would: its guests are gone with it. What is to be made anew runs elsewhere, the
// rest has stopped and says why.
func (r *region) loseOne() *lab.Node {
	r.T.Helper()
	lost, others := r.Leader(r.Nodes[0])
	before, err := r.describe(others[0])
	if err != nil {
		r.T.Fatal(err)
	}
	elsewhere := r.lap("killed a node with a third of them, all elsewhere or stopped")
	lost.Kill()
	r.eventually("the instances of "+lost.Name+" are elsewhere or explained", others[0], func(i instance) bool {
		switch {
		case before[i.ID].node != lost.Name:
			return i.State == "running" && i.node == before[i.ID].node
		case i.remakes():
			return i.State == "running" && i.node != lost.Name
		}
		return i.State == "stopped" && strings.Contains(i.Reason, "Server.InternalError") && strings.Contains(i.Reason, lost.Name)
	})
	elsewhere()
	r.Start(lost)
	form := url.Values{}
	for _, i := range before {
		if i.node == lost.Name && !i.remakes() {
			form.Set(fmt.Sprintf("InstanceId.%d", len(form)+1), i.ID)
		}
	}
	r.Eventually(lost.Name+" takes its instances back", func() error { // it registers again, and its volumes are still there
		got, err := r.Call(r.T.Context(), others[1].Endpoint, "StartInstances", form)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return err
	})
	r.eventually("all run", lost, func(i instance) bool { return i.State == "running" })
	return lost
}

// drainAnother empties a node and counts afterwards: instances, addresses, and what the nodes say they hold.
func (r *region) drainAnother(lost *lab.Node) {
	r.T.Helper()
	drained := r.Nodes[0]
	if drained == lost {
		drained = r.Nodes[1]
	}
	before, err := r.describe(lost)
	if err != nil {
		r.T.Fatal(err)
	}
	empty := r.lap("drained another")
	out := r.Told(lost, "node", "drain", drained.Name)
	empty()
	if !strings.Contains(out, "nothing runs on the node any more") || strings.Count(out, ": stopping") == 0 {
		r.T.Errorf("progress of the drain:\n%s", out)
	}
	stopped := 0
	all := r.eventually("the node is empty", lost, func(i instance) bool {
		switch {
		case before[i.ID].node != drained.Name:
			return i.State == "running"
		case i.remakes():
			return i.State == "running" && i.node != drained.Name
		}
		return i.State == "stopped" && i.Reason != ""
	})
	addresses := map[string]bool{}
	running := map[string]int{}
	for _, i := range all {
		addresses[i.Private] = true
		if i.State == "running" {
			running[i.node]++
		} else {
			stopped++
		}
	}
	if len(addresses) != r.instances {
		r.T.Errorf("%d addresses for %d instances", len(addresses), r.instances)
	}
	if running[drained.Name] != 0 || stopped == 0 {
		r.T.Errorf("running: %v, stopped: %d", running, stopped)
	}
	for _, n := range lab.Run[[]struct {
		Node      string
		State     string
		Instances int
	}](r.Cluster, lost, "node", "list") {
		if n.Instances != running[n.Node] || (n.State == "draining") != (n.Node == drained.Name) {
			r.T.Errorf("%+v, want %d instances", n, running[n.Node])
		}
	}
	r.Same(r.Nodes...)
}
