#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a package of a built binary. Usage: package.sh deb|rpm [directory]   (default dist)
# VERSION is the version (default: of git), BINARY the program (default bin/hive).
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1
out=${2:-dist}
version=${VERSION:-$(git describe --tags --always 2>/dev/null || echo 0)}
# Versions of packages begin with a digit; a bare commit is before every release.
case "$version" in
v[0-9]*) version=${version#v} ;;
[0-9]*.*) ;;
*) version=0.0.0~git.$version ;;
esac
export VERSION=$version BINARY=${BINARY:-bin/hive} ARCH=${ARCH:-$(go env GOARCH)}
mkdir -p "$out"
if command -v nfpm >/dev/null; then
	nfpm package --config contrib/package/nfpm.yaml --packager "$kind" --target "$out"
else
	# The newest version of nfpm needs modules that the public proxy refuses.
	go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.41.3 package --config contrib/package/nfpm.yaml --packager "$kind" --target "$out"
fi
