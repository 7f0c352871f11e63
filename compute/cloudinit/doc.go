// SPDX-License-Identifier: Apache-2.0

// Package cloudinit makes the NoCloud seed disk of a guest: a small ISO 9660 image labelled cidata with the files meta-data,
// user-data, vendor-data and, if asked for, network-config, as cloud-init's NoCloud data source reads them
// (https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html).
//
// Image is pure: the same Seed gives the same bytes on every node and at every time, so a seed can be compared by its hash. The
// image has Rock Ridge and Joliet names (iso9660.go), because plain ISO 9660 cannot spell "meta-data" and each reader prefers
// another extension. meta-data is built as JSON, which is YAML, so that no value can add a key.
//
// The package does no I/O and has no goroutines. Start reading at Image in seed.go.
package cloudinit
