#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of packages.txt that are missing. Usage: bootstrap.sh [scope ...]
set -euo pipefail
cd "$(dirname "$0")"

scopes=("$@")
[ ${#scopes[@]} -gt 0 ] || scopes=(run image test bench)

if ! command -v dpkg-query >/dev/null; then
	echo "bootstrap: this is no Debian; install these by hand, then go on:" >&2
	grep -v '^#' packages.txt >&2
	exit 0
fi

# present tells whether a package, or a program that came another way, is there. The sbin directories are
# not in an ordinary user's PATH.
present() {
	local package=$1 command=$2
	[ "$command" != - ] && PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null && return 0
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ]
}

missing=()
while read -r package scope command _; do
	case "$package" in '' | '#'*) continue ;; esac
	for wanted in "${scopes[@]}"; do
		if [ "$scope" = "$wanted" ] && ! present "$package" "$command"; then
			missing+=("$package")
		fi
	done
done <packages.txt
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "bootstrap: missing packages and neither root nor sudo; run as root:" >&2
		echo "  apt-get install -y --no-install-recommends ${missing[*]}" >&2
		exit 1
	fi
	root=(sudo)
fi
echo "bootstrap: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Package lists of a fresh machine or container may be old or absent.
for attempt in 1 2 3; do
	if "${root[@]}" apt-get update -q >"$log" 2>&1 &&
		"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
		exit 0
	fi
	echo "bootstrap: attempt $attempt did not work" >&2
	sleep $((attempt * 2))
done
tail -n 20 "$log" >&2
echo "bootstrap: apt-get could not install ${missing[*]}" >&2
exit 1
