#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target for a while. Usage: fuzz.sh [duration]   (default 30s)
# Two at a time with one worker each, so that two cores are busy and the whole takes half as long.
set -euo pipefail
cd "$(dirname "$0")/.."
duration=${1:-30s}

targets=$(git grep --untracked -lE '^func Fuzz[A-Z]' -- '*_test.go' | while read -r file; do
	sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file" | sed "s|^|./$(dirname "$file") |"
done | sort -u)
if [ -z "$targets" ]; then
	echo "fuzz: no targets" >&2
	exit 1
fi
count=$(wc -l <<<"$targets")
echo "fuzz: $count targets, $duration each"

# Compiled one after the other first: instrumented compilers side by side eat the memory. The binaries then
# start from the cache.
cut -d' ' -f1 <<<"$targets" | sort -u | while read -r package; do
	go test -p 1 -c -fuzz=Fuzz -o /dev/null "$package" >/dev/null
done

# Minimising is bounded by runs, not by time: no runs of the target itself count while it lasts. A race in Go's
# fuzzing coordinator now and then reports the end of its time as a failure ("context deadline exceeded"); a finding has a
# failing input with it.
one() {
	local package=$1 name=$2 duration=$3 out
	if out=$(go test -run '^$' -fuzz "^$name\$" -fuzztime "$duration" -fuzzminimizetime 100x -parallel 1 "$package" 2>&1); then
		echo "$(tail -n 1 <<<"$out")  $name"
		return 0
	fi
	if grep -q '^    context deadline exceeded$' <<<"$out" && ! grep -qE 'Failing input|panic:|hung or terminated' <<<"$out"; then
		echo "ok  	${package#./} until its time was over  $name"
		return 0
	fi
	echo "FAIL fuzz $package $name"
	echo "$out"
	return 1
}
export -f one
xargs -P 2 -L 1 bash -c 'one "$1" "$2" '"$duration" fuzz <<<"$targets"
