#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian: $1 is "remove" or "upgrade". RPM: $1 is the number of versions that stay.
set -e
case "${1:-}" in
remove | 0) ;;
*) exit 0 ;;
esac
[ -z "${DPKG_ROOT:-}" ] || exit 0

# running KIND lists the processes "hive KIND" of the program that goes, whichever version of it they run. What runs in a
# container has a program of its own.
running() {
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "${exe%exe}ns/pid" 2>/dev/null)" = "$(readlink /proc/self/ns/pid)" ] || continue
		case "$(readlink "$exe" 2>/dev/null)" in
		/usr/bin/hive | "/usr/bin/hive (deleted)") ;;
		*) continue ;;
		esac
		if [ "$(cat "${exe%exe}cmdline" 2>/dev/null | tr '\0' '\n' | sed -n 2p)" = "$1" ]; then
			exe=${exe%/exe}
			echo "${exe#/proc/}"
		fi
	done
}

refuse() {
	echo "hive: $1" >&2
	echo "hive: nothing was removed. Next: $2" >&2
	exit 1
}

# Without the program nothing could look after the guests: they are shut down. Their volumes stay. 6: no agent answers.
if [ -n "$(running agent)" ]; then
	code=0
	/usr/bin/hive admin shutdown --drain || code=$?
	if [ $code -ne 0 ] && [ $code -ne 6 ]; then
		refuse "the node could not be drained" "journalctl -u hive says why; then remove the package again"
	fi
fi
if [ -n "$(running guard)" ]; then
	refuse "guests of this machine are running, and no agent shuts them down" "systemctl start hive, and remove the package again; or hive admin uninstall, which removes the node and its data"
fi
if [ -d /run/systemd/system ]; then
	systemctl disable --now hive.service || true
	systemctl stop hive-guests.service || true
fi
# An agent that was stopped left its block daemon to the next one. It writes nothing that was not flushed.
for pid in $(running blockd); do
	kill "$pid" 2>/dev/null || true
done
