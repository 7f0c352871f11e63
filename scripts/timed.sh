#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command and says how long it took. Usage: timed.sh NAME COMMAND...
set -uo pipefail
name=$1
shift
echo "== $name"
SECONDS=0
"$@"
status=$?
printf '== %s: %s after %dm%02ds\n' "$name" "$([ $status -eq 0 ] && echo ok || echo FAILED)" $((SECONDS / 60)) $((SECONDS % 60))
exit $status
