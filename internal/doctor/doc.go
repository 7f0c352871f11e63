// SPDX-License-Identifier: Apache-2.0

// Package doctor checks what a node needs from its machine before it is needed:
// each check has an id, a verdict (ok, warn or fail), a sentence of what was
// found and, when it is not well, one thing to do.
//
// A warning is something the node runs without, a failure something it does
// not. Checks read; the two that write (the flush probe and the data directory's
// permission) remove what they wrote. What a check knows about the machine it
// learns through [Machine], so that every fault can be put on the table of the
// tests. [Run] runs the checks beside each other and waits for all of them.
// Start reading at doctor.go; checks_*.go hold the checks by subject.
package doctor
