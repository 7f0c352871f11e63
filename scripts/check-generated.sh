#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Regenerates everything and fails when a generated file was not current. The tree is left as make generate leaves it.
set -euo pipefail
cd "$(dirname "$0")/.."
state() {
	{
		git grep --untracked -lE '^// Code generated .* DO NOT EDIT\.$' -- '*.go'
		git grep --untracked -l '<!-- Generated from ' -- 'docs/*.md'
	} | sort | xargs -r sha256sum
}
before=$(state)
make --no-print-directory generate >/dev/null
after=$(state)
if [ "$before" != "$after" ]; then
	echo "generated files were not current; commit what make generate wrote:" >&2
	diff <(echo "$before") <(echo "$after") | awk '/^[<>]/ {print "  " $3}' | sort -u >&2
	exit 1
fi
