#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Unit tests: with the race detector wherever that is affordable. Packages that compile the AWS SDK's EC2
# client (a minute and three gigabytes, twice that with -race) run without it, one at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
dear=github.com/aws/aws-sdk-go-v2/service/ec2

# The dear package first and alone: two compilers of that size at once do not fit into small machines.
go build -p 1 "$dear"

# go list -test prints a "pkg.test" binary for every package that has tests, with all it depends on.
with=() without=()
while IFS='|' read -r package deps; do
	case "$package" in *.test) ;; *) continue ;; esac
	package=${package%.test}
	case ",$deps," in
	*",$dear,"*) without+=("$package") ;;
	*) with+=("$package") ;;
	esac
done < <(go list -test -f '{{.ImportPath}}|{{join .Deps ","}}' ./...)

status=0
if [ ${#with[@]} -gt 0 ]; then
	go test -race -timeout 15m "$@" "${with[@]}" || status=1
fi
if [ ${#without[@]} -gt 0 ]; then
	go test -p 1 -timeout 15m "$@" "${without[@]}" || status=1
fi
# Chaos in virtual time takes few seeds under the race detector, which makes it five times as dear: the many run here.
go test -count=1 -timeout 15m -run 'Chaos|AtSize' "$@" ./raftnode ./raftnode/region ./raftnode/lease || status=1
# Packages without tests still have to build and vet.
go build -p 1 ./... || status=1
exit $status
