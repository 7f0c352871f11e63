// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newTop(a *app) *cobra.Command {
	var once bool
	var every time.Duration
	cmd := &cobra.Command{
		Use: "top", Short: "Watch nodes and instances: what is sold, and what guests use", Args: exactArgs(),
		Long: "Watch the nodes with what they have sold and the running instances, the busiest first. CPU is of one core since\n" +
			"the last look, TIME since the guest began; both are known of the guests of this node. Ends with Ctrl-C.",
		Example: "  hive top\n  hive top --once -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < 100*time.Millisecond {
				return admin.Errorf(admin.KindUsage, "use --interval 2s or so", "an interval of %s is too short", every)
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			if once {
				look, err := a.look(cmd.Context(), client, topView{})
				if err != nil {
					return err
				}
				return a.printTop(look)
			}
			return a.watchTop(cmd.Context(), client, every)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "look once and end, for scripts")
	cmd.Flags().DurationVar(&every, "interval", 2*time.Second, "time between two looks")
	return cmd
}

// topView is one look at the region.
type topView struct {
	At        time.Time     `json:"at"`
	Region    string        `json:"region"`
	Leader    string        `json:"leader"`
	Target    int           `json:"targetNodes"`
	Nodes     []admin.Node  `json:"nodes"`
	Instances []topInstance `json:"instances"` // that are not stopped or gone
	All       int           `json:"allInstances"`
}

// topInstance is an instance with what it uses.
type topInstance struct {
	admin.Instance
	CPUSeconds *float64 `json:"cpuSeconds,omitempty"` // since the guest began; nil: not a guest of this node
	CPUPercent *float64 `json:"cpuPercent,omitempty"` // of one core since the last look; nil: there was none
}

// watchTop looks until the user has seen enough.
func (a *app) watchTop(ctx context.Context, client *admin.Client, every time.Duration) error {
	var last topView
	for {
		look, err := a.look(ctx, client, last)
		if errors.Is(err, context.Canceled) {
			return nil
		}
		if err != nil {
			return err
		}
		if isTerminal(a.stdout) {
			fmt.Fprint(a.stdout, "\x1b[H\x1b[2J") // to the top, and clear
		}
		if err := a.printTop(look); err != nil {
			return err
		}
		last = look
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
			fmt.Fprintln(a.stdout)
		}
	}
}

// look asks the agent once.
func (a *app) look(ctx context.Context, client *admin.Client, last topView) (topView, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	status, err := client.Status(ctx)
	if err != nil {
		return topView{}, err
	}
	v := topView{At: time.Now(), Region: status.Region, Leader: status.Leader, Target: status.TargetNodes, Instances: []topInstance{}}
	if v.Nodes, err = client.Nodes(ctx); err != nil {
		return v, err
	}
	all, err := client.Instances(ctx, "")
	if err != nil {
		return v, err
	}
	used, err := cpuSeconds(ctx, client)
	if err != nil {
		return v, err
	}
	v.All = len(all)
	for _, i := range all {
		if i.State == "stopped" || i.State == "terminated" {
			continue
		}
		t := topInstance{Instance: i}
		if s, ok := used[i.ID]; ok {
			t.CPUSeconds = &s
			t.CPUPercent = last.percent(i.ID, s, v.At)
		}
		v.Instances = append(v.Instances, t)
	}
	slices.SortStableFunc(v.Instances, func(x, y topInstance) int {
		return cmp.Or(cmp.Compare(value(y.CPUPercent), value(x.CPUPercent)), cmp.Compare(value(y.CPUSeconds), value(x.CPUSeconds)), cmp.Compare(x.ID, y.ID))
	})
	return v, nil
}

func value(f *float64) float64 {
	if f == nil {
		return -1
	}
	return *f
}

// percent is the use of one core since this look; nil when a guest was not seen then, or began anew.
func (v topView) percent(id string, now float64, at time.Time) *float64 {
	for _, i := range v.Instances {
		if i.ID == id && i.CPUSeconds != nil && now >= *i.CPUSeconds && at.After(v.At) {
			p := (now - *i.CPUSeconds) / at.Sub(v.At).Seconds() * 100
			return &p
		}
	}
	return nil
}

// cpuSeconds reads the CPU time of this node's guests from its metrics.
func cpuSeconds(ctx context.Context, client *admin.Client) (map[string]float64, error) {
	r, err := client.Debug(ctx, admin.DebugMetrics)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := map[string]float64{}
	lines := bufio.NewScanner(io.LimitReader(r, 64<<20))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), `hive_instance_cpu_seconds_total{instance_id="`)
		if !ok {
			continue
		}
		id, text, _ := strings.Cut(rest, `"} `)
		if seconds, err := strconv.ParseFloat(text, 64); err == nil {
			out[id] = seconds
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	return out, nil
}

func (a *app) printTop(v topView) error {
	if form, _ := outputForm(a.output); form != "table" && form != "wide" {
		return printItem(a, "Top", v, []column[topView]{})
	}
	fmt.Fprintf(a.stdout, "%s: leader %s, %d of %s, %d of %s up\n\n", v.Region, oneLine(v.Leader), len(v.Nodes), plural(v.Target, "node"), len(v.Instances), plural(v.All, "instance"))
	if err := printList(a, "Node", v.Nodes, topNodeColumns); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	return printList(a, "Instance", v.Instances, topInstanceColumns)
}

// share is used of total with its percentage.
func share(used, total float64, digits int) string {
	text := strconv.FormatFloat(used, 'f', digits, 64) + "/" + strconv.FormatFloat(total, 'f', digits, 64)
	if total <= 0 {
		return text
	}
	return fmt.Sprintf("%s %3.0f%%", text, used/total*100)
}

var topNodeColumns = []column[admin.Node]{
	{"NODE", false, func(n admin.Node) string { return n.Node }},
	{"STATE", false, func(n admin.Node) string { return n.State }},
	{"INSTANCES", false, func(n admin.Node) string { return strconv.Itoa(n.Instances) }},
	{"VCPUS", false, func(n admin.Node) string { return share(n.VCPUsAllocated, n.VCPUs, 1) }},
	{"MEMORY-GIB", false, func(n admin.Node) string {
		return share(float64(n.MemoryAllocated)/(1<<30), float64(n.Memory)/(1<<30), 1)
	}},
	{"AZ", true, func(n admin.Node) string { return n.AZ }},
}

var topInstanceColumns = []column[topInstance]{
	{"INSTANCE", false, func(i topInstance) string { return i.ID }},
	{"NAME", false, func(i topInstance) string { return i.Name }},
	{"TYPE", false, func(i topInstance) string { return i.Type }},
	{"NODE", false, func(i topInstance) string { return i.Node }},
	{"STATE", false, func(i topInstance) string { return i.State }},
	{"CPU", false, func(i topInstance) string {
		if i.CPUPercent == nil {
			return ""
		}
		return fmt.Sprintf("%.0f%%", *i.CPUPercent)
	}},
	{"TIME", false, func(i topInstance) string {
		if i.CPUSeconds == nil {
			return ""
		}
		return (time.Duration(*i.CPUSeconds * float64(time.Second))).Round(100 * time.Millisecond).String()
	}},
	{"ACCOUNT", true, func(i topInstance) string { return i.Account }},
	{"PUBLIC-IP", true, func(i topInstance) string { return i.PublicIP }},
}
