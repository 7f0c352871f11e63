// SPDX-License-Identifier: Apache-2.0

// Package catalog lists the official cloud images of the distributions that Hive knows, and reads the checksum files that they
// publish. The list is part of the binary: it names addresses, not contents, so most entries follow their distribution's newest
// build; checksums are always fetched, never built in.
//
// There are no goroutines. Only [Image.Source] talks to the network.
//
// Start reading at Remote in catalog.go.
package catalog
