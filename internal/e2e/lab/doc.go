// SPDX-License-Identifier: Apache-2.0

// Package lab runs a region of several real agents for end-to-end tests: on loopback (Cluster alone), or each in a
// network namespace of its own (Net), whose links a test cuts, one-way too, delays and makes lossy.
//
// The namespaces are joined by a switch in this process and not by a bridge of the kernel: a TAP device is the node's
// network card, its frames are read here, judged by the rule of the pair of ports and written to the others. So faults
// need no packet filter and no netem module, and a frame that was dropped was dropped because the test said so.
//
// Everything of a lab lives in namespaces that end with the test process when the test enters by Main: network, mounts
// and processes. A crash of the test leaves nothing behind and two runs on one machine do not meet.
//
// Start reading at cluster.go (nodes and their clients), then net.go (namespaces), switch.go (links).
package lab
