// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hivecloud/hive/compute/images"
)

func TestRemote_EveryEntryIsComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, i := range Remote() {
		if seen[i.Name] {
			t.Errorf("%s is there twice", i.Name)
		}
		seen[i.Name] = true
		for _, address := range []string{i.URL, i.ChecksumURL} {
			u, err := url.Parse(address)
			if err != nil || u.Scheme != "https" || strings.ContainsAny(address, "{} ") {
				t.Errorf("%s: address %q, %v", i.Name, address, err)
			}
		}
		if i.User == "" || i.Distribution == "" || i.Version == "" || hashBytes[i.Hash] == 0 || i.Format != images.FormatQCOW2 {
			t.Errorf("incomplete: %+v", i)
		}
		if !strings.Contains(i.URL, map[string]string{ArchX8664: "64", ArchARM64: "a"}[i.Arch]) || strings.Contains(i.URL, "amd64") && i.Arch == ArchARM64 {
			t.Errorf("%s: %s is not for %s", i.Name, i.URL, i.Arch)
		}
	}
	for _, name := range []string{"debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04", "ubuntu-26.04", "alpine-3.24", "rocky-9", "rocky-10"} {
		if !seen[name] || !seen[name+"-arm64"] {
			t.Errorf("%s is missing for an architecture", name)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"debian-13":          "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2",
		" Debian ":           "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2",
		"ubuntu-24.04-arm64": "https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-arm64.img",
		"ubuntu":             "https://cloud-images.ubuntu.com/releases/26.04/release/ubuntu-26.04-server-cloudimg-amd64.img",
		"alpine":             "https://dl-cdn.alpinelinux.org/alpine/v3.24/releases/cloud/generic_alpine-3.24.1-x86_64-bios-cloudinit-r0.qcow2",
		"alpine-3.24-arm64":  "https://dl-cdn.alpinelinux.org/alpine/v3.24/releases/cloud/generic_alpine-3.24.1-aarch64-uefi-cloudinit-r0.qcow2",
		"rocky-arm64":        "https://dl.rockylinux.org/pub/rocky/10/images/aarch64/Rocky-10-GenericCloud-Base.latest.aarch64.qcow2",
	} {
		if got, err := Resolve(name); err != nil || got.URL != want {
			t.Errorf("%q: got %s, %v; want %s", name, got.URL, err, want)
		}
	}
	for _, name := range []string{"", "debian-9", "-13", "arch", "x86_64"} {
		if got, err := Resolve(name); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "debian-13") {
			t.Errorf("%q: got %s, %v", name, got.Name, err)
		}
	}
}

var (
	sumA = strings.Repeat("aB", 32)
	sumB = strings.Repeat("cd", 32)
	long = strings.Repeat("ef", 64)
)

func TestChecksum(t *testing.T) {
	t.Parallel()
	const file = "image-1.qcow2"
	for _, tc := range []struct {
		name, text, hash, want, err string
	}{
		{"sha256sum, text and binary", sumB + "  other\n" + sumA + " *image-1.qcow2\n", "sha256", sumA, ""},
		{"sha512sum", long + "  image-1.qcow2\n", "sha512", long, ""},
		{"with a directory", sumA + "  ./x/image-1.qcow2", "sha256", sumA, ""},
		{"BSD form of Rocky", "# image-1.qcow2: 123 bytes\nSHA256 (image-1.qcow2) = " + sumA + "\nSHA256 (other) = " + sumB + "\n", "sha256", sumA, ""},
		{"a lone sum", long + "\n", "sha512", long, ""},
		{"signed text around it", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + sumA + " *image-1.qcow2\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n", "sha256", sumA, ""},
		{"same sum twice", sumA + "  image-1.qcow2\n" + strings.ToUpper(sumA) + "  image-1.qcow2\n", "sha256", sumA, ""},
		{"two sums", sumA + "  image-1.qcow2\n" + sumB + "  image-1.qcow2\n", "sha256", "", "two sha256 sums"},
		{"only others", sumA + "  image-1.qcow2.manifest\n", "sha256", "", "no sha256 sum for image-1.qcow2"},
		{"other hash", "SHA512 (image-1.qcow2) = " + long + "\n", "sha256", "", "no sha256 sum"},
		{"sum of another length", long + "  image-1.qcow2\n", "sha256", "", "no sha256 sum"},
		{"web page", "<html>\n<body>404</body>", "sha256", "", "no sha256 sum"},
		{"unknown hash", "", "md5", "", "want sha256 or sha512"},
	} {
		got, err := Checksum(tc.text, file, tc.hash)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: got %s, %v; want %q", tc.name, got, err, tc.err)
			}
			continue
		}
		if err != nil || got != strings.ToLower(tc.want) {
			t.Errorf("%s: got %s, %v", tc.name, got, err)
		}
	}
}

func TestSource_FetchesTheChecksum(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/SUMS", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(sumA + "  disk.img\n")) })
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxChecksumFile+10)) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i := Image{Name: "x", URL: server.URL + "/disk.img", ChecksumURL: server.URL + "/SUMS", Hash: "sha256", Format: images.FormatQCOW2}
	src, err := i.Source(t.Context(), server.Client())
	if err != nil || src != (images.Source{URL: i.URL, SHA256: strings.ToLower(sumA), Format: images.FormatQCOW2}) {
		t.Errorf("got %+v, %v", src, err)
	}
	for address, text := range map[string]string{"/none": "404 Not Found", "/huge": "no checksum file"} {
		i.ChecksumURL = server.URL + address
		if _, err := i.Source(t.Context(), server.Client()); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v", address, err)
		}
	}
}
