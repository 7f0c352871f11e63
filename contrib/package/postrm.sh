#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian: "remove" leaves configuration and data, "purge" removes both. RPM knows no purge: hive admin uninstall does it.
set -e
root=${DPKG_ROOT:-}
if [ "${1:-}" = purge ]; then
	rm -rf "$root/var/lib/hive" "$root/etc/hive"
	if grep -q '^hive-qemu:' "$root/etc/passwd"; then
		userdel ${root:+--prefix "$root"} hive-qemu
	fi
	# Whether the group goes with its account depends on /etc/login.defs.
	if grep -q '^hive-qemu:' "$root/etc/group"; then
		groupdel ${root:+--prefix "$root"} hive-qemu
	fi
fi
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
