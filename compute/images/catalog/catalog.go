// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hivecloud/hive/compute/images"
)

// Architectures as EC2 names them.
const (
	ArchX8664 = "x86_64"
	ArchARM64 = "arm64"
)

// ErrUnknown is returned for a name that is not in the catalogue.
var ErrUnknown = errors.New("unknown image")

// Image is a cloud image that somebody publishes.
type Image struct {
	Name         string // debian-13, or debian-13-arm64
	Distribution string // Debian
	Version      string // 13
	Arch         string
	URL          string
	ChecksumURL  string
	Hash         string // of the checksum file's entries: sha256 or sha512
	Format       images.Format
	User         string // the default user of its cloud-init, who gets the key
	Note         string // what to know before launching it; "" mostly
}

// FileName is the image's name in its checksum file.
func (i Image) FileName() string { return path.Base(i.URL) }

// release is a version of a distribution, for both architectures.
type release struct {
	distribution, version, user, hash string
	url, sums                         string // with {arch} and {firmware} where they differ
	arches                            map[string]string
	note                              map[string]string // by our name of the architecture
}

var (
	debianArches = map[string]string{ArchX8664: "amd64", ArchARM64: "arm64"} // Ubuntu's too
	kernelArches = map[string]string{ArchX8664: "x86_64", ArchARM64: "aarch64"}
	firmware     = map[string]string{ArchX8664: "bios", ArchARM64: "uefi"}
)

func debian(version, codename string) release {
	dir := "https://cloud.debian.org/images/cloud/" + codename + "/latest/"
	return release{distribution: "Debian", version: version, user: "debian", hash: "sha512", arches: debianArches,
		url: dir + "debian-" + version + "-genericcloud-{arch}.qcow2", sums: dir + "SHA512SUMS"}
}

func ubuntu(version string) release {
	dir := "https://cloud-images.ubuntu.com/releases/" + version + "/release/"
	return release{distribution: "Ubuntu", version: version, user: "ubuntu", hash: "sha256", arches: debianArches,
		url: dir + "ubuntu-" + version + "-server-cloudimg-{arch}.img", sums: dir + "SHA256SUMS"}
}

// alpine publishes no "latest": the point release is part of the name, and old ones stay where they are.
func alpine(version, point string) release {
	url := "https://dl-cdn.alpinelinux.org/alpine/v" + version + "/releases/cloud/generic_alpine-" + point + "-{arch}-{firmware}-cloudinit-r0.qcow2"
	return release{distribution: "Alpine", version: version, user: "alpine", hash: "sha512", arches: kernelArches, url: url, sums: url + ".sha512"}
}

func rocky(version string, note map[string]string) release {
	url := "https://dl.rockylinux.org/pub/rocky/" + version + "/images/{arch}/Rocky-" + version + "-GenericCloud-Base.latest.{arch}.qcow2"
	return release{distribution: "Rocky", version: version, user: "rocky", hash: "sha256", arches: kernelArches, url: url, sums: url + ".CHECKSUM", note: note}
}

// releases, the newest of each distribution last: that is the one a name without a version means.
var releases = []release{
	debian("12", "bookworm"), debian("13", "trixie"),
	ubuntu("22.04"), ubuntu("24.04"), ubuntu("26.04"),
	alpine("3.22", "3.22.2"), alpine("3.24", "3.24.1"),
	rocky("9", map[string]string{ArchX8664: "needs a CPU of level x86-64-v2"}),
	rocky("10", map[string]string{ArchX8664: "needs a CPU of level x86-64-v3"}),
}

// Remote is the catalogue, sorted by distribution, version and architecture.
func Remote() []Image {
	var list []Image
	for _, r := range releases {
		for _, arch := range []string{ArchX8664, ArchARM64} {
			list = append(list, r.image(arch))
		}
	}
	slices.SortStableFunc(list, func(a, b Image) int { return strings.Compare(a.Distribution, b.Distribution) })
	return list
}

func (r release) image(arch string) Image {
	fill := strings.NewReplacer("{arch}", r.arches[arch], "{firmware}", firmware[arch])
	name := strings.ToLower(r.distribution) + "-" + r.version
	if arch != ArchX8664 {
		name += "-" + arch
	}
	return Image{
		Name: name, Distribution: r.distribution, Version: r.version, Arch: arch, URL: fill.Replace(r.url), ChecksumURL: fill.Replace(r.sums),
		Hash: r.hash, Format: images.FormatQCOW2, User: r.user, Note: r.note[arch],
	}
}

// Resolve finds an image by name: debian-13, ubuntu-24.04-arm64; without a version the newest is meant: alpine, rocky-arm64.
// Case does not matter. Other names are ErrUnknown, with what there is.
func Resolve(name string) (Image, error) {
	want := strings.ToLower(strings.TrimSpace(name))
	all := Remote()
	for _, i := range all {
		if i.Name == want {
			return i, nil
		}
	}
	for _, i := range slices.Backward(all) {
		if strings.Replace(i.Name, "-"+i.Version, "", 1) == want {
			return i, nil
		}
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return Image{}, fmt.Errorf("%w %q; there are %s", ErrUnknown, name, strings.Join(names, ", "))
}
