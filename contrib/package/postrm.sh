#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian: "remove" leaves configuration and data, "purge" removes both. RPM knows no purge: hive admin uninstall does it.
# RPM: $1 is the number of versions that stay.
set -e
root=${DPKG_ROOT:-}
case "${1:-}" in
purge)
	rm -rf "$root/var/lib/hive" "$root/etc/hive"
	# Where systemd does not run (an image that is being made) nothing else takes this away.
	rm -f "$root/etc/systemd/system/multi-user.target.wants/hive.service"
	if grep -q '^hive-qemu:' "$root/etc/passwd"; then
		userdel ${root:+--prefix "$root"} hive-qemu
	fi
	# Whether the group goes with its account depends on /etc/login.defs.
	if grep -q '^hive-qemu:' "$root/etc/group"; then
		groupdel ${root:+--prefix "$root"} hive-qemu
	fi
	;;
remove | 0) ;;
*) exit 0 ;; # an upgrade: the new version's script does what there is to do
esac
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
