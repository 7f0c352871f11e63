// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/hivecloud/hive/compute/images"
)

const (
	maxChecksumFile = 4 << 20
	checksumTimeout = 2 * time.Minute
)

var hashBytes = map[string]int{"sha256": 32, "sha512": 64}

// ErrNoChecksum is returned when a checksum file has no entry for an image.
var ErrNoChecksum = errors.New("no checksum")

// Source fetches the image's checksum and returns what images.Prepare takes. A nil client is http.DefaultClient.
func (i Image) Source(ctx context.Context, client *http.Client) (images.Source, error) {
	if client == nil {
		client = http.DefaultClient
	}
	text, err := fetch(ctx, client, i.ChecksumURL)
	if err != nil {
		return images.Source{}, fmt.Errorf("fetch checksum of image %s: %w", i.Name, err)
	}
	sum, err := Checksum(text, i.FileName(), i.Hash)
	if err != nil {
		return images.Source{}, fmt.Errorf("read %s: %w", i.ChecksumURL, err)
	}
	src := images.Source{URL: i.URL, Format: i.Format}
	if i.Hash == "sha512" {
		src.SHA512 = sum
	} else {
		src.SHA256 = sum
	}
	return src, nil
}

func fetch(ctx context.Context, client *http.Client, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, checksumTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("get %s: the server answered %s", url, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxChecksumFile+1))
	if err != nil {
		return "", fmt.Errorf("get %s: %w", url, err)
	}
	if len(body) > maxChecksumFile {
		return "", fmt.Errorf("get %s: more than %d bytes, that is no checksum file", url, maxChecksumFile)
	}
	return string(body), nil
}

// Checksum finds a file's checksum (hash: sha256 or sha512) in a checksum file of any of the usual forms: "sum  file" and
// "sum *file" of sha256sum (SHA256SUMS, SHA512SUMS), "SHA256 (file) = sum" of BSD and Rocky (CHECKSUM), and a lone sum, as
// Alpine's .sha512 files may be. The result is in lower case. Two different sums for one file are an error.
func Checksum(text, file, hash string) (string, error) {
	size, ok := hashBytes[hash]
	if !ok {
		return "", fmt.Errorf("hash %q: want sha256 or sha512", hash)
	}
	found := ""
	for line := range strings.Lines(text) {
		name, sum, ok := checksumLine(strings.TrimSpace(line), hash)
		if !ok || (name != "" && path.Base(name) != file) {
			continue
		}
		sum = strings.ToLower(sum)
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != size {
			continue
		}
		if found != "" && found != sum {
			return "", fmt.Errorf("two %s sums for %s: %s and %s", hash, file, found, sum)
		}
		found = sum
	}
	if found == "" {
		return "", fmt.Errorf("%w: no %s sum for %s", ErrNoChecksum, hash, file)
	}
	return found, nil
}

// checksumLine takes a line apart; the name is "" for a lone sum.
func checksumLine(line, hash string) (name, sum string, ok bool) {
	if line == "" || strings.HasPrefix(line, "#") {
		return "", "", false
	}
	if algorithm, rest, bsd := strings.Cut(line, " ("); bsd {
		name, sum, ok = strings.Cut(rest, ") = ")
		return name, sum, ok && strings.EqualFold(algorithm, hash)
	}
	sum, name, named := strings.Cut(line, " ")
	if !named {
		return "", sum, true
	}
	return strings.TrimPrefix(strings.TrimLeft(name, " "), "*"), sum, true
}
