// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package netns

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hivecloud/hive/internal/e2e/lab"
)

type upgrade struct {
	Node        string `json:"name"`
	FormatLevel int    `json:"formatLevel"`
	Version     string `json:"version"`
}

// TestRollingUpgrade_FromTheFirstRelease: a region of the first release becomes one of this version node by node, under
// clients of the one URL and with a guest, and is restarted node by node after that. No client sees an error, the guest
// sees nothing, and the operator raises the format level at the end.
func TestRollingUpgrade_FromTheFirstRelease(t *testing.T) {
	under := lab.New(t, nil).Hive
	r := newRegion(t, release(t))
	guest := r.launch(1)[0]
	home := r.on(guest)
	pids := guests(home, guest.ID)
	w := r.write(r.Virtual(), "upgrade")

	r.rolling(w, func(n *lab.Node) {
		if _, err := r.Try(n, "admin", "upgrade", "finalize", "--yes"); err == nil {
			t.Errorf("the format level was raised while nodes run the old version")
		}
		install(t, n, under)
	})
	r.Hive = under
	r.rolling(w, func(*lab.Node) {})
	r.end(w)
	if now := guests(home, guest.ID); !slices.Equal(now, pids) || len(now) != 1 {
		t.Errorf("the guest's QEMU was %v and is %v", pids, now)
	}
	was := r.watch.ticks(guest.ID, home.Name)
	r.Eventually("the guest ticks on", func() error {
		if now := r.watch.ticks(guest.ID, home.Name); now <= was {
			return fmt.Errorf("%d ticks", now)
		}
		return nil
	})
	if boots := boots(t, home, guest.ID); boots != 1 {
		t.Errorf("the guest was started %d times", boots)
	}
	r.finalized()
}

// rolling stops the agent of one node after the other, the leader's last, and starts it again after a change.
func (r *region) rolling(w *writer, change func(*lab.Node)) {
	r.T.Helper()
	leader, others := r.Leader(r.Nodes[0])
	for _, n := range append(others, leader) {
		r.more(w, 3)
		n.Stop()
		change(n)
		r.Start(n)
		r.Peers(3, 0, r.Nodes...)
	}
	r.more(w, 3)
}

// finalized raises the format level and finds it on every node.
func (r *region) finalized() {
	r.T.Helper()
	r.Eventually("every node has told its version", func() error {
		for _, n := range lab.Run[[]upgrade](r.Cluster, r.Nodes[0], "admin", "upgrade", "status") {
			if n.FormatLevel < 2 {
				return fmt.Errorf("%+v", n)
			}
		}
		return nil
	})
	if level := r.level(r.Nodes[0]); level != 1 {
		r.T.Errorf("format level %d before the operator ended the upgrade", level)
	}
	if _, err := r.Try(r.Nodes[1], "admin", "upgrade", "finalize", "--yes"); err != nil {
		r.T.Fatal(err)
	}
	r.Same(r.Nodes...)
	for _, n := range r.Nodes {
		if level := r.level(n); level < 2 {
			r.T.Errorf("%s is at format level %d after the upgrade", n.Name, level)
		}
	}
}

func (r *region) level(n *lab.Node) int {
	r.T.Helper()
	return lab.Run[struct{ FormatLevel int }](r.Cluster, n, "raft", "status").FormatLevel
}

// install gives a node another binary, as a package would: by rename, for the old one is running.
func install(t *testing.T, n *lab.Node, binary string) {
	t.Helper()
	path := filepath.Join(n.Dir, "hive")
	in, err := os.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	n.Hive = path
}

// boots is how often the guest's ticks began.
func boots(t *testing.T, n *lab.Node, id string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.Dir, "guests", id, "vm", "console.log"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(strings.ReplaceAll(string(text), "\r", ""), "tick 1\n")
}
