// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseUsernet(t *testing.T) {
	t.Parallel()
	// As QEMU 7.2 prints it; the last line but one is a connection that the guest opened.
	got := parseUsernet("Hub -1 (net-eni-0e790b0a3247f2378):\r\n" +
		"  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n" +
		"  TCP[ESTABLISHED]   37       127.0.0.1 35561      172.31.0.4    22     0     0\r\n" +
		"  TCP[SYN_SENT]      38       127.0.0.1 35561      172.31.0.4    22     0     0\r\n" +
		"  TCP[HOST_FORWARD]  20       127.0.0.1 35561      172.31.0.4    22     0     0\r\n" +
		"  TCP[HOST_FORWARD]  19       127.0.0.1 33005      172.31.0.4    80     0     0\r\n" +
		"  TCP[ESTABLISHED]   39      172.31.0.4 51320      172.31.0.1    53     0     0\r\n" +
		"  UDP[236 sec]       40      172.31.0.4 51320      172.31.0.2    53     0     0\r\n")
	want := map[uint16][]string{35561: {"ESTABLISHED", "SYN_SENT"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := parseUsernet("nothing\n TCP[\n TCP[X] 1 127.0.0.1 99999 a b\n"); len(got) != 0 {
		t.Errorf("text that is no table: %v", got)
	}
}
