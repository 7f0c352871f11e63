#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ends what dev.sh started, guests first, and removes .dev.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/dev-lib.sh
[ -d "$dev" ] || exit 0
for node in "$dev"/node*/; do
	[ -d "$node" ] && stop_node "${node%/}"
done
rm -rf "$dev"
