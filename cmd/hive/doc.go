// SPDX-License-Identifier: Apache-2.0

// Command hive is the whole product: the node's processes and the operator's
// tool. It parses, calls and prints; what it calls does the work.
//
// One file holds one leaf command, named after it: instance_show.go is
// `hive instance show`. The rest is shared: main.go (start, exit codes), app.go
// (global flags, configuration, the admin client), output.go (tables, JSON,
// YAML, templates), errors.go (messages with their next step).
//
// Output rules: data on standard output, everything else on standard error; the
// JSON of a command is a contract (kind, apiVersion, then item or items); every
// error is one sentence and one next step; exit codes are those of
// internal/admin. To add a command, follow docs/contributing/add-a-cli-command.md.
package main
