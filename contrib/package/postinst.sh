#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian: $1 is "configure" and $2 the version before, if any; or "abort-..." when a removal or an upgrade was given up.
# RPM: $1 is the number of versions that stay. DPKG_ROOT is where the system lies, when it is not the running one.
set -e
root=${DPKG_ROOT:-}
case "${1:-configure}" in
abort-*) exit 0 ;; # everything is as it was
esac

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
	# Guests go on while the agent is another one. On Debian the machine's policy-rc.d is asked first. An agent that
	# does not come back is no reason to leave the package half installed: systemd goes on trying.
	restart=systemctl
	if command -v deb-systemd-invoke >/dev/null; then restart=deb-systemd-invoke; fi
	$restart try-restart hive.service || echo "hive: the agent did not restart; see: systemctl status hive" >&2
fi
if [ ! -e "$root/var/lib/hive/node.json" ]; then
	echo "hive: next: hive doctor, hive admin init, systemctl enable --now hive"
elif [ ! -L "$root/etc/systemd/system/multi-user.target.wants/hive.service" ]; then
	echo "hive: this machine is a node; systemctl enable --now hive starts it"
fi
