// SPDX-License-Identifier: Apache-2.0

// Package e2e holds the end-to-end tests: real hive processes, real QEMU guests, the AWS CLI, botocore and Terraform as
// clients. Everything is behind the build tag e2e; `make test-e2e` runs it.
//
// One region is started for the whole package (region_test.go) and torn down with its guests at the end, also after a
// failure. Tests that hurt a region (disk_full, restarts of init) start their own. Start reading at node_test.go.
package e2e
