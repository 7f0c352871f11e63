#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The long forms: every fuzzer for SOAK (1h) and the long form of every chaos test. Records the run in
# docs/explanation/track-record.md.
set -uo pipefail
cd "$(dirname "$0")/.."
soak=${SOAK:-1h}
page=docs/explanation/track-record.md
record() {
	printf '| %s | %s | %s | %s |\n' "$(date -u +%F)" "$(git rev-parse --short=12 HEAD)" "$1" "$2" >>"$page"
}
result() { [ "$1" -eq 0 ] && echo "nothing found" || echo "**failed**, see the commit that follows"; }
status=0

./scripts/fuzz.sh "$soak"
code=$?
record "every fuzzer for $soak" "$(result $code)"
[ $code -eq 0 ] || status=1

# Chaos on clusters in virtual time: HIVE_SOAK makes the tests take their long form, hundreds of seeds.
chaos=(./raftnode ./raftnode/region ./raftnode/lease ./fsm)
HIVE_SOAK=$soak go test -run 'Chaos|Twin|AtSize' -count=1 -p 1 -v -timeout 24h "${chaos[@]}"
code=$?
record "chaos of ${chaos[*]}, 200 seeds of a virtual minute" "$(result $code)"
[ $code -eq 0 ] || status=1

mapfile -t packages < <(git grep --untracked -l '^//go:build soak' -- '*_test.go' | xargs -r -n 1 dirname | sort -u | sed 's|^|./|')
if [ ${#packages[@]} -gt 0 ]; then
	HIVE_BIN=$PWD/bin/hive HIVE_CACHE=$PWD/.cache HIVE_SOAK=$soak go test -tags soak -run '^TestSoak' -count=1 -p 1 -v -timeout 24h "${packages[@]}"
	code=$?
	record "$(printf '%s ' "${packages[@]}")for $soak" "$(result $code)"
	[ $code -eq 0 ] || status=1
fi
exit $status
