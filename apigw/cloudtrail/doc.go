// SPDX-License-Identifier: Apache-2.0

// Package cloudtrail makes CloudTrail's records of the calls that the gateway answers, and answers LookupEvents from
// what the nodes keep of them.
//
// record.go is a pure function from an apigw.AuditEvent to a record; elements.go writes parameters and answers down as
// CloudTrail does and leaves out what is secret. Recorder hands records to the node's own log. find.go selects records
// of one node, service.go checks what was asked for. The records themselves are on the nodes that answered the calls;
// [Trail] reaches them.
//
// An account sees its own records only. Ids of events are UUIDs of version 7, so that they sort by time; on one node
// they stand in that order.
package cloudtrail
