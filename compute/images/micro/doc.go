// SPDX-License-Identifier: Apache-2.0

// Package micro builds the micro guest: a disk image of 62 MiB that boots in a few seconds even on an emulated CPU, by BIOS and
// by UEFI, and behaves like a small EC2 machine image: it takes its instance id, keys and user data from a NoCloud disk or from
// IMDSv2, grows its root to the disk, and obeys the power button. It is Hive's default image and the guest of its tests.
//
// The image is assembled from Debian packages that are downloaded and unpacked, never installed; without root, loop devices or
// mounts. What the host must have is checked first ([CheckHost]). Everything of the guest that is not Debian's is in initrd/ and
// rootfs/, as files.
//
// Layout: a GPT disk; partition 1 is a FAT16 ESP with the kernel, the initrd, syslinux (BIOS) and systemd-boot (UEFI);
// partition 2, the last, is the ext4 root labelled hive-root. Identifiers and times are fixed, so equal packages and tools make
// equal images.
//
// Failure: a build leaves either the whole image under its final name or nothing; the cache directory holds only packages whose
// SHA-256 is the one of the (signed) package index and trees that were unpacked completely.
//
// Goroutines: none of its own; Build blocks, and cancelling its context kills the tool that runs.
//
// Start reading at Build in build.go.
package micro
