#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every benchmark behind the build tag bench and records what they print in docs/reference/performance.md.
# A benchmark is a TestBench function that measures Hive and a peer interleaved and prints a table.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t packages < <(git grep --untracked -l '^//go:build bench' -- '*_test.go' | xargs -r -n 1 dirname | sort -u | sed 's|^|./|')
if [ ${#packages[@]} -eq 0 ]; then
	echo "bench: no benchmarks" >&2
	exit 1
fi
export HIVE_BIN=$PWD/bin/hive HIVE_CACHE=$PWD/.cache
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
go test -tags bench -run '^TestBench' -count=1 -p 1 -v -timeout 60m "${packages[@]}" 2>&1 | tee "$out" || status=$?
page=docs/reference/performance.md
{
	sed '/<!-- measured -->/q' "$page"
	echo
	echo "Measured on $(date -u +%F) at $(git rev-parse --short=12 HEAD): $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(go version | cut -d' ' -f3)."
	echo
	echo '```'
	grep -vE '^(=== |--- |PASS$|\?  )' "$out" | sed -E 's/^( *)[a-z0-9_]+\.go:[0-9]+: /\1/'
	echo '```'
} >"$page.new"
mv "$page.new" "$page"
exit $status
