// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"strconv"
	"strings"
)

// Forwarded asks user networking for the connections that came in through its forwarded ports: the TCP states ("SYN_SENT",
// "ESTABLISHED") by the host's port. A port without connections is absent. The monitor has them as text for people
// only ("info usernet"); what is not understood is left out.
func (m *Monitor) Forwarded(ctx context.Context) (map[uint16][]string, error) {
	var text string
	if err := m.client.Execute(ctx, "human-monitor-command", map[string]any{"command-line": "info usernet"}, &text); err != nil {
		return nil, err
	}
	return parseUsernet(text), nil
}

// parseUsernet reads lines of the form "  TCP[SYN_SENT]  37  127.0.0.1 35561  172.31.0.4  22  0  0". Connections that the
// guest opened have its address as their source, forwarded ones the host's.
func parseUsernet(text string) map[uint16][]string {
	out := map[uint16][]string{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 6 || f[2] != "127.0.0.1" {
			continue
		}
		state, isTCP := strings.CutPrefix(f[0], "TCP[")
		port, err := strconv.ParseUint(f[3], 10, 16)
		if state = strings.TrimSuffix(state, "]"); !isTCP || err != nil || state == "HOST_FORWARD" {
			continue
		}
		out[uint16(port)] = append(out[uint16(port)], state)
	}
	return out
}
