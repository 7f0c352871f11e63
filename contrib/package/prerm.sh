#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian: $1 is "remove" or "upgrade". RPM: $1 is the number of versions that stay.
set -e
case "${1:-}" in
remove | 0) ;;
*) exit 0 ;;
esac
[ -z "${DPKG_ROOT:-}" ] || exit 0

# Without the program nothing could look after the guests: they are shut down. Their volumes stay.
if [ -S /var/lib/hive/run/admin.sock ]; then
	/usr/bin/hive admin shutdown --drain || echo "hive: the node could not be drained; its guests are still running" >&2
fi
if [ -d /run/systemd/system ]; then
	systemctl disable --now hive.service || true
fi
