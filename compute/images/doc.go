// SPDX-License-Identifier: Apache-2.0

// Package images takes foreign disk images in: it finds out what a file really is, refuses what is unsafe or broken, and turns
// the rest into a sparse raw file that a volume can be made of, with what can be told about how it boots.
//
// It owns nothing but its work directory: it knows no image records, volumes or AWS names. The result belongs to the caller, who
// stores or deletes it.
//
// Rules:
//   - The format is decided by content. A format that the caller names must agree with it.
//   - Formats other than raw are converted by qemu-img, but only after their headers were checked here: backing files, external
//     data files, extents in other files, encryption and absurd sizes are refused before another program sees the file.
//     qemu-img gets an open descriptor and an explicit driver, so neither file names nor probing can mislead it.
//   - Nothing half-made: everything happens in a temporary directory under Options.WorkDir, and only a finished, synced file is
//     renamed out of it. What a killed process left is removed by [RemoveLeftovers].
//   - The raw file is a multiple of [Alignment] long (1 MiB), padded with zeros and never cut.
//
// Goroutines: none outlive a call; [Prepare] blocks and stops when its context ends.
//
// Subpackages: micro builds Hive's own small guest; catalog lists the distributions' cloud images.
//
// Start reading at Prepare in prepare.go; DESIGN.md has the threats and the failure table.
package images
