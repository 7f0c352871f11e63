// SPDX-License-Identifier: Apache-2.0

// Package scheduler decides where instances run. It is pure: a view of the state and a prepared command go in, the
// command with its plan (or the refusal) comes out. The leader calls it just before a command enters the log, and
// Apply checks every assignment again, so a plan on a view that is a moment old can only be refused, never over-commit.
//
// A node is a candidate for an instance when it is ready for new work (state.View.Closed), has the ec2 capability, is in
// the instance's zone, offers its type (which binds a type to a generation of CPUs), has room for its charge, holds the
// volumes that the instance already has, and is not forbidden by the rule of its placement group (state.GroupUse, the
// same that Apply asks).
//
// Among the candidates, instances of one launch go apart: to the failure domain that the launch has used least, there to
// the node that it has used least, and then to the emptiest, by the larger of CPU and memory shares after the placement,
// so that neither runs out alone. A node that would have to fetch the image's data counts as a fifth fuller than it is:
// a preference that gives way before nodes become crowded. Clusters stay together instead, and a partition fills the
// failure domains it has before it takes another. Ties go to the lower node id, so that equal states give equal plans.
//
// When an instance fits nowhere, the refusal says which cause kept which nodes out. plan.go is the place to start.
package scheduler
