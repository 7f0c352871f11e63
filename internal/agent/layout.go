// SPDX-License-Identifier: Apache-2.0

package agent

import "path/filepath"

// clusterKeyFile is the name of the cluster key, in the data directory and in a backup.
const clusterKeyFile = "cluster.key"

// layout is where a node keeps its files, below node.data_dir:
//
//	node.json        what Init decided: node id, cluster id (0600)
//	left             when the node left its region; an agent does not start then
//	pki/             CA, node and API certificates
//	cluster.json     who the members are, signed; the same on every node
//	cluster.key      the key that seals access keys' secrets; never in the log (0600)
//	gossip.key       the key of the gossip (0600)
//	raft/            the log and its snapshots
//	volumes          blockd's directory, unless block.data_dir says otherwise
//	guests/          one directory a guest: spec, state, sockets, serial log
//	simulated/       NOTICE, and the sizes of volumes and snapshots, where they are simulated
//	fetched/         snapshots on their way from other nodes
//	metrics/         what the node measured, for the CloudWatch API
//	audit/           a record of every API call, unless audit.dir says otherwise (0700)
//	run/             admin.sock, blockd.sock
//	log/             blockd.log
type layout struct{ dir string }

func (l layout) node() string       { return filepath.Join(l.dir, "node.json") }
func (l layout) left() string       { return filepath.Join(l.dir, "left") }
func (l layout) pki() string        { return filepath.Join(l.dir, "pki") }
func (l layout) clusterKey() string { return filepath.Join(l.dir, clusterKeyFile) }
func (l layout) gossipKey() string  { return filepath.Join(l.dir, "gossip.key") }
func (l layout) clusterFile() string {
	return filepath.Join(l.dir, "cluster.json")
}
func (l layout) fetched() string { return filepath.Join(l.dir, "fetched") }
func (l layout) raft() string    { return filepath.Join(l.dir, "raft") }
func (l layout) guests() string  { return filepath.Join(l.dir, "guests") }
func (l layout) run() string     { return filepath.Join(l.dir, "run") }
func (l layout) logs() string    { return filepath.Join(l.dir, "log") }
func (l layout) metrics() string { return filepath.Join(l.dir, "metrics") }
func (l layout) simulated() string {
	return filepath.Join(l.dir, "simulated")
}
func (l layout) blockPID() string { return filepath.Join(l.dir, "run", "blockd.pid") }
func (l layout) blockSocket() string {
	return filepath.Join(l.dir, "run", "blockd.sock")
}
