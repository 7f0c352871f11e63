#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Static checks: format, vet, lint, generated files, shell syntax.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0
section() { echo "== $*"; }

section gofmt
unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l)
if [ -n "$unformatted" ]; then
	echo "$unformatted"
	status=1
fi

section vet
go vet -p 1 ./... || status=1
go vet -p 1 -tags e2e ./... || status=1

if command -v golangci-lint >/dev/null; then
	section golangci-lint
	golangci-lint run ./... || status=1
else
	section staticcheck
	# golangci-lint takes five minutes to build; staticcheck is the part of it that finds most.
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./... || status=1
fi

section generated files
./scripts/check-generated.sh || status=1

section shell scripts
for script in scripts/*.sh .ci/run; do bash -n "$script" || status=1; done
exit $status
