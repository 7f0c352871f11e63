// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/hivecloud/hive/compute/images/catalog"

// remoteImage is one line of hive image list --remote.
type remoteImage struct {
	Name         string `json:"name"`
	Distribution string `json:"distribution"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	User         string `json:"user"` // who gets the key
	URL          string `json:"url"`
	ChecksumURL  string `json:"checksumUrl"`
	Note         string `json:"note,omitempty"`
}

// listRemoteImages lists the official cloud images that can be imported by name.
func listRemoteImages(a *app) error {
	var rows []remoteImage
	for _, i := range catalog.Remote() {
		rows = append(rows, remoteImage{i.Name, i.Distribution, i.Version, i.Arch, i.User, i.URL, i.ChecksumURL, i.Note})
	}
	return printList(a, "RemoteImage", rows, []column[remoteImage]{
		{"NAME", false, func(i remoteImage) string { return i.Name }},
		{"ARCH", false, func(i remoteImage) string { return i.Architecture }},
		{"USER", false, func(i remoteImage) string { return i.User }},
		{"CHECKSUMS", false, func(i remoteImage) string { return i.ChecksumURL }},
		{"ADDRESS", true, func(i remoteImage) string { return i.URL }},
		{"NOTE", true, func(i remoteImage) string { return i.Note }},
	})
}
