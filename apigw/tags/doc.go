// SPDX-License-Identifier: Apache-2.0

// Package tags checks the tags that callers put on resources, with AWS's limits and codes.
//
// It works on plain key and value strings, so that it serves EC2, IAM and S3 alike; each service has its own SDK tag
// type. Source: EC2 user guide, "Tag restrictions".
package tags
