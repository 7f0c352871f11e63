// SPDX-License-Identifier: Apache-2.0

package clusterfile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHosts(t *testing.T) {
	t.Parallel()
	f := File{ClusterID: "c-1", Epoch: 4, Members: []Member{{NodeID: "n-node1", Addr: "10.0.0.1:8443"}, {NodeID: "n-node2", Addr: "[fd00::2]:8443"}, {NodeID: "n-far", Addr: "far.example:8443"}},
		Services: Services{EC2: EC2{Endpoints: []string{"10.0.0.1:9443", "10.0.0.1:9444", "far.example:9443"}}}}
	const names = "# Region eu-home-1, cluster c-1, settings of epoch 4. Written by hive agent; changes are overwritten.\n" +
		"10.0.0.1\tnode1.eu-home-1.hive.internal node1\nfd00::2\tnode2.eu-home-1.hive.internal node2\n"
	if diff := cmp.Diff(names+"10.0.0.1\tapi.eu-home-1.hive.internal\n", string(Hosts(f, "eu-home-1", ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(names+"10.0.0.9\tapi.eu-home-1.hive.internal\n", string(Hosts(f, "eu-home-1", "10.0.0.9"))); diff != "" {
		t.Error(diff)
	}
}
