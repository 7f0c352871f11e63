#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# End-to-end tests: everything behind the build tag e2e, on real processes and guests, one package at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t packages < <(git grep --untracked -l '^//go:build e2e' -- '*_test.go' | xargs -r -n 1 dirname | sort -u | sed 's|^|./|')
if [ ${#packages[@]} -eq 0 ]; then
	echo "e2e: no packages" >&2
	exit 1
fi
export HIVE_BIN=$PWD/bin/hive HIVE_CACHE=$PWD/.cache
exec go test -tags e2e -count=1 -p 1 -timeout "${E2E_TIMEOUT:-25m}" "$@" "${packages[@]}"
