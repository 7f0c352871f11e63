// SPDX-License-Identifier: Apache-2.0

package raftnode

import "github.com/hashicorp/raft"

// Raft gives tests the library's own door, to show what it would have answered.
func (n *Node) Raft() *raft.Raft { return n.raft }
