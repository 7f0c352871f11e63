#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A one-node region below .dev with one guest. Idempotent: what runs is used again, an agent of an older binary is
# replaced while its guests go on. DETACH=1 returns when the guest answers SSH; without it the script follows the
# agent's log until Ctrl-C and then removes everything.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/dev-lib.sh

if [ "${NODES:-1}" != 1 ]; then
	echo "dev: NODES=$NODES: this version makes regions of one node" >&2
	exit 2
fi
node=$dev/node1
mkdir -p "$node" .cache

# free_port FIRST: the first port from FIRST on that nothing on loopback answers at.
free_port() {
	local port=$1
	while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 10)); done
	echo "$port"
}

# free_pool: the first pool of public addresses whose first SSH port nothing answers at, so that two trees on one
# machine do not wait for each other's ports.
free_pool() {
	local octet=80
	while (exec 3<>"/dev/tcp/127.$octet.0.1/22") 2>/dev/null && [ $octet -lt 120 ]; do octet=$((octet + 1)); done
	echo "127.$octet.0.0/16"
}

# The node runs a copy of the binary: its processes start each other by that path, and a build must not pull it
# away under them.
if ! cmp -s bin/hive "$node/hive"; then
	stop_agent "$node"
	install -m 0755 bin/hive "$node/hive.new"
	mv -f "$node/hive.new" "$node/hive"
fi
hive=$node/hive

if [ ! -e "$node/hive.hcl" ]; then
	HIVE_LISTEN_GOSSIP=127.0.0.1:$(free_port 8444) HIVE_LISTEN_METRICS=127.0.0.1:$(free_port 9464) \
		HIVE_NETWORK_PUBLIC_POOL=$(free_pool) \
		"$hive" admin init --data-dir "$node" --region us-east-1 --az us-east-1a --node node1 \
		--api "127.0.0.1:$(free_port 9443)" --cluster "127.0.0.1:$(free_port 8443)"
fi

alive "$node" || start_agent "$node"

stop_following() {
	trap - INT TERM EXIT
	echo
	echo "dev: stopping"
	./scripts/dev-stop.sh
}
failed() {
	local status=$?
	[ $status -ne 0 ] || return 0
	echo "dev: the last lines of $node/agent.log:" >&2
	tail -n 15 "$node/agent.log" >&2 || true
	echo "dev: make dev-stop removes everything; make dev tries again" >&2
}
trap failed EXIT
[ "${DETACH:-0}" = 1 ] || trap 'stop_following; exit 130' INT TERM

if ! ready "$node" 120; then
	echo "dev: the agent did not start" >&2
	exit 1
fi

"$hive" quickstart --data-dir "$node" --dir "$dev" --cache .cache --env-file "$dev/env" --timeout "${DEV_TIMEOUT:-15m}" --quiet >"$dev/summary" \
	|| exit $?
. "$dev/env"

echo "--- boot log of $HIVE_INSTANCE"
# Firmware draws on the serial line; what it draws is no text.
"$hive" instance console "$HIVE_INSTANCE" --data-dir "$node" | sed -E 's/\x1b\[[0-9;=]*[A-Za-z]//g; s/\r//g' | grep -v '^ *$' | tail -n 25
echo "--- the AWS CLI's environment (. .dev/env)"
grep '^export AWS_' "$dev/env"
echo "--- log in"
echo "$HIVE_SSH"

if [ "${DETACH:-0}" = 1 ]; then
	exit 0
fi
echo "--- $node/agent.log (Ctrl-C removes everything; DETACH=1 leaves it running)"
tail -n 0 -F "$node/agent.log" &
follower=$!
trap 'kill $follower 2>/dev/null; stop_following; exit 0' INT TERM
while alive "$node"; do sleep 1; done
kill $follower 2>/dev/null || true
echo "dev: the agent ended by itself" >&2
exit 1
