#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian: $1 is "configure" and $2 the version before, if any. RPM: $1 is the number of versions that stay.
# DPKG_ROOT is where the system lies, when it is not the running one.
set -e
root=${DPKG_ROOT:-}

# The account that guests run as: it owns nothing and logs in nowhere.
if ! grep -q '^hive-qemu:' "$root/etc/passwd"; then
	useradd ${root:+--prefix "$root"} --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hive-qemu
fi
if grep -q '^kvm:' "$root/etc/group"; then
	usermod ${root:+--prefix "$root"} --append --groups kvm hive-qemu
fi
# 0711: guests' own account has to come through to its files, nobody has to list them.
install -d -m 0711 "$root/var/lib/hive"
install -d -m 0755 "$root/etc/hive"

if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# Guests go on while the agent is another one.
	systemctl try-restart hive.service
fi
if [ ! -e "$root/var/lib/hive/node.json" ]; then
	echo "hive: next: hive doctor, hive admin init, systemctl enable --now hive"
fi
