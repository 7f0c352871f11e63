// SPDX-License-Identifier: Apache-2.0

// Package cloudwatch answers the reading part of the CloudWatch API from what the nodes measured: ListMetrics,
// GetMetricStatistics and GetMetricData, for the namespaces AWS/EC2, AWS/EBS and Hive/Node.
//
// namespaces.go says which metrics there are and where they come from, statistic.go and bucket.go make datapoints of
// samples (both are functions of their input), the files of the actions check what was asked for. The samples
// themselves are on the nodes that took them; [Samples] reaches them.
//
// An account sees the metrics of its own instances and volumes, also of those that are gone. Hive/Node is the
// operator's: it is there for the region's first account only, and empty for everybody else.
package cloudwatch
